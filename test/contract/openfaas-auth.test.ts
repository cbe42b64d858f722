/** What a gateway, what stands before it, or a function itself may want to see. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TargetError } from '../../forwarder/lib/errors.ts';
import type { Target } from '../../forwarder/model/target.ts';
import type { OpenFaasTarget } from '../../forwarder/model/trigger.ts';
import { createAddressGuard } from '../../forwarder/target/address-guard.ts';
import { openFaasTargets } from '../../forwarder/target/openfaas.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { OpenFaasGateway } from '../support/openfaas-gateway.ts';
import { type Possessions, principalWith } from '../support/principals.ts';
import { answer, type ReceivedRequest, ScriptedServer } from '../support/scripted-server.ts';
import { assertFails, call, type ExpectedFailure, targetContract } from './target.contract.ts';

const guard = createAddressGuard({ inPod: false, apiServers: [], deniedCidrs: [] });
const secretRef = { name: 'gateway', key: 'value' };
const CANARY = 'canary-0123456789abcdef';

function makerAt(gateway: string, clock = new ManualClock()) {
  const targets = openFaasTargets({ clock, guard, env: {} });
  return {
    clock,
    create: (spec: Partial<OpenFaasTarget>, has: Possessions | (() => Possessions)): Target =>
      targets.create(
        { type: 'openfaas', name: 'application', gateway, async: false, ...spec },
        { reply: 'Result' },
        principalWith(has),
      ),
    [Symbol.asyncDispose]: async () => await targets[Symbol.asyncDispose](),
  };
}

async function sent(spec: Partial<OpenFaasTarget>, has: Possessions): Promise<ReceivedRequest> {
  await using server = await ScriptedServer.start(answer(202));
  await using made = makerAt(server.origin);
  await call(made.create(spec, has), made.clock);
  return server.requests[0] ?? assert.fail('nothing was sent');
}

const basic = { basic: { secretRef: { name: 'gateway' } } };
const user = (username: string, password: string): Possessions => ({
  secrets: { 'gateway/username': username, 'gateway/password': password },
});

targetContract({
  name: 'OpenFaaS target with credentials',
  targetAt: (origin, clock) => {
    const made = makerAt(origin, clock);
    return {
      ...made.create({ auth: basic }, user('admin', CANARY)),
      [Symbol.asyncDispose]: made[Symbol.asyncDispose],
    };
  },
  success: (body) => answer(200, { 'content-type': 'text/html; charset=utf-8' }, body),
});

describe('openfaas.auth', () => {
  it('sends a bearer token from a Secret', async () => {
    const { headers, path } = await sent(
      { auth: { bearer: { secretRef } } },
      { secrets: { 'gateway/value': 'abc.def\n' } },
    );
    assert.equal(headers['authorization'], 'Bearer abc.def');
    assert.equal(path, '/function/application');
  });

  it('sends a user and a password, in UTF-8 and without the line ends that editors leave', async () => {
    const { headers } = await sent({ auth: basic }, user('admin\n', 'pä:ss\r\n'));
    assert.equal(headers['authorization'], `Basic ${Buffer.from('admin:pä:ss').toString('base64')}`);
  });

  for (const { title, has, problem } of [
    { title: 'no user', has: { secrets: { 'gateway/password': CANARY } }, problem: /has no key "username"$/ },
    { title: 'an empty password', has: user('admin', '\n'), problem: /has nothing under key "password"$/ },
    { title: 'a user with a colon', has: user('a:b', CANARY), problem: /"username" holds a colon$/ },
    { title: 'no Secret', has: {}, problem: /is not there$/ },
  ]) {
    it(`is the target's failure where there is ${title}, and nothing is sent`, async () => {
      await using server = await ScriptedServer.start(answer(204));
      await using made = makerAt(server.origin);
      const target = made.create({ auth: basic }, has);
      await assertFails(call(target, made.clock), {
        code: 'TARGET_MISCONFIGURED',
        blame: 'target',
        conclusive: true,
      });
      const said = await call(target, made.clock).catch((error: unknown) => error);
      assert.ok(said instanceof TargetError);
      assert.match(said.message, /^spec\.target\.openfaas\.auth\.basic\.secretRef: /);
      assert.match(said.message, problem);
      assert.ok(!said.message.includes(CANARY));
      assert.equal(server.requests.length, 0);
    });
  }

  it('signs what is queued, so that the function knows who queued it', async () => {
    const { headers, path } = await sent(
      { async: true, auth: { hmac: { secretRef } } },
      { secrets: { 'gateway/value': CANARY } },
    );
    assert.equal(path, '/async-function/application');
    assert.equal(headers['webhook-id'], headers['ce-id']);
    assert.match(headers['webhook-signature'] ?? '', /^v1,/);
    assert.equal(headers['authorization'], undefined);
  });

  it('reads a Secret anew when it was refused, and calls once more with what is new', async () => {
    let password = 'old-password';
    await using server = await ScriptedServer.start((socket, request) => {
      const isNew = request.headers['authorization'] === `Basic ${btoa('admin:new-password')}`;
      password = 'new-password';
      return answer(isNew ? 204 : 401)(socket, request);
    });
    await using made = makerAt(server.origin);
    const target = made.create({ auth: basic }, () => user('admin', password));
    assert.deepEqual(await call(target, made.clock), { kind: 'empty' });
    assert.equal(server.requests.length, 2);
  });

  it('shows neither the password nor its encoding where a function repeats them', async () => {
    await using server = await ScriptedServer.start((socket, request) =>
      answer(
        422,
        { 'content-type': 'text/plain' },
        `${request.headers['authorization']} ${CANARY}`,
      )(socket, request),
    );
    await using made = makerAt(server.origin);
    const target = made.create({ auth: basic }, user('admin', CANARY));
    const error = await call(target, made.clock).catch((thrown: unknown) => thrown);
    assert.ok(error instanceof TargetError);
    assert.match(error.message, /: Basic \[redacted\] \[redacted\]$/);
  });
});

describe('openfaas.auth.tokenExchange', () => {
  const auth = { tokenExchange: { audience: 'gateway.example.com' } };
  const subject = (audience: string): string => `token-for-${audience}`;

  async function gateway(): Promise<OpenFaasGateway> {
    const started = await OpenFaasGateway.start();
    started.admits = (token) => token === subject('gateway.example.com');
    return started;
  }

  it('gets a token for the function against one of the ServiceAccount, and uses it for most of its life', async () => {
    await using server = await gateway();
    await using made = makerAt(`${server.origin}/`);
    const target = made.create({ auth, namespace: 'shop' }, { token: subject });
    assert.deepEqual(await call(target, made.clock), { kind: 'empty' });
    await made.clock.advance(2_879_000);
    await call(target, made.clock);
    assert.deepEqual(server.exchanges, [
      {
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
        subject_token: 'token-for-gateway.example.com',
        scope: 'function',
        audience: 'shop:application',
      },
    ]);
    await made.clock.advance(1000);
    await call(target, made.clock);
    assert.equal(server.exchanges.length, 2);
    assert.deepEqual(
      server.calls.map(({ headers }) => headers['authorization']),
      ['Bearer function-token-1', 'Bearer function-token-1', 'Bearer function-token-2'],
    );
  });

  it("asks for the gateway's default namespace where the trigger names none, and once for calls at once", async () => {
    await using server = await gateway();
    await using made = makerAt(server.origin);
    const target = made.create({ auth }, { token: subject });
    await Promise.all([call(target, made.clock), call(target, made.clock), call(target, made.clock)]);
    assert.deepEqual(
      server.exchanges.map(({ audience }) => audience),
      ['openfaas-fn:application'],
    );
  });

  it('keeps no token that does not say how long it lives, and gives none to others', async () => {
    await using server = await gateway();
    server.expiresIn = undefined;
    await using made = makerAt(server.origin);
    const target = made.create({ auth }, { token: subject });
    await call(target, made.clock);
    await call(target, made.clock);
    assert.equal(server.exchanges.length, 2);
    server.expiresIn = 3600;
    await call(target, made.clock);
    await call(made.create({ auth }, { token: subject, name: 'bank/default' }), made.clock);
    assert.equal(server.exchanges.length, 4);
  });

  it('gets another token where one was refused, but not one after the other', async () => {
    await using server = await gateway();
    await using made = makerAt(server.origin);
    const target = made.create({ auth }, { token: subject });
    await call(target, made.clock);
    server.revoke();
    await assertFails(call(target, made.clock), { code: 'TARGET_FORBIDDEN', suspect: true });
    assert.equal(server.exchanges.length, 1);
    await made.clock.advance(10_000);
    assert.deepEqual(await call(target, made.clock), { kind: 'empty' });
    assert.equal(server.exchanges.length, 2);
  });

  for (const { title, failure, expected } of [
    {
      title: 'knows no such account',
      failure: undefined,
      expected: { code: 'TARGET_FORBIDDEN' },
    },
    {
      title: 'exchanges no tokens',
      failure: answer(404),
      expected: { code: 'TARGET_NOT_FOUND' },
    },
    {
      title: 'is overloaded',
      failure: answer(503),
      expected: { code: 'TARGET_UNAVAILABLE', minWaitMs: 1000 },
    },
    { title: 'fails', failure: answer(500), expected: { code: 'TARGET_UNAVAILABLE' } },
    { title: 'gives no JSON', failure: answer(200, {}, '<p>'), expected: { code: 'TARGET_UNAVAILABLE' } },
    {
      title: 'gives what no header can carry',
      failure: answer(200, {}, JSON.stringify({ access_token: 'a\r\nb' })),
      expected: { code: 'TARGET_UNAVAILABLE' },
    },
  ] satisfies readonly { title: string; failure: unknown; expected: ExpectedFailure }[]) {
    it(`is the target's failure where the gateway ${title}, and no token is shown`, async () => {
      await using server = await gateway();
      server.failure = failure;
      await using made = makerAt(server.origin);
      const target = made.create({ auth }, { token: () => CANARY });
      await assertFails(call(target, made.clock), { blame: 'target', permanent: false, ...expected });
      const error = await call(target, made.clock).catch((thrown: unknown) => thrown);
      assert.ok(error instanceof TargetError);
      assert.match(error.message, /^spec\.target\.openfaas\.auth\.tokenExchange: http.*\/oauth\/token /);
      assert.ok(!error.message.includes(CANARY));
      assert.equal(server.calls.length, 0);
      assert.equal(made.clock.pending, 0);
    });
  }

  it('waits for a token no longer than five seconds, and does not call then', async () => {
    await using server = await gateway();
    server.failure = () => undefined;
    await using made = makerAt(server.origin);
    const target = made.create({ auth }, { token: subject });
    const failure = assertFails(call(target, made.clock), { code: 'TARGET_UNAVAILABLE', blame: 'target' });
    while (server.exchanges.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await made.clock.advance(5000);
    await failure;
    assert.equal(server.calls.length, 0);
    assert.equal(made.clock.pending, 0);
  });
});
