import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { passUntil, until } from '../../support/drive.ts';
import { type Fault } from '../../support/fake-apiserver.ts';
import { benchReflector } from '../../support/reflector-bench.ts';

describe('Reflector', () => {
  it('lists by streaming and goes on watching on the same connection', async (t) => {
    const { server, clock, log, synced, listed } = await benchReflector(t);
    server.put({ name: 'a', uid: 'u1' });
    await listed(11);
    server.put({ name: 'a', uid: 'u1' });
    server.put({ name: 'b', uid: 'u2' });
    server.delete({ name: 'a' });
    await until(clock, 'the deletion', () => log.includes('DELETED u1 14'));
    await synced();
    assert.deepEqual(log, ['list', 'listed 11', 'MODIFIED u1 12', 'ADDED u2 13', 'DELETED u1 14']);
    assert.equal(server.requests.length, 1);
  });

  it('asks for bookmarks, for an end after 5 to 10 minutes, and for the newest state', async (t) => {
    const { server, clock, listed } = await benchReflector(t, { random: 0.5 });
    await listed();
    server.endWatches();
    await until(clock, 'the watch', () => server.count('watch') === 1);
    const [stream, watch] = server.requests.map(({ query }) => Object.fromEntries(query));
    const common = { watch: 'true', allowWatchBookmarks: 'true', timeoutSeconds: '450' };
    assert.deepEqual(stream, { ...common, sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan' });
    assert.deepEqual(watch, { ...common, resourceVersion: '10' });
  });

  it('asks for identity encoding and under its own name', async (t) => {
    const { server, listed } = await benchReflector(t);
    await listed();
    const headers = server.requests[0]?.headers;
    assert.equal(headers?.['accept-encoding'], 'identity');
    assert.equal(headers['user-agent'], 'statewire');
  });

  it('lists in pages where the server knows no streaming lists, and does not ask again for 10 minutes', async (t) => {
    const { server, run, clock, log, synced, state } = await benchReflector(t);
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
    const { server, clock, log, listed } = await benchReflector(t);
    await listed();
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

  it('skips events of an unknown type', async (t) => {
    const { server, clock, log, errors, listed } = await benchReflector(t);
    await listed();
    server.say('{"type":"NOVEL","object":{}}');
    server.put({ name: 'a', uid: 'u1' });
    await until(clock, 'the event', () => log.includes('ADDED u1 11'));
    assert.equal(errors.length, 0);
  });

  it('drops events that are older than what it has seen', async (t) => {
    const { server, clock, log, listed } = await benchReflector(t);
    await listed();
    server.say('{"type":"ADDED","object":{"metadata":{"name":"a","uid":"u0","resourceVersion":"9"}}}');
    server.put({ name: 'a', uid: 'u1' });
    await until(clock, 'the event', () => log.includes('ADDED u1 11'));
    assert.deepEqual(log, ['list', 'listed 10', 'ADDED u1 11']);
  });

  it('ends when the kind is not served any more', async (t) => {
    const { server, clock, ended, listed } = await benchReflector(t);
    await listed();
    server.served = false;
    server.endWatches();
    await passUntil(clock, { what: 'the end', maxMs: 2000 }, () => ended() === 'absent');
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
      const { server, run, clock, halt, ended } = await benchReflector(t);
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
