import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, it } from 'node:test';
import { TargetError } from '../../forwarder/lib/errors.ts';
import type { Target } from '../../forwarder/model/target.ts';
import type { HttpTarget } from '../../forwarder/model/trigger.ts';
import { createAddressGuard } from '../../forwarder/target/address-guard.ts';
import { httpTargets } from '../../forwarder/target/http.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { type Possessions, principalWith } from '../support/principals.ts';
import { answer, type ReceivedRequest, ScriptedServer } from '../support/scripted-server.ts';
import { assertFails, call, targetContract } from './target.contract.ts';

const guard = createAddressGuard({ inPod: false, apiServers: [], deniedCidrs: [] });
const secretRef = { name: 'function', key: 'value' };
const CANARY = 'canary-0123456789abcdef';

function targetWith(
  origin: string,
  spec: Pick<HttpTarget, 'auth' | 'headersFrom'>,
  has: Possessions | (() => Possessions),
  { clock = new ManualClock(), env = {} }: { clock?: ManualClock; env?: Record<string, string> } = {},
): Target {
  const targets = httpTargets({ clock, guard, env });
  return {
    ...targets.create(
      { type: 'http', url: `${origin}/fn`, headers: { authorization: 'Basic mine' }, ...spec },
      { reply: 'Result' },
      principalWith(has),
    ),
    [Symbol.asyncDispose]: async () => await targets[Symbol.asyncDispose](),
  };
}

async function sent(
  spec: Pick<HttpTarget, 'auth' | 'headersFrom'>,
  has: Possessions,
): Promise<ReceivedRequest> {
  await using server = await ScriptedServer.start(answer(204));
  const clock = new ManualClock();
  await using target = targetWith(server.origin, spec, has, { clock });
  await call(target, clock);
  return server.requests[0] ?? assert.fail('nothing was sent');
}

targetContract({
  name: 'HTTP target with credentials',
  targetAt: (origin, clock) =>
    targetWith(
      origin,
      { auth: { bearer: { secretRef } } },
      { secrets: { 'function/value': CANARY } },
      { clock },
    ),
  success: (body) => answer(200, { 'content-type': 'application/json' }, body),
});

describe('http.auth', () => {
  it('sends a bearer token from a Secret, without the line end that editors leave', async () => {
    const { headers } = await sent(
      { auth: { bearer: { secretRef } } },
      { secrets: { 'function/value': 'abc.def\n' } },
    );
    assert.equal(headers['authorization'], 'Bearer abc.def');
  });

  it('sends a function key of Azure in its header', async () => {
    const { headers } = await sent(
      { auth: { azureFunctionKey: { secretRef } } },
      { secrets: { 'function/value': 'k==' } },
    );
    assert.equal(headers['x-functions-key'], 'k==');
    assert.equal(headers['authorization'], 'Basic mine');
  });

  it("sends a token of the trigger's ServiceAccount for the audience", async () => {
    const { headers } = await sent(
      { auth: { serviceAccountToken: { audience: 'orders' } } },
      { token: (audience) => `token-for-${audience}` },
    );
    assert.equal(headers['authorization'], 'Bearer token-for-orders');
  });

  it('signs each attempt under the id of the event', async () => {
    const { headers, body } = await sent(
      { auth: { hmac: { secretRef } } },
      { secrets: { 'function/value': `whsec_${Buffer.from('key').toString('base64')}` } },
    );
    assert.equal(headers['webhook-id'], headers['ce-id']);
    const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
    const expected = createHmac('sha256', 'key').update(signed).digest('base64');
    assert.equal(headers['webhook-signature'], `v1,${expected}`);
  });

  it('sends headers whose values are in Secrets', async () => {
    const { headers } = await sent(
      { headersFrom: [{ name: 'X-Api-Key', secretRef }] },
      { secrets: { 'function/value': 'k' } },
    );
    assert.equal(headers['x-api-key'], 'k');
  });

  it('sends an identity token of Google, asked for once', async () => {
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const clock = new ManualClock();
    const token = `${part({})}.${part({ exp: Math.floor(clock.now() / 1000) + 3600 })}.x`;
    await using metadata = await ScriptedServer.start(answer(200, {}, token));
    await using server = await ScriptedServer.start(answer(204));
    const env = { GCE_METADATA_HOST: new URL(metadata.origin).host };
    await using target = targetWith(
      server.origin,
      { auth: { googleIdToken: { audience: 'https://fn.run.app' } } },
      {},
      { clock, env },
    );
    await call(target, clock);
    await call(target, clock);
    assert.deepEqual(
      server.requests.map(({ headers }) => headers['authorization']),
      [`Bearer ${token}`, `Bearer ${token}`],
    );
    assert.equal(metadata.requests.length, 1);
    assert.equal(metadata.requests[0]?.headers['metadata-flavor'], 'Google');
    assert.match(
      metadata.requests[0]?.path ?? '',
      /identity\?audience=https%3A%2F%2Ffn\.run\.app&format=full$/,
    );
  });

  it("keeps the process's Google identity from triggers that it does not serve", async () => {
    await using server = await ScriptedServer.start(answer(204));
    const clock = new ManualClock();
    const auth = { googleIdToken: { audience: 'a' } };
    await using target = targetWith(server.origin, { auth }, { ambient: false }, { clock });
    await assertFails(call(target, clock), {
      code: 'TARGET_MISCONFIGURED',
      blame: 'target',
      conclusive: true,
    });
    assert.equal(server.requests.length, 0);
  });

  it("is the target's failure where a Secret lacks, and nothing is sent", async () => {
    await using server = await ScriptedServer.start(answer(204));
    const clock = new ManualClock();
    await using target = targetWith(server.origin, { auth: { bearer: { secretRef } } }, {}, { clock });
    await assertFails(call(target, clock), {
      code: 'TARGET_MISCONFIGURED',
      blame: 'target',
      conclusive: true,
    });
    await assert.rejects(call(target, clock), /^TargetError: spec\.target\.http\.auth\.bearer\.secretRef: /);
    assert.equal(server.requests.length, 0);
  });

  it('refuses a value that no header can carry, and does not show it', async () => {
    await using server = await ScriptedServer.start(answer(204));
    const clock = new ManualClock();
    const has = { secrets: { 'function/value': `${CANARY}\r\nx-evil: 1` } };
    await using target = targetWith(server.origin, { auth: { bearer: { secretRef } } }, has, { clock });
    await assertFails(call(target, clock), { code: 'TARGET_MISCONFIGURED', blame: 'target' });
    await assert.rejects(call(target, clock), (error: Error) => !error.message.includes('canary'));
    assert.equal(server.requests.length, 0);
  });

  it('reads a Secret anew when it was refused, and calls once more with what is new', async () => {
    let secret = 'old-secret';
    await using server = await ScriptedServer.start((socket, request) => {
      const isNew = request.headers['authorization'] === 'Bearer new-secret';
      secret = 'new-secret';
      return answer(isNew ? 204 : 401)(socket, request);
    });
    const clock = new ManualClock();
    await using target = targetWith(
      server.origin,
      { auth: { bearer: { secretRef } } },
      () => ({ secrets: { 'function/value': secret } }),
      { clock },
    );
    assert.deepEqual(await call(target, clock), { kind: 'empty' });
    assert.equal(server.requests.length, 2);
  });

  it('calls once where the Secret is the same as before', async () => {
    await using server = await ScriptedServer.start(answer(403));
    const clock = new ManualClock();
    const has = { secrets: { 'function/value': CANARY } };
    await using target = targetWith(server.origin, { auth: { bearer: { secretRef } } }, has, { clock });
    await assertFails(call(target, clock), { code: 'TARGET_FORBIDDEN', suspect: true });
    assert.equal(server.requests.length, 1);
  });

  it('makes a new token once when it was refused', async () => {
    await using server = await ScriptedServer.start(answer(401));
    const clock = new ManualClock();
    await using target = targetWith(
      server.origin,
      { auth: { serviceAccountToken: { audience: 'a' } } },
      { token: (_audience, fresh) => (fresh ? 'second' : 'first') },
      { clock },
    );
    await assertFails(call(target, clock), { code: 'TARGET_FORBIDDEN', suspect: true });
    assert.deepEqual(
      server.requests.map(({ headers }) => headers['authorization']),
      ['Bearer first', 'Bearer second'],
    );
  });

  it('shows no secret that a function repeats, neither of a failure nor of a result', async () => {
    await using server = await ScriptedServer.start((socket, request) =>
      answer(
        422,
        { 'content-type': 'text/plain' },
        `you sent ${request.headers['authorization']}`,
      )(socket, request),
    );
    const clock = new ManualClock();
    const has = { secrets: { 'function/value': CANARY } };
    await using target = targetWith(server.origin, { auth: { bearer: { secretRef } } }, has, { clock });
    const failure = await call(target, clock).catch((error: unknown) => error);
    assert.ok(failure instanceof TargetError);
    assert.match(failure.message, /you sent Bearer \[redacted\]$/);
    server.script = answer(200, {}, `{"kind":"FunctionResult","error":{"message":"${CANARY}"}}`);
    const reply = await call(target, clock);
    assert.ok(reply.kind === 'body' && !reply.text.includes(CANARY));
  });
});
