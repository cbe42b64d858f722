import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { describe, it } from 'node:test';
import { createAddressGuard } from '../../forwarder/target/address-guard.ts';
import { httpTargets } from '../../forwarder/target/http.ts';
import type { Clock } from '../../forwarder/lib/clock.ts';
import type { Target } from '../../forwarder/model/target.ts';
import { invocationAt, SAMPLE_DATA_JSON } from '../support/invocations.ts';
import { principalWith } from '../support/principals.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { answer, head, ScriptedServer } from '../support/scripted-server.ts';
import { assertFails, call, type ExpectedFailure, targetContract } from './target.contract.ts';

const guard = createAddressGuard({ inPod: false, apiServers: [], deniedCidrs: [] });

interface Options {
  readonly reply?: 'Result' | 'Ignore';
  readonly headers?: Readonly<Record<string, string>>;
}

function httpTarget(url: string, clock: Clock, { reply = 'Result', headers = {} }: Options = {}): Target {
  const targets = httpTargets({ clock, guard, env: {} });
  return {
    ...targets.create({ type: 'http', url, headers }, { reply }, principalWith()),
    [Symbol.asyncDispose]: async () => await targets[Symbol.asyncDispose](),
  };
}

targetContract({
  name: 'HTTP target',
  targetAt: (origin, clock) => httpTarget(`${origin}/fn`, clock),
  success: (body) => answer(200, { 'content-type': 'application/json' }, body),
});

describe('HTTP target', () => {
  it('sends the event in binary mode', async () => {
    await using server = await ScriptedServer.start(answer(204));
    const clock = new ManualClock();
    await using target = httpTarget(`${server.origin}/fn?code=k`, clock, { headers: { 'X-Own': 'yes' } });
    const invocation = invocationAt(clock);
    assert.deepEqual(await target.invoke(invocation, new AbortController().signal), { kind: 'empty' });
    const { body, path, method, headers } = server.requests[0] ?? assert.fail('no request');
    assert.deepEqual({ body, path, method }, { body: SAMPLE_DATA_JSON, path: '/fn?code=k', method: 'POST' });
    const { datacontenttype, ...attributes } = invocation.attributes;
    assert.partialDeepStrictEqual(headers, {
      ...Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`ce-${name}`, value])),
      'content-type': datacontenttype,
      'idempotency-key': invocation.idempotencyKey,
      traceparent: attributes.traceparent,
      'x-own': 'yes',
      host: new URL(server.origin).host,
    });
    assert.equal(headers['accept-encoding'], undefined);
  });

  const stated = JSON.stringify({ kind: 'FunctionResult', error: { message: 'no' } });
  const json = { 'content-type': 'application/json' };
  for (const status of [422, 500]) {
    it(`takes the result that comes with ${status} as the function's word`, async () => {
      await using server = await ScriptedServer.start(answer(status, json, stated));
      const clock = new ManualClock();
      await using target = httpTarget(`${server.origin}/fn`, clock);
      assert.deepEqual(await call(target, clock), { kind: 'body', text: stated });
    });
  }

  for (const { reason, status = 500, headers = json, body = stated, reply = 'Result' } of [
    { reason: 'another status', status: 503 },
    { reason: 'a result without an error', body: '{"kind":"FunctionResult"}' },
    { reason: 'JSON of another kind', body: '{"kind":"Status","error":{}}' },
    { reason: 'a page that quotes a result', headers: { 'content-type': 'text/html' } },
    { reason: 'half a result', body: stated.slice(0, -1) },
    { reason: 'a trigger that reads no results', reply: 'Ignore' as const },
  ]) {
    it(`goes by the status for ${reason}`, async () => {
      await using server = await ScriptedServer.start(answer(status, headers, body));
      const clock = new ManualClock();
      await using target = httpTarget(`${server.origin}/fn`, clock, { reply });
      await assertFails(call(target, clock), {
        code: status === 500 ? 'TARGET_FAILED' : 'TARGET_UNAVAILABLE',
      });
    });
  }

  it('shows no query in its description or in messages', async () => {
    await using server = await ScriptedServer.start(answer(500));
    const clock = new ManualClock();
    await using target = httpTarget(`${server.origin}/fn?code=secret`, clock);
    assert.equal(target.description, `http ${server.origin}/fn`);
    await assert.rejects(call(target, clock), { message: `${server.origin}/fn answered 500` });
  });

  for (const { reason, script, expected } of [
    { reason: '204 has nothing to apply', script: answer(204), expected: { kind: 'empty' } },
    { reason: '205 has nothing to apply', script: answer(205), expected: { kind: 'empty' } },
    { reason: 'an empty 200 has nothing to apply', script: answer(200), expected: { kind: 'empty' } },
    {
      reason: '202 says accepted, whatever its body',
      script: answer(202, {}, '{}'),
      expected: { kind: 'accepted' },
    },
    {
      reason: 'the body of 201 is read',
      script: answer(201, { 'content-type': 'application/json' }, '{"a":1}'),
      expected: { kind: 'body', text: '{"a":1}' },
    },
    {
      reason:
        'a content type of text/html is left to whoever reads the text, since OpenFaaS sends JSON under it',
      script: answer(200, { 'content-type': 'text/html' }, '{"a":1}'),
      expected: { kind: 'body', text: '{"a":1}' },
    },
    {
      reason: 'a byte order mark is no part of the text',
      script: answer(200, {}, '\uFEFF{"a":1}'),
      expected: { kind: 'body', text: '{"a":1}' },
    },
    {
      reason: 'content-encoding identity is none',
      script: answer(200, { 'content-encoding': 'identity' }, '{}'),
      expected: { kind: 'body', text: '{}' },
    },
  ] as const) {
    it(`replies: ${reason}`, async () => {
      await using server = await ScriptedServer.start(script);
      const clock = new ManualClock();
      await using target = httpTarget(server.origin, clock);
      assert.deepEqual(await call(target, clock), expected);
    });
  }

  it('takes any 2xx as done without reading it where replies are ignored', async () => {
    for (const script of [
      answer(200, { 'content-type': 'text/html' }, 'ok'),
      answer(200, { 'content-encoding': 'gzip' }, 'not even gzip'),
      answer(200, { 'content-length': '104857600' }),
    ]) {
      await using server = await ScriptedServer.start(script);
      const clock = new ManualClock();
      await using target = httpTarget(server.origin, clock, { reply: 'Ignore' });
      assert.deepEqual(await call(target, clock), { kind: 'empty' });
    }
  });

  it('judges a failing status whose body never ends by the status, at the deadline', async () => {
    await using server = await ScriptedServer.start(
      (socket) => void socket.write(head(503, { 'content-length': '9' })),
    );
    const clock = new ManualClock();
    await using target = httpTarget(server.origin, clock);
    const headersReceived = new Promise<void>((resolve) => {
      const received = (): void => {
        unsubscribe('undici:request:headers', received);
        resolve();
      };
      subscribe('undici:request:headers', received);
    });
    const failure = assertFails(call(target, clock), {
      code: 'TARGET_UNAVAILABLE',
      blame: 'target',
      minWaitMs: 1000,
    });
    await headersReceived;
    await clock.advance(30_000);
    await failure;
  });

  it('quotes what a function says of its failure, on one line and cut', async () => {
    await using server = await ScriptedServer.start(
      answer(422, { 'content-type': 'text/plain' }, `bad\n${'x'.repeat(999)}`),
    );
    const clock = new ManualClock();
    await using target = httpTarget(server.origin, clock);
    await assert.rejects(call(target, clock), {
      message: `${server.origin}/ answered 422: bad ${'x'.repeat(251)}…`,
    });
  });

  const permanent: ExpectedFailure = {
    code: 'TARGET_REFUSED',
    blame: 'delivery',
    permanent: true,
    suspect: false,
  };
  const statuses: readonly (readonly [number, ExpectedFailure])[] = [
    [304, { code: 'TARGET_MISCONFIGURED', blame: 'target' }],
    [400, permanent],
    [401, { code: 'TARGET_FORBIDDEN', blame: 'delivery', permanent: true, suspect: true }],
    [402, permanent],
    [403, { code: 'TARGET_FORBIDDEN', blame: 'delivery', permanent: true, suspect: true }],
    [404, { code: 'TARGET_NOT_FOUND', blame: 'delivery', permanent: true, suspect: true }],
    [408, { code: 'TARGET_TIMEOUT', blame: 'delivery', permanent: false }],
    [409, { code: 'TARGET_REFUSED', blame: 'delivery', permanent: false }],
    [410, { code: 'TARGET_NOT_FOUND', blame: 'delivery', permanent: true, suspect: true }],
    [413, { code: 'TARGET_TOO_LARGE', blame: 'delivery', permanent: true }],
    [415, permanent],
    [422, permanent],
    [425, { code: 'TARGET_REFUSED', blame: 'delivery', permanent: false }],
    [499, permanent],
    [500, { code: 'TARGET_FAILED', blame: 'delivery', permanent: false, minWaitMs: 0 }],
    [501, { code: 'TARGET_FAILED', blame: 'target' }],
    [502, { code: 'TARGET_UNAVAILABLE', blame: 'target', minWaitMs: 0 }],
    [503, { code: 'TARGET_UNAVAILABLE', blame: 'target', minWaitMs: 1000 }],
    [504, { code: 'TARGET_TIMEOUT', blame: 'delivery', permanent: false }],
    [520, { code: 'TARGET_FAILED', blame: 'target' }],
    [999, { code: 'TARGET_FAILED', blame: 'target' }],
  ];
  for (const [status, expected] of statuses) {
    it(`reads ${status} as ${String(expected.code)}, the ${String(expected.blame)}'s`, async () => {
      await using server = await ScriptedServer.start(answer(status));
      const clock = new ManualClock();
      await using target = httpTarget(server.origin, clock);
      await assertFails(call(target, clock), { conclusive: false, ...expected });
    });
  }

  it('refuses forbidden addresses before it connects, by number and by name', async () => {
    await using server = await ScriptedServer.start(answer(204));
    const clock = new ManualClock();
    const inPod = createAddressGuard({ inPod: true, apiServers: [], deniedCidrs: [] });
    await using targets = httpTargets({ clock, guard: inPod, env: {} });
    for (const host of [
      '127.0.0.1',
      'localhost',
      '[::1]',
      '[::ffff:127.0.0.1]',
      '2130706433',
      '0',
      '169.254.169.254',
    ]) {
      const url = `http://${host}:${server.port}/`;
      const target = targets.create({ type: 'http', url, headers: {} }, { reply: 'Result' }, principalWith());
      await assertFails(call(target, clock), { code: 'TARGET_FORBIDDEN', blame: 'target', conclusive: true });
    }
    assert.equal(server.connections, 0);
  });

  it('never calls the API server, by whichever name it is reached', async () => {
    await using server = await ScriptedServer.start(answer(204));
    const clock = new ManualClock();
    const apiServers = [{ host: 'localhost', port: server.port }];
    const noApiServer = createAddressGuard({ inPod: false, apiServers, deniedCidrs: [] });
    await using targets = httpTargets({ clock, guard: noApiServer, env: {} });
    for (const host of ['127.0.0.1', 'localhost', 'LOCALHOST']) {
      const url = `http://${host}:${server.port}/`;
      const target = targets.create({ type: 'http', url, headers: {} }, { reply: 'Result' }, principalWith());
      await assertFails(call(target, clock), { code: 'TARGET_FORBIDDEN', blame: 'target', conclusive: true });
    }
    assert.equal(server.connections, 0);
  });
});
