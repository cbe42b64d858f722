/** What a reflector makes of servers that refuse, forget, fall silent or talk nonsense. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { passUntil, until } from '../../support/drive.ts';
import { type FakeApiServer, type Fault, statusBody } from '../../support/fake-apiserver.ts';
import { benchReflector } from '../../support/reflector-bench.ts';

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
  it('backs off when watches end at once with nothing in them, and still lists no second time', async (t) => {
    const { server, clock, listed } = await benchReflector(t);
    await listed();
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
      const { server, clock, log, synced, errors, listed } = await benchReflector(t);
      server.put({ name: 'a', uid: 'u1' });
      await listed(11);
      if (fault !== undefined) once(server, 'watch', fault);
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
    const { server, run, clock, log } = await benchReflector(t);
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
    const { server, run, clock, log } = await benchReflector(t);
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
    const { server, clock, log, errors, listed } = await benchReflector(t);
    await listed();
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
    const { server, clock, log, listed } = await benchReflector(t);
    await listed();
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
      const { server, clock, log, errors, listed } = await benchReflector(t);
      await listed();
      server.say(text);
      await until(clock, 'the error', () => errors.length === 1);
      assert.equal(errors[0]?.code, 'API_PROTOCOL');
      server.put({ name: 'a', uid: 'u1' });
      await passUntil(clock, { what: 'the event', maxMs: 5000 }, () => log.includes('ADDED u1 11'));
      assert.equal(server.count('stream'), 1);
    });
  }

  it('gets past an event that can never be read by listing', async (t) => {
    const { server, clock, listed } = await benchReflector(t);
    await listed();
    server.fault = ({ kind }) => (kind === 'watch' ? { kind: 'body', text: '{"type":1}' } : undefined);
    server.endWatches();
    await passUntil(clock, { what: 'another list', maxMs: 60_000 }, () => server.count('stream') === 2);
    assert.equal(server.count('watch'), 3);
  });

  it('keeps trying while it is forbidden, at most 10 s apart', async (t) => {
    const { server, run, clock, log, errors } = await benchReflector(t, { random: 0.999 });
    server.fault = () => ({ kind: 'status', status: 403, body: statusBody(403, 'Forbidden') });
    run();
    await passUntil(clock, { what: 'many refusals', maxMs: 120_000 }, () => errors.length === 10);
    assert.equal(errors[0]?.code, 'API_FORBIDDEN');
    server.fault = () => undefined;
    await passUntil(clock, { what: 'the list', maxMs: 10_000 }, () => log.includes('listed 10'));
  });

  it('reads a list anew, in one go, when its pages expire', async (t) => {
    const { server, run, clock, synced } = await benchReflector(t);
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
});
