/** The gateway does not run here: a scripted server stands for it, with the answers that the gateway and of-watchdog give. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CallbackDesk } from '../../forwarder/callback/callback-desk.ts';
import type { Callbacks } from '../../forwarder/model/callbacks.ts';
import type { Clock } from '../../forwarder/lib/clock.ts';
import type { Target } from '../../forwarder/model/target.ts';
import type { OpenFaasTarget } from '../../forwarder/model/trigger.ts';
import { createAddressGuard } from '../../forwarder/target/address-guard.ts';
import { openFaasTargets } from '../../forwarder/target/openfaas.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { principalWith } from '../support/principals.ts';
import { answer, type ReceivedRequest, ScriptedServer } from '../support/scripted-server.ts';
import { assertFails, call, type ExpectedFailure, targetContract } from './target.contract.ts';

const guard = createAddressGuard({ inPod: false, apiServers: [], deniedCidrs: [] });

function openFaas(
  gateway: string,
  clock: Clock,
  spec: Partial<OpenFaasTarget> = {},
  callbacks?: Callbacks,
): Target {
  const targets = openFaasTargets({ clock, guard, env: {}, ...(callbacks !== undefined && { callbacks }) });
  return {
    ...targets.create(
      { type: 'openfaas', name: 'application', gateway, async: false, ...spec },
      { reply: 'Result' },
      principalWith(),
    ),
    [Symbol.asyncDispose]: async () => await targets[Symbol.asyncDispose](),
  };
}

targetContract({
  name: 'OpenFaaS target',
  targetAt: (origin, clock) => openFaas(origin, clock),
  // As the Node templates send it.
  success: (body) => answer(200, { 'content-type': 'text/html; charset=utf-8' }, body),
});

describe('OpenFaaS target', () => {
  it('calls the function of its namespace in binary mode, under an id of ours, and says how long it waits', async () => {
    await using server = await ScriptedServer.start(answer(200));
    const clock = new ManualClock();
    await using target = openFaas(`${server.origin}/base/`, clock, { namespace: 'fn' });
    assert.deepEqual(await call(target, clock), { kind: 'empty' });
    const { path, headers } = server.requests[0] ?? assert.fail('nothing was sent');
    assert.equal(path, '/base/function/application.fn');
    assert.equal(headers['content-type'], 'application/json');
    assert.equal(headers['ce-type'], 'dev.statewire.resource.created');
    assert.equal(headers['x-call-id'], headers['idempotency-key']);
    assert.equal(headers['x-timeout'], '30s');
    assert.equal(target.description, 'openfaas application.fn');
    assert.equal(target.maxDataBytes, undefined);
  });

  const marked = { 'x-openfaas-internal': 'of-watchdog' };
  const unavailable: ExpectedFailure = { code: 'TARGET_UNAVAILABLE', blame: 'target', minWaitMs: 1000 };
  const cases: readonly (readonly [
    title: string,
    status: number,
    headers: Record<string, string>,
    ExpectedFailure,
  ])[] = [
    ['a function that is not there (yet)', 404, {}, { code: 'TARGET_NOT_FOUND', blame: 'target' }],
    ['a function whose process does not answer', 500, marked, unavailable],
    ["a function's own 500", 500, {}, { code: 'TARGET_FAILED', blame: 'delivery', permanent: false }],
    [
      'too many calls at once',
      429,
      { 'x-openfaas-internal': 'faas-middleware' },
      { code: 'TARGET_THROTTLED', blame: 'target', minWaitMs: 1000 },
    ],
    ['a call that the watchdog cut off', 504, marked, { code: 'TARGET_TIMEOUT', blame: 'delivery' }],
    ['no endpoints', 503, { 'x-openfaas-internal': 'proxy' }, unavailable],
    ['a gateway without its provider', 502, {}, { code: 'TARGET_UNAVAILABLE', blame: 'target' }],
    [
      'an event that the template does not take',
      413,
      {},
      { code: 'TARGET_TOO_LARGE', blame: 'delivery', permanent: true },
    ],
    ["a platform's refusal", 401, marked, unavailable],
    ["a function's own 401", 401, {}, { code: 'TARGET_FORBIDDEN', blame: 'delivery', suspect: true }],
  ];
  for (const [title, status, headers, expected] of cases) {
    it(`knows ${title} by ${status}${'x-openfaas-internal' in headers ? ' and its mark' : ''}`, async () => {
      await using server = await ScriptedServer.start(answer(status, headers));
      const clock = new ManualClock();
      await using target = openFaas(server.origin, clock);
      await assertFails(call(target, clock), { conclusive: false, ...expected });
    });
  }
});

describe('OpenFaaS target, async', () => {
  it('leaves the call with the queue, where the outcome stays unknown', async () => {
    await using server = await ScriptedServer.start(answer(202));
    const clock = new ManualClock();
    await using target = openFaas(server.origin, clock, { async: true });
    assert.deepEqual(await call(target, clock), { kind: 'accepted' });
    assert.equal(server.requests[0]?.path, '/async-function/application');
    assert.equal(server.requests[0]?.headers['x-callback-url'], undefined);
    assert.equal(target.maxDataBytes, 720 * 1024);
  });

  it("takes a failure to queue for the target's", async () => {
    for (const [status, code] of [
      [404, 'TARGET_NOT_FOUND'],
      [500, 'TARGET_UNAVAILABLE'],
      [400, 'TARGET_MISCONFIGURED'],
      [401, 'TARGET_FORBIDDEN'],
    ] as const) {
      await using server = await ScriptedServer.start(answer(status));
      const clock = new ManualClock();
      await using target = openFaas(server.origin, clock, { async: true });
      await assertFails(call(target, clock), { code, blame: 'target', permanent: false });
    }
  });

  /** What the queue worker does with a request that it took. */
  async function answered(
    desk: CallbackDesk,
    request: ReceivedRequest | undefined,
    status: number,
    body: string,
    headers: Record<string, string> = {},
  ): Promise<boolean> {
    const url = new URL(request?.headers['x-callback-url'] ?? assert.fail('no callback is asked for'));
    const admission = desk.admit(url.pathname.split('/').at(-1) ?? '', url.searchParams.get('token') ?? '');
    await Promise.resolve();
    return admission.kind === 'expected' && admission.accept({ status, headers, body: Buffer.from(body) });
  }

  it('waits for the callback, which is read as an answer would be', async () => {
    const desk = new CallbackDesk('http://forwarder:8081/');
    const clock = new ManualClock();
    await using server = await ScriptedServer.start(answer(202));
    await using target = openFaas(server.origin, clock, { async: true }, desk);
    for (const { status, body, headers, expected } of [
      { status: 200, body: '{"kind":"FunctionResult"}', headers: {}, expected: 'body' },
      { status: 200, body: '', headers: {}, expected: 'empty' },
      { status: 500, body: 'boom', headers: {}, expected: 'TARGET_FAILED' },
      {
        status: 500,
        body: '',
        headers: { 'x-openfaas-internal': 'of-watchdog' },
        expected: 'TARGET_UNAVAILABLE',
      },
      { status: 422, body: '', headers: {}, expected: 'TARGET_REFUSED' },
    ]) {
      const before = server.requests.length;
      const reply = call(target, clock).then(
        ({ kind }) => kind,
        ({ code }: { code: string }) => code,
      );
      await server.until(({ requests }) => requests.length > before);
      assert.ok(await answered(desk, server.requests.at(-1), status, body, headers));
      assert.equal(await reply, expected);
      assert.equal(desk.waiting, 0);
    }
    assert.equal(clock.pending, 0);
  });

  it('waits until the deadline, and takes nothing later', async () => {
    const desk = new CallbackDesk('http://forwarder:8081');
    const clock = new ManualClock();
    await using server = await ScriptedServer.start(answer(202));
    await using target = openFaas(server.origin, clock, { async: true }, desk);
    const failure = assertFails(call(target, clock), { code: 'TARGET_TIMEOUT', blame: 'delivery' });
    await server.until(({ requests }) => requests.length === 1);
    await clock.advance(30_000);
    await failure;
    assert.equal(await answered(desk, server.requests[0], 200, '{}'), false);
    assert.equal(desk.waiting, 0);
    assert.equal(clock.pending, 0);
  });

  it('expects nothing where the call could not be queued', async () => {
    const desk = new CallbackDesk('http://forwarder:8081');
    const clock = new ManualClock();
    await using server = await ScriptedServer.start(answer(503));
    await using target = openFaas(server.origin, clock, { async: true }, desk);
    await assertFails(call(target, clock), { code: 'TARGET_UNAVAILABLE', blame: 'target' });
    assert.equal(desk.waiting, 0);
  });
});
