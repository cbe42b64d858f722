/** Function hosts that fail in every way of the catalogue (T1–T8): real sockets, virtual time. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { SpecPatch } from '../support/pipeline-world.ts';
import { overrideNames } from '../support/names.ts';
import { answer, head, type Script, ScriptedServer } from '../support/scripted-server.ts';
import { selfSigned } from '../support/certificates.ts';
import { TargetWorld } from '../support/target-world.ts';

/** Waits of 150, 300, 600, … ms, since the world's random is 0.5: three quarters of each step. */
const DELIVERY = { backoff: { initialMs: 200, maxMs: 20_000 } } as const;

interface Faulty {
  readonly server: ScriptedServer;
  readonly target: TargetWorld;
}

async function faulty(
  t: TestContext,
  script: Script,
  spec: SpecPatch = { delivery: DELIVERY },
): Promise<Faulty> {
  const server = await ScriptedServer.start(script);
  t.after(() => server[Symbol.asyncDispose]());
  return { server, target: await TargetWorld.start(t, server.origin, spec) };
}

const result = (rest: object): string => JSON.stringify({ kind: 'FunctionResult', ...rest });
const body = (rest: object): Script => answer(200, { 'content-type': 'application/json' }, result(rest));

describe('T1: a function that answers with a failing status', () => {
  const backoff = [150, 300];
  for (const { status, waits } of [
    { status: 408, waits: backoff },
    { status: 409, waits: backoff },
    { status: 425, waits: backoff },
    { status: 500, waits: backoff },
    { status: 504, waits: backoff },
    { status: 502, waits: [150, 300, 600, 1200, 2400, 4800, 9600] },
    { status: 301, waits: [150, 300, 600, 1200, 2400, 4800, 9600] },
    // Somebody who asks for room gets a second of it at least.
    { status: 429, waits: [1000, 1000, 1000, 1200, 2400, 4800, 9600] },
    { status: 503, waits: [1000, 1000, 1000, 1200, 2400, 4800, 9600] },
  ]) {
    it(`${status} is tried again after growing waits`, async (t) => {
      const { target } = await faulty(t, answer(status));
      target.world.cluster.create('web');
      await target.pass(25_000);
      assert.deepEqual(target.waits('web'), waits);
      assert.equal(new Set(target.attempts.map(({ id }) => id)).size, 1);
      const isDeliverys = waits === backoff;
      assert.equal(target.world.givenUp.length, isDeliverys ? 1 : 0);
      // Attempts of the delivery count, those of the target do not.
      assert.deepEqual(
        target.attempts.map(({ attempt }) => attempt),
        target.attempts.map((_, index) => (isDeliverys ? index + 1 : 1)),
      );
    });
  }

  for (const status of [400, 401, 403, 404, 410, 413, 415, 422]) {
    it(`${status} is final, and an Event says so`, async (t) => {
      const { target } = await faulty(t, answer(status));
      target.world.cluster.create('web');
      await target.pass(25_000);
      assert.equal(target.attempts.length, 1);
      assert.equal(target.world.givenUp.length, 1);
    });
  }

  for (const status of [429, 503, 500]) {
    // Below a second counts as a second, and nobody may ask for more than backoff.max.
    const none = status === 500 ? 150 : 1000;
    for (const { given, wait } of [
      { given: () => '0', wait: none },
      { given: () => '-5', wait: none },
      { given: () => 'soon', wait: none },
      { given: () => '', wait: none },
      { given: () => '1', wait: 1000 },
      { given: () => '7', wait: 7000 },
      { given: () => '1000000000', wait: 20_000 },
      { given: (nowMs: number) => new Date(nowMs - 60_000).toUTCString(), wait: none },
      { given: (nowMs: number) => new Date(nowMs + 7000).toUTCString(), wait: 7000 },
      { given: () => 'Fri, 01 Jan 2100 00:00:00 GMT', wait: 20_000 },
    ]) {
      it(`${status} with Retry-After "${given(Date.UTC(2026, 0, 1))}" waits ${wait} ms`, async (t) => {
        const { target } = await faulty(t, (socket, request) => {
          const headers = { 'retry-after': given(target.world.clock.now()) };
          return answer(status, headers)(socket, request);
        });
        target.world.cluster.create('web');
        await target.pass(wait);
        assert.equal(target.waits('web')[0], wait);
      });
    }
  }

  for (const retryAfter of ['0', '-5', 'garbage']) {
    it(`429 with Retry-After "${retryAfter}" for 50 objects is tried at most once a second`, async (t) => {
      const { target } = await faulty(t, answer(429, { 'retry-after': retryAfter }));
      for (let n = 0; n < 50; n++) target.world.cluster.create(`web-${n}`);
      await target.pass(60_000);
      // What was under way when the circuit opened is within `concurrency`.
      assert.ok(target.perSecond() <= 10, `${target.perSecond()} at first`);
      assert.ok(target.perSecond(1000) <= 1, `${target.perSecond(1000)} later`);
      assert.ok(target.attempts.length < 20);
      assert.deepEqual(target.world.givenUp, []);
      assert.equal(target.world.condition('TargetReachable'), 'False TargetThrottled');
    });
  }
});

describe('T2: a function that cannot be reached', () => {
  it('because its name does not exist gets all that waited once it does, wherever it moves', async (t) => {
    const names = new Map<string, string | undefined>([['fn.example', undefined]]);
    overrideNames(t, names);
    const one = await ScriptedServer.start(answer(204));
    const { port } = one;
    const two = await ScriptedServer.start(answer(204), undefined, { host: '127.0.0.2', port }).catch(
      () => undefined,
    );
    t.after(() => one[Symbol.asyncDispose]());
    if (two === undefined) return t.skip('this computer has one loopback address');
    t.after(() => two[Symbol.asyncDispose]());
    const target = await TargetWorld.start(t, `http://fn.example:${port}`, { delivery: DELIVERY });
    for (let n = 0; n < 20; n++) target.world.cluster.create(`web-${n}`);
    await target.pass(60_000);
    assert.equal(target.world.condition('TargetReachable'), 'False TargetUnreachable');
    assert.ok(target.perSecond(1000) <= 1);

    names.set('fn.example', '127.0.0.1');
    await target.pass(10_000);
    assert.equal(one.requests.length, 20);
    assert.equal(target.world.condition('TargetReachable'), 'True');
    assert.deepEqual(target.world.givenUp, []);
    assert.ok(target.attempts.every(({ attempt }) => attempt === 1));

    // The old address goes on answering; a connection to it is kept for half a minute at most.
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() });
    names.set('fn.example', '127.0.0.2');
    t.mock.timers.tick(31_000);
    target.world.cluster.edit('web-0', { size: 2 });
    await target.answered();
    assert.deepEqual([one.requests.length, two.requests.length], [20, 1]);

    // And where it goes, the next attempt finds the new one.
    names.set('fn.example', '127.0.0.1');
    await two[Symbol.asyncDispose]();
    target.world.cluster.edit('web-0', { size: 3 });
    await target.pass(5000);
    assert.equal(one.requests.at(-1)?.headers['ce-id'], 'web-0-1:g3');
    return undefined;
  });

  it('because of a certificate that nobody vouches for is never spoken to, and probed', async (t) => {
    const server = await ScriptedServer.start(answer(204), selfSigned());
    t.after(() => server[Symbol.asyncDispose]());
    const target = await TargetWorld.start(t, server.origin, { delivery: DELIVERY });
    for (let n = 0; n < 20; n++) target.world.cluster.create(`web-${n}`);
    await target.pass(60_000);
    assert.equal(server.requests.length, 0);
    assert.ok(target.perSecond(1000) <= 1);
    assert.deepEqual(target.world.givenUp, []);
    assert.equal(target.world.condition('TargetReachable'), 'False TargetUnreachable');
  });
});

describe('T3: a function that never comes to an end', () => {
  const drip: Script = (socket) => {
    socket.write(head(200, { 'content-length': '1000000' }));
    const more = (): void => {
      if (!socket.destroyed) socket.write('x', () => setImmediate(more));
    };
    more();
  };
  for (const { title, script } of [
    { title: 'never answers', script: () => undefined },
    {
      title: 'sends headers only',
      script: (socket) => void socket.write(head(200, { 'content-length': '9' })),
    },
    { title: 'drips its body', script: drip },
  ] as readonly { readonly title: string; readonly script: Script }[]) {
    it(`${title} holds its slot until the deadline, and no longer`, async (t) => {
      const { target } = await faulty(
        t,
        (socket, request) =>
          request.headers['ce-name'] === 'bad' ? script(socket, request) : answer(204)(socket, request),
        { delivery: { ...DELIVERY, timeoutMs: 5000, concurrency: 1, maxAttempts: 2 } },
      );
      target.world.cluster.create('bad');
      await target.answered();
      target.world.cluster.create('good');
      await target.pass(4950);
      assert.deepEqual(target.of('good'), []);
      await target.pass(50);
      assert.equal(target.of('good')[0]?.startedMs, target.of('bad')[0]?.endedMs);
      assert.equal(target.of('bad')[0]?.endedMs, 5000);
      await target.pass(20_000);
      assert.deepEqual(
        target.of('bad').map(({ came, attempt }) => `${came} ${attempt}`),
        ['TARGET_TIMEOUT 1', 'TARGET_TIMEOUT 2'],
      );
    });
  }

  it('or floods is cut off at once, and costs its own object attempts only', async (t) => {
    const flood: Script = (socket) => {
      socket.write(head(200, { 'transfer-encoding': 'chunked' }));
      const more = (): void => {
        if (socket.destroyed) return;
        if (socket.write(`10000\r\n${'x'.repeat(0x10000)}\r\n`)) setImmediate(more);
        else socket.once('drain', more);
      };
      more();
    };
    const { target } = await faulty(t, (socket, request) =>
      request.headers['ce-name'] === 'bad' ? flood(socket, request) : answer(204)(socket, request),
    );
    target.world.cluster.create('bad');
    target.world.cluster.create('good');
    await target.pass(10_000);
    assert.deepEqual(
      target.of('bad').map(({ came }) => came),
      ['TARGET_BAD_REPLY', 'TARGET_BAD_REPLY', 'TARGET_BAD_REPLY'],
    );
    assert.equal(target.of('good').length, 1);
    assert.equal(target.world.condition('TargetReachable'), 'True');
  });
});

describe('T4: a function that succeeds after our deadline', () => {
  it('is called again once, with an equal id, not before the deadline, and its late answer is nothing', async (t) => {
    const late: (() => void)[] = [];
    const { server, target } = await faulty(
      t,
      (socket, request) => {
        if (late.length > 0) return body({ status: { phase: 'Second' } })(socket, request);
        late.push(() => void body({ status: { phase: 'First' } })(socket, request));
        return undefined;
      },
      { delivery: { ...DELIVERY, timeoutMs: 5000 } },
    );
    target.world.cluster.create('web');
    await target.pass(4000);
    // A change does not shorten it: the call counts as running until its deadline.
    target.world.cluster.annotate('web', { touched: 'yes' });
    await target.pass(1000);
    late[0]?.();
    await target.pass(10_000);
    assert.deepEqual(
      target.attempts.map(({ id, startedMs, came }) => ({ id, startedMs, came })),
      [
        { id: 'web-1:g1', startedMs: 0, came: 'TARGET_TIMEOUT' },
        { id: 'web-1:g1', startedMs: 5150, came: 'done' },
      ],
    );
    assert.equal(server.requests.length, 2);
    assert.deepEqual(target.world.cluster.object('web')?.['status'], { phase: 'Second' });
  });
});

describe('T5: a connection that is lost after the request was sent', () => {
  for (const { title, cut } of [
    { title: 'by a reset', cut: (socket) => void socket.resetAndDestroy() },
    { title: 'by a close', cut: (socket) => void socket.end() },
    {
      title: 'within the answer',
      cut: (socket) => void socket.end(`${head(200, { 'content-length': '100' })}{"kind":`),
    },
  ] as readonly { readonly title: string; readonly cut: Script }[]) {
    it(`${title} is one more attempt, with an equal id`, async (t) => {
      let call = 0;
      const { server, target } = await faulty(t, (socket, request) =>
        ++call === 1 ? cut(socket, request) : answer(204)(socket, request),
      );
      target.world.cluster.create('web');
      await target.pass(30_000);
      assert.deepEqual(
        server.requests.map(({ headers }) => `${headers['ce-id']} ${headers['ce-statewireattempt']}`),
        ['web-1:g1 1', 'web-1:g1 2'],
      );
      const keys = server.requests.map(({ headers }) => headers['idempotency-key']);
      assert.equal(keys[0], keys[1]);
    });
  }

  it('as the server closed it for being idle is one more attempt', async (t) => {
    const { server, target } = await faulty(t, answer(204));
    target.world.cluster.create('one');
    await target.answered();
    server.script = (socket, request) =>
      request.connection === 0 ? void socket.destroy() : void answer(204)(socket, request);
    target.world.cluster.create('two');
    await target.pass(30_000);
    assert.deepEqual(
      target.of('two').map(({ id, came }) => `${id} ${came}`),
      ['two-2:g1 TARGET_ABORTED', 'two-2:g1 done'],
    );
  });
});

describe('T8: a function that answers 200 and states nothing', () => {
  it('is believed; the status goes on saying what was stated last, of the generation before', async (t) => {
    const { server, target } = await faulty(t, body({ status: { phase: 'First' } }));
    const { cluster } = target.world;
    cluster.create('web', { size: 1 });
    await target.answered();
    server.script = body({});
    cluster.edit('web', { size: 2 });
    await target.pass(60_000);
    assert.equal(target.attempts.length, 2);
    assert.deepEqual(cluster.object('web')?.['status'], { phase: 'First' });
    assert.deepEqual(target.world.counts, { watched: 1, pending: 0, failing: 0, deadLettered: 0 });
  });

  it('is asked again when it wants to be', async (t) => {
    const { server, target } = await faulty(t, body({ requeueAfter: '30s' }));
    target.world.cluster.create('web');
    await target.answered();
    server.script = body({ status: { phase: 'Ready' } });
    await target.pass(29_900);
    assert.equal(target.attempts.length, 1);
    await target.pass(100);
    assert.deepEqual(target.world.cluster.object('web')?.['status'], { phase: 'Ready' });
  });
});
