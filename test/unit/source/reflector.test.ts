import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { passUntil, until } from '../../support/drive.ts';
import { FakeApiServer, type Fault, statusBody } from '../../support/fake-apiserver.ts';
import { RecordingReflector } from '../../support/recording-reflector.ts';

/** A reflector on a fake API server; nothing of it may be left when the test is over. */
async function setUp(t: TestContext, options: { readonly random?: number } = {}) {
  const server = await FakeApiServer.start();
  const reflector = new RecordingReflector(server, options);
  const { clock, log, errors, state } = reflector;
  t.after(async () => {
    await reflector.stop();
    await until(clock, 'end of all sockets', () => server.open === 0);
    assert.equal(clock.pending, 0, 'timers are left');
    await server[Symbol.asyncDispose]();
  });
  return {
    server,
    clock,
    log,
    errors,
    state,
    run: () => reflector.run(),
    halt: () => reflector.stop(),
    synced: () => until(clock, 'the state of the server', () => reflector.agrees),
    ended: () => reflector.ended,
  };
}

/** Answers the first request of a kind with a fault. */
function once(server: FakeApiServer, kind: 'list' | 'stream' | 'watch', fault: Fault): void {
  let done = false;
  server.fault = (request) => {
    if (done || request.kind !== kind) return undefined;
    done = true;
    return fault;
  };
}

describe('Reflector', () => {
  it('lists by streaming and goes on watching on the same connection', async (t) => {
    const { server, run, clock, log, synced } = await setUp(t);
    server.put({ name: 'a', uid: 'u1' });
    run();
    await until(clock, 'the list', () => log.includes('listed 11'));
    server.put({ name: 'a', uid: 'u1' });
    server.put({ name: 'b', uid: 'u2' });
    server.delete({ name: 'a' });
    await until(clock, 'the deletion', () => log.includes('DELETED u1 14'));
    await synced();
    assert.deepEqual(log, ['list', 'listed 11', 'MODIFIED u1 12', 'ADDED u2 13', 'DELETED u1 14']);
    assert.equal(server.requests.length, 1);
  });

  it('asks for bookmarks, for an end after 5 to 10 minutes, and for the newest state', async (t) => {
    const { server, run, clock, log } = await setUp(t, { random: 0.5 });
    run();
    await until(clock, 'the list', () => log.includes('listed 10'));
    server.endWatches();
    await until(clock, 'the watch', () => server.count('watch') === 1);
    const [stream, watch] = server.requests.map(({ query }) => Object.fromEntries(query));
    const common = { watch: 'true', allowWatchBookmarks: 'true', timeoutSeconds: '450' };
    assert.deepEqual(stream, { ...common, sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan' });
    assert.deepEqual(watch, { ...common, resourceVersion: '10' });
  });

  it('asks for identity encoding and under its own name', async (t) => {
    const { server, run, clock, log } = await setUp(t);
    run();
    await until(clock, 'the list', () => log.includes('listed 10'));
    const headers = server.requests[0]?.headers;
    assert.equal(headers?.['accept-encoding'], 'identity');
    assert.equal(headers['user-agent'], 'statewire');
  });

  it('lists in pages where the server knows no streaming lists, and does not ask again for 10 minutes', async (t) => {
    const { server, run, clock, log, synced, state } = await setUp(t);
    server.streaming = false;
    for (let i = 0; i < 1201; i++) server.put({ name: `a${i}`, uid: `u${i}` });
    run();
    const startMs = clock.monotonic();
    await until(clock, 'the watch', () => server.watches === 1);
    await synced();
    assert.equal(state.size, 1201);
    assert.deepEqual(
      server.requests.filter(({ kind }) => kind === 'list').map(({ query }) => Object.fromEntries(query)),
      [{ limit: '500' }, { limit: '500', continue: '500' }, { limit: '500', continue: '1000' }],
    );
    const loseHistory = (): void => {
      server.endWatches();
      server.put({ name: 'b', uid: 'v' });
      server.compact();
    };
    loseHistory();
    await passUntil(clock, { what: 'the second list', maxMs: 5000 }, () => log.includes('listed 1212'));
    assert.equal(server.count('stream'), 1);
    await passUntil(clock, { what: 'ten minutes', maxMs: 700_000, stepMs: 20_000 }, () => {
      return clock.monotonic() >= startMs + 600_000 && server.watches === 1;
    });
    loseHistory();
    await passUntil(clock, { what: 'streaming again', maxMs: 5000 }, () => server.count('stream') === 2);
    await synced();
  });

  it('opens a watch that ends again at once, from the last version, without a list', async (t) => {
    const { server, run, clock, log } = await setUp(t);
    run();
    await until(clock, 'the list', () => log.includes('listed 10'));
    server.put({ name: 'a', uid: 'u1' });
    server.bookmark();
    await until(clock, 'the event', () => log.includes('ADDED u1 11'));
    for (const how of ['close', 'reset'] as const) {
      server.endWatches(how);
      const before = server.count('watch');
      await until(
        clock,
        'the next watch',
        () => server.count('watch') === before + 1 && server.watches === 1,
      );
      // An event in each, or it would count as very short.
      server.bookmark();
      await clock.advance(1000);
    }
    assert.equal(server.count('stream'), 1);
    assert.equal(server.requests[1]?.query.get('resourceVersion'), '12');
  });

  it('backs off when watches end at once with nothing in them, and still lists no second time', async (t) => {
    const { server, run, clock, log } = await setUp(t);
    run();
    await until(clock, 'the list', () => log.includes('listed 10'));
    server.fault = () => ({ kind: 'body', text: '' });
    server.endWatches();
    // With random 0 the series is 0.8, 1.6, 3.2, 6.4 s; the first watch had lasted less than a second.
    await passUntil(clock, { what: 'four watches', maxMs: 20_000 }, () => server.count('watch') === 4);
    assert.equal(server.count('stream'), 1);
    const tookMs = await passUntil(
      clock,
      { what: 'one more', maxMs: 20_000 },
      () => server.count('watch') === 5,
    );
    assert.ok(tookMs > 6000, `it came after ${tookMs} ms`);
  });

  for (const [form, fault] of [
    ['an ERROR event', undefined],
    ['an HTTP answer', { kind: 'status', status: 410, body: statusBody(410, 'Expired') }],
  ] as const) {
    it(`lists again when the version is gone, told by ${form}`, async (t) => {
      const { server, run, clock, log, synced, errors } = await setUp(t);
      server.put({ name: 'a', uid: 'u1' });
      run();
      await until(clock, 'the list', () => log.includes('listed 11'));
      if (fault !== undefined) once(server, 'watch', fault);
      server.fault = (
        (usual) => (request) =>
          usual(request)
      )(server.fault);
      server.endWatches('reset');
      server.delete({ name: 'a' });
      server.put({ name: 'b', uid: 'u2' });
      server.compact();
      await passUntil(clock, { what: 'the second list', maxMs: 2000 }, () => log.includes('listed 13'));
      await synced();
      assert.deepEqual(
        errors.map(({ code }) => code),
        ['API_EXPIRED'],
      );
    });
  }

  it('does not hammer a server whose versions are gone as soon as it names them', async (t) => {
    const { server, run, clock, log } = await setUp(t);
    server.streaming = false;
    server.fault = ({ kind }) =>
      kind === 'watch' ? { kind: 'status', status: 410, body: statusBody(410, 'Expired') } : undefined;
    run();
    await until(clock, 'the first lists', () => log.filter((line) => line.startsWith('listed')).length === 2);
    for (let i = 0; i < 200; i++) await clock.advance(0);
    assert.equal(server.count('list'), 2);
    await clock.advance(800);
    await until(clock, 'one more', () => server.count('list') === 3);
  });

  it('waits as long as a throttling server asks for', async (t) => {
    const { server, run, clock, log } = await setUp(t);
    once(server, 'stream', {
      kind: 'status',
      status: 429,
      headers: { 'retry-after': '7' },
      body: statusBody(429, 'TooManyRequests'),
    });
    run();
    const tookMs = await passUntil(clock, { what: 'the list', maxMs: 10_000 }, () =>
      log.includes('listed 10'),
    );
    assert.ok(tookMs >= 7000, `it came after ${tookMs} ms`);
    assert.equal(server.count('stream'), 2);
  });

  it('goes on from its version after a 500 and after an error event, without a list', async (t) => {
    const { server, run, clock, log, errors } = await setUp(t);
    run();
    await until(clock, 'the list', () => log.includes('listed 10'));
    const faults: Fault[] = [
      { kind: 'status', status: 500, body: statusBody(500, 'InternalError') },
      { kind: 'body', text: `{"type":"ERROR","object":${statusBody(500, 'InternalError')}}` },
      { kind: 'body', text: `{"type":"ERROR","object":${statusBody(429, 'TooManyRequests')}}` },
    ];
    server.fault = ({ kind }) => (kind === 'watch' ? faults.shift() : undefined);
    server.put({ name: 'a', uid: 'u1' });
    server.endWatches();
    await passUntil(
      clock,
      { what: 'the event', maxMs: 20_000 },
      () => log.includes('ADDED u1 11') && faults.length === 0,
    );
    await passUntil(clock, { what: 'a watch', maxMs: 20_000 }, () => server.watches === 1);
    assert.equal(server.count('stream'), 1);
    assert.deepEqual(
      errors.map(({ code }) => code),
      ['API_UNAVAILABLE', 'API_UNAVAILABLE', 'API_THROTTLED'],
    );
  });

  it('gives up a watch that has fallen silent, frees its socket and misses nothing', async (t) => {
    const { server, run, clock, log } = await setUp(t);
    run();
    await until(clock, 'the list', () => log.includes('listed 10'));
    await clock.advance(80_000);
    server.bookmark();
    await until(clock, 'silence of 80 s to be over', () => server.watches === 1);
    await clock.advance(80_000);
    assert.equal(server.count('watch'), 0);
    server.fault = ({ kind }) =>
      kind === 'watch' && server.count('watch') === 1 ? { kind: 'mute' } : undefined;
    await clock.advance(2000);
    await until(clock, 'a new watch', () => server.count('watch') === 1);
    // The second one never answers at all: not even its head.
    server.put({ name: 'a', uid: 'u1' });
    await clock.advance(82_000);
    await passUntil(clock, { what: 'the event', maxMs: 5000 }, () => log.includes('ADDED u1 12'));
    assert.equal(server.count('stream'), 1);
    await until(clock, 'one socket', () => server.open === 1);
  });

  const UNREADABLE: readonly { readonly reason: string; readonly text: string }[] = [
    { reason: 'not JSON', text: 'hello\n' },
    { reason: 'an event without type', text: '{"object":{"metadata":{"resourceVersion":"99"}}}' },
    {
      reason: 'an object without version',
      text: '{"type":"ADDED","object":{"metadata":{"name":"a","uid":"u"}}}',
    },
    { reason: 'a bookmark without version', text: '{"type":"BOOKMARK","object":{}}' },
  ];
  for (const { reason, text } of UNREADABLE) {
    it(`ends a watch that sends ${reason}, reports it and goes on from the last version`, async (t) => {
      const { server, run, clock, log, errors } = await setUp(t);
      run();
      await until(clock, 'the list', () => log.includes('listed 10'));
      server.say(text);
      await until(clock, 'the error', () => errors.length === 1);
      assert.equal(errors[0]?.code, 'API_PROTOCOL');
      server.put({ name: 'a', uid: 'u1' });
      await passUntil(clock, { what: 'the event', maxMs: 5000 }, () => log.includes('ADDED u1 11'));
      assert.equal(server.count('stream'), 1);
    });
  }

  it('gets past an event that can never be read by listing', async (t) => {
    const { server, run, clock, log } = await setUp(t);
    run();
    await until(clock, 'the list', () => log.includes('listed 10'));
    server.fault = ({ kind }) => (kind === 'watch' ? { kind: 'body', text: '{"type":1}' } : undefined);
    server.endWatches();
    await passUntil(clock, { what: 'another list', maxMs: 60_000 }, () => server.count('stream') === 2);
    assert.equal(server.count('watch'), 3);
  });

  it('skips events of an unknown type', async (t) => {
    const { server, run, clock, log, errors } = await setUp(t);
    run();
    await until(clock, 'the list', () => log.includes('listed 10'));
    server.say('{"type":"NOVEL","object":{}}');
    server.put({ name: 'a', uid: 'u1' });
    await until(clock, 'the event', () => log.includes('ADDED u1 11'));
    assert.equal(errors.length, 0);
  });

  it('drops events that are older than what it has seen', async (t) => {
    const { server, run, clock, log } = await setUp(t);
    run();
    await until(clock, 'the list', () => log.includes('listed 10'));
    server.say('{"type":"ADDED","object":{"metadata":{"name":"a","uid":"u0","resourceVersion":"9"}}}');
    server.put({ name: 'a', uid: 'u1' });
    await until(clock, 'the event', () => log.includes('ADDED u1 11'));
    assert.deepEqual(log, ['list', 'listed 10', 'ADDED u1 11']);
  });

  it('ends when the kind is not served any more', async (t) => {
    const { server, run, clock, log, ended } = await setUp(t);
    run();
    await until(clock, 'the list', () => log.includes('listed 10'));
    server.served = false;
    server.endWatches();
    await passUntil(clock, { what: 'the end', maxMs: 2000 }, () => ended() === 'absent');
  });

  it('keeps trying while it is forbidden, at most 10 s apart', async (t) => {
    const { server, run, clock, log, errors } = await setUp(t, { random: 0.999 });
    server.fault = () => ({ kind: 'status', status: 403, body: statusBody(403, 'Forbidden') });
    run();
    await passUntil(clock, { what: 'many refusals', maxMs: 120_000 }, () => errors.length === 10);
    assert.equal(errors[0]?.code, 'API_FORBIDDEN');
    server.fault = () => undefined;
    await passUntil(clock, { what: 'the list', maxMs: 10_000 }, () => log.includes('listed 10'));
  });

  it('reads a list anew, in one go, when its pages expire', async (t) => {
    const { server, run, clock, synced } = await setUp(t);
    server.streaming = false;
    for (let i = 0; i < 600; i++) server.put({ name: `a${i}`, uid: `u${i}` });
    server.fault = ({ query }) => {
      if (!query.has('continue')) return undefined;
      server.delete({ name: 'a3' });
      return { kind: 'status', status: 410, body: statusBody(410, 'Expired') };
    };
    run();
    await until(clock, 'the watch', () => server.watches === 1);
    await synced();
    assert.deepEqual(
      server.requests.filter(({ kind }) => kind === 'list').map(({ query }) => query.has('limit')),
      [true, true, false],
    );
  });

  const MOMENTS: readonly {
    readonly moment: string;
    readonly fault: (request: { kind: string }) => Fault | undefined;
  }[] = [
    { moment: 'a streaming list', fault: ({ kind }) => (kind === 'stream' ? { kind: 'mute' } : undefined) },
    {
      moment: 'a paged list',
      fault: ({ kind }) =>
        kind === 'stream' ? { kind: 'status', status: 422 } : kind === 'list' ? { kind: 'mute' } : undefined,
    },
    { moment: 'a back-off', fault: () => ({ kind: 'status', status: 503 }) },
    { moment: 'a watch', fault: () => undefined },
  ];
  for (const { moment, fault } of MOMENTS) {
    it(`stops during ${moment} without another request`, async (t) => {
      const { server, run, clock, halt, ended } = await setUp(t);
      server.fault = fault;
      run();
      await until(clock, 'a request', () => server.requests.length > 0);
      for (let i = 0; i < 50; i++) await clock.advance(0);
      const before = server.requests.length;
      await halt();
      await clock.advance(120_000);
      assert.equal(server.requests.length, before);
      assert.ok(ended() instanceof Error);
    });
  }
});
