/** `payload.token`, by the targets as they are made for triggers, on real sockets. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TargetError } from '../../forwarder/lib/errors.ts';
import type { Principal } from '../../forwarder/model/principal.ts';
import type { Target } from '../../forwarder/model/target.ts';
import type { TargetSpec } from '../../forwarder/model/trigger.ts';
import { createAddressGuard } from '../../forwarder/target/address-guard.ts';
import { Targets } from '../../forwarder/target/registry.ts';
import { invocationAt, SAMPLE_DATA_JSON } from '../support/invocations.ts';
import { useLambdaEndpoint } from '../support/lambda-endpoint.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { principalWith } from '../support/principals.ts';
import { answer, type Script, ScriptedServer } from '../support/scripted-server.ts';

const token = `eyJhbGciOiJSUzI1NiIsImtpZCI6ImNhbmFyeSJ9.${'p'.repeat(800)}.${'s'.repeat(300)}-_s`;
const access = { server: 'https://api:6443', token, expiresAt: '2026-01-01T00:10:00Z' };
const asked: { leastMs: number; field: string }[] = [];
const env = { AWS_REGION: 'eu-central-1' };

interface Called {
  readonly server: ScriptedServer;
  readonly origin: string;
  readonly outcome: unknown;
}

/** One call of a target whose trigger hands a token over; it finds the server at `origin`. */
async function call(
  specAt: (origin: string) => TargetSpec,
  script: Script,
  { inPod = false, has = {} }: { readonly inPod?: boolean; readonly has?: Partial<Principal> } = {},
): Promise<Called> {
  const clock = new ManualClock();
  const guard = createAddressGuard({ inPod, apiServers: [], deniedCidrs: [] });
  await using targets = new Targets({ clock, guard, env });
  await using server = await ScriptedServer.start(script);
  useLambdaEndpoint(server.origin);
  const principal: Principal = {
    ...principalWith({ address: () => ({ url: server.origin }) }),
    access: (leastMs, { field }) => {
      asked.push({ leastMs, field });
      return Promise.resolve(access);
    },
    ...has,
  };
  const target: Target = targets.create(specAt(server.origin), { reply: 'Result' }, principal);
  const outcome = await target
    .invoke(invocationAt(clock), new AbortController().signal)
    .catch((error: unknown) => error);
  return { server, origin: server.origin, outcome };
}

const http = (url: string): TargetSpec => ({ type: 'http', url, headers: {} });
const lambda = (): TargetSpec => ({
  type: 'lambda',
  functionName: 'application',
  invocationType: 'RequestResponse',
});
const ref = { apiVersion: 'serving.knative.dev/v1', kind: 'Service', name: 'application' };
const knative = (): TargetSpec => ({ type: 'knative', ref });
const openfaas = (gateway: string): TargetSpec => ({ type: 'openfaas', name: 'a', gateway, async: false });
const ALL = { http, lambda, knative, openfaas } as const;

const ok = answer(200, { 'content-type': 'application/json' }, '{"kind":"FunctionResult"}');

function failure(outcome: unknown): TargetError {
  assert.ok(outcome instanceof TargetError, String(outcome));
  return outcome;
}

describe('a token for the function', () => {
  for (const [name, specAt] of Object.entries(ALL)) {
    it(`stands in the data of an event for ${name}, beside all else`, async () => {
      const { server, outcome } = await call(specAt, ok);
      assert.equal((outcome as { kind: string }).kind, 'body');
      const [{ body } = assert.fail('nothing was sent')] = server.requests;
      const { data = body } = name === 'lambda' ? dataOf(body) : {};
      assert.equal(data, `${SAMPLE_DATA_JSON.slice(0, -1)},"access":${JSON.stringify(access)}}`);
      assert.deepEqual(asked.at(-1), { leastMs: 30_000, field: 'spec.payload.token' });
      assert.ok(!JSON.stringify(server.requests[0]?.headers).includes(token));
    });

    it(`is taken out of what ${name} answers`, async () => {
      const body = JSON.stringify({
        kind: 'FunctionResult',
        status: { note: token },
        error: { message: token },
      });
      const { outcome } = await call(specAt, answer(200, { 'content-type': 'application/json' }, body));
      assert.deepEqual(outcome, { kind: 'body', text: body.replaceAll(token, '[redacted]') });
    });

    it(`never leaves the forwarder in clear for ${name}: in a pod, loopback belongs to others too`, async () => {
      const { server, origin, outcome } = await call(specAt, ok, { inPod: true });
      const { code, blame, message } = failure(outcome);
      assert.deepEqual([code, blame], ['TARGET_MISCONFIGURED', 'target']);
      assert.equal(message, `spec.payload.token: a token is not sent in clear, to ${origin}`);
      assert.equal(server.connections, 0);
    });
  }

  it('is taken out of what a function says when it fails, also where that is cut', async () => {
    for (const text of [`you sent ${token}, and more`, `${'x'.repeat(100)} ${token}`]) {
      const { outcome } = await call(http, answer(422, { 'content-type': 'text/plain' }, text));
      const { message, permanent } = failure(outcome);
      assert.ok(permanent);
      assert.match(message, /\[redacted\]/);
      assert.ok(!message.includes(token.slice(0, 60)), message);
    }
    const crash = JSON.stringify({ errorType: 'Error', errorMessage: `cannot use ${token}` });
    const { outcome } = await call(lambda, answer(200, { 'x-amz-function-error': 'Unhandled' }, crash));
    assert.match(failure(outcome).message, /cannot use \[redacted\]/);
    assert.ok(!failure(outcome).message.includes('pppp'));
  });

  for (const spec of [
    { type: 'http', url: 'http://functions.invalid/', headers: {} },
    { type: 'openfaas', name: 'a', gateway: 'http://gateway.invalid:8080', async: false },
  ] as const) {
    it(`is not sent to ${spec.type} by http, whatever the trigger's rules let through`, async () => {
      const { outcome } = await call(() => spec, ok);
      const { message, conclusive } = failure(outcome);
      assert.match(
        message,
        /^spec\.payload\.token: a token is not sent in clear, to http:\/\/[\w.]+\.invalid/,
      );
      assert.ok(conclusive);
    });
  }

  it('is not sent to an Addressable whose address is http', async () => {
    const has = {
      address: () => Promise.resolve({ url: 'http://broker-ingress.knative-eventing.invalid/a/b' }),
    };
    const { outcome } = await call(knative, ok, { has });
    assert.equal(
      failure(outcome).message,
      'spec.payload.token: a token is not sent in clear, to http://broker-ingress.knative-eventing.invalid',
    );
  });

  it('is not asked for where nobody may get it', async () => {
    const count = asked.length;
    const event = (): TargetSpec => ({ type: 'lambda', functionName: 'a', invocationType: 'Event' });
    const queued = (gateway: string): TargetSpec => ({ type: 'openfaas', name: 'a', gateway, async: true });
    for (const specAt of [event, queued]) {
      const { server } = await call(specAt, answer(202));
      assert.equal(server.requests.length, 1);
      assert.ok(!server.requests[0]?.body.includes('access'));
    }
    assert.equal(asked.length, count);
  });

  it('fails the call where there is none, before anything is sent', async () => {
    const lack = new TargetError('TARGET_MISCONFIGURED', 'spec.payload.token: there is none', {
      blame: 'target',
    });
    const { server, outcome } = await call(http, ok, { has: { access: () => Promise.reject(lack) } });
    assert.equal(outcome, lack);
    assert.equal(server.connections, 0);
  });

  it('counts towards what the host takes', async () => {
    const clock = new ManualClock();
    const guard = createAddressGuard({ inPod: false, apiServers: [], deniedCidrs: [] });
    await using targets = new Targets({ clock, guard, env });
    const plain = targets.create(lambda(), { reply: 'Result' }, principalWith());
    const withToken = targets.create(
      lambda(),
      { reply: 'Result' },
      {
        ...principalWith(),
        access: () => Promise.resolve(access),
      },
    );
    assert.equal((plain.maxDataBytes ?? 0) - (withToken.maxDataBytes ?? 0), 64 * 1024);
    assert.equal(withToken.description, plain.description);
  });
});

/** The text of `data` in structured form. */
function dataOf(body: string): { readonly data?: string } {
  return { data: body.slice(body.indexOf('"data":') + '"data":'.length, -1) };
}
