/** Whose credentials call, whom a throttle slows, and results that come later: by the real SDK, against scripted servers. */
import assert from 'node:assert/strict';
import { after, beforeEach, describe, it } from 'node:test';
import { CallbackDesk } from '../../forwarder/callback/callback-desk.ts';
import { TargetError } from '../../forwarder/lib/errors.ts';
import type { LambdaTarget } from '../../forwarder/model/trigger.ts';
import type { Target } from '../../forwarder/model/target.ts';
import { createAddressGuard } from '../../forwarder/target/address-guard.ts';
import { lambdaTargets } from '../../forwarder/target/lambda.ts';
import type { TargetMaker } from '../../forwarder/target/target-maker.ts';
import { useLambdaEndpoint } from '../support/lambda-endpoint.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { type Possessions, principalWith } from '../support/principals.ts';
import { answer, type Script, ScriptedServer } from '../support/scripted-server.ts';
import { assertFails, call } from './target.contract.ts';

const guard = createAddressGuard({ inPod: false, apiServers: [], deniedCidrs: [] });
const ROLE = 'arn:aws:iam::123456789012:role/shop';

const lambda = await ScriptedServer.start(answer(200));
const sts = await ScriptedServer.start(answer(500));
useLambdaEndpoint(lambda.origin);
process.env['AWS_ENDPOINT_URL_STS'] = sts.origin;

after(async () => {
  await lambda[Symbol.asyncDispose]();
  await sts[Symbol.asyncDispose]();
});
beforeEach(() => {
  lambda.requests.length = 0;
  sts.requests.length = 0;
  lambda.script = answer(200, { 'content-type': 'application/json' }, '{"kind":"FunctionResult"}');
});

/** What STS answers where a role may be assumed. */
function assumed(accessKeyId: string): Script {
  const expiration = new Date(Date.now() + 3_600_000).toISOString();
  return answer(
    200,
    { 'content-type': 'text/xml' },
    `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
      <AssumeRoleWithWebIdentityResult>
        <AssumedRoleUser><Arn>a</Arn><AssumedRoleId>b</AssumedRoleId></AssumedRoleUser>
        <Credentials>
          <AccessKeyId>${accessKeyId}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>
          <SessionToken>t</SessionToken><Expiration>${expiration}</Expiration>
        </Credentials>
      </AssumeRoleWithWebIdentityResult>
    </AssumeRoleWithWebIdentityResponse>`,
  );
}

function refused(name: string, status: number): Script {
  return answer(
    status,
    { 'content-type': 'text/xml' },
    `<ErrorResponse><Error><Type>Sender</Type><Code>${name}</Code><Message>no</Message></Error></ErrorResponse>`,
  );
}

interface World {
  readonly clock: ManualClock;
  readonly maker: TargetMaker<LambdaTarget>;
  readonly target: (functionName: string, spec?: Partial<LambdaTarget>, has?: Possessions) => Target;
}

function world(callbacks?: CallbackDesk): World & AsyncDisposable {
  const clock = new ManualClock();
  const env = { AWS_REGION: 'eu-central-1' };
  const maker = lambdaTargets({ clock, guard, env, ...(callbacks !== undefined && { callbacks }) });
  return {
    clock,
    maker,
    target: (functionName, spec = {}, has = {}) =>
      maker.create(
        { type: 'lambda', functionName, invocationType: 'RequestResponse', ...spec },
        { reply: 'Result' },
        principalWith(has),
      ),
    [Symbol.asyncDispose]: () => maker[Symbol.asyncDispose](),
  };
}

const region = (authorization = ''): string => authorization.split('/')[2] ?? '';
const accessKey = (authorization = ''): string => /Credential=([^/]*)/.exec(authorization)?.[1] ?? '';

describe('Lambda credentials', () => {
  it("are the role's that the trigger's ServiceAccount assumes, once for all its calls", async () => {
    sts.script = assumed('AKIAROLE');
    await using all = world();
    const has = { name: 'shop/caller', ambient: false, token: (audience: string) => `token-for-${audience}` };
    const target = all.target('application', { roleArn: ROLE }, has);
    await call(target, all.clock);
    await call(all.target('other', { roleArn: ROLE }, has), all.clock);
    assert.equal(sts.requests.length, 1);
    const form = new URLSearchParams(sts.requests[0]?.body);
    assert.equal(form.get('Action'), 'AssumeRoleWithWebIdentity');
    assert.equal(form.get('RoleArn'), ROLE);
    assert.equal(form.get('RoleSessionName'), 'shop@caller');
    assert.equal(form.get('WebIdentityToken'), 'token-for-sts.amazonaws.com');
    assert.deepEqual(
      lambda.requests.map(({ headers }) => accessKey(headers['authorization'])),
      ['AKIAROLE', 'AKIAROLE'],
    );
  });

  it('are never shared between ServiceAccounts, also for the same role', async () => {
    await using all = world();
    for (const name of ['shop/a', 'bank/a']) {
      sts.script = assumed(`AKIA${name.slice(0, 4).toUpperCase()}`);
      await call(all.target('application', { roleArn: ROLE }, { name, token: () => name }), all.clock);
    }
    assert.deepEqual(
      lambda.requests.map(({ headers }) => accessKey(headers['authorization'])),
      ['AKIASHOP', 'AKIABANK'],
    );
  });

  it("are the process's own only where that serves the trigger", async () => {
    await using all = world();
    await call(all.target('application', {}, { ambient: true }), all.clock);
    assert.equal(accessKey(lambda.requests[0]?.headers['authorization']), 'test');
    const failure = await call(all.target('application', {}, { ambient: false }), all.clock).catch(
      (error: unknown) => error,
    );
    assert.ok(failure instanceof TargetError);
    assert.match(
      failure.message,
      /^spec\.target\.lambda\.roleArn: is needed.*--ambient-credentials-namespaces$/,
    );
    assert.ok(failure.blame === 'target' && failure.conclusive);
    assert.equal(lambda.requests.length, 1);
  });

  for (const { title, script, code } of [
    {
      title: 'a role that may not be assumed',
      script: refused('AccessDenied', 403),
      code: 'TARGET_MISCONFIGURED',
    },
    {
      title: 'a cluster that AWS does not know',
      script: refused('InvalidIdentityToken', 400),
      code: 'TARGET_MISCONFIGURED',
    },
  ] as const) {
    it(`are the target's failure for ${title}`, async () => {
      sts.script = script;
      await using all = world();
      const target = all.target('application', { roleArn: ROLE }, { token: () => 'canary-token' });
      await assertFails(call(target, all.clock), { code, blame: 'target', conclusive: true });
      await assert.rejects(call(target, all.clock), (error) => !String(error).includes('canary'));
      assert.equal(lambda.requests.length, 0);
    });
  }

  it("are the target's failure where there is no token for the ServiceAccount", async () => {
    await using all = world();
    const target = all.target('application', { roleArn: ROLE }, {});
    await assertFails(call(target, all.clock), { code: 'TARGET_MISCONFIGURED', blame: 'target' });
    assert.equal(sts.requests.length, 0);
  });
});

describe('The region and account of a function', () => {
  it('are those of its ARN, also of one in another account', async () => {
    await using all = world();
    const arn = 'arn:aws:lambda:us-east-1:210987654321:function:application:live';
    await call(all.target(arn, { region: 'eu-west-1' }), all.clock);
    await call(all.target('application', { region: 'eu-west-1', qualifier: 'live' }), all.clock);
    await call(all.target('210987654321:function:application'), all.clock);
    assert.deepEqual(
      lambda.requests.map(({ path, headers }) => [
        decodeURIComponent(path),
        region(headers['authorization']),
      ]),
      [
        [`/2015-03-31/functions/${arn}/invocations`, 'us-east-1'],
        ['/2015-03-31/functions/application/invocations?Qualifier=live', 'eu-west-1'],
        ['/2015-03-31/functions/210987654321:function:application/invocations', 'eu-central-1'],
      ],
    );
  });
});

describe('A throttle', () => {
  const throttled = (reason: string, headers: Record<string, string> = {}): Script =>
    answer(
      429,
      { 'x-amzn-errortype': 'TooManyRequestsException', 'content-type': 'application/json', ...headers },
      JSON.stringify({ Reason: reason, message: 'slow down' }),
    );
  const ofTarget = { code: 'TARGET_THROTTLED', blame: 'target', permanent: false } as const;

  it('slows every trigger of that account and region, and no other', async () => {
    await using all = world();
    lambda.script = throttled('ConcurrentInvocationLimitExceeded');
    await assertFails(call(all.target('one'), all.clock), ofTarget);
    lambda.script = answer(200);
    await assertFails(call(all.target('two'), all.clock), { ...ofTarget, retryAfterMs: 1000 });
    assert.equal(lambda.requests.length, 1);
    await call(all.target('two', { region: 'us-east-1' }), all.clock);
    await call(all.target('111122223333:function:two'), all.clock);
    assert.equal(lambda.requests.length, 3);
    await all.clock.advance(1000);
    await call(all.target('two'), all.clock);
    assert.equal(lambda.requests.length, 4);
  });

  it('lasts longer each time in a row, and as long as the service asks', async () => {
    await using all = world();
    const one = all.target('one');
    for (const waitMs of [1000, 2000, 4000]) {
      lambda.script = throttled('CallerRateLimitExceeded');
      await assertFails(call(one, all.clock), ofTarget);
      await all.clock.advance(waitMs - 1);
      await assertFails(call(one, all.clock), { ...ofTarget, retryAfterMs: 1 });
      await all.clock.advance(1);
    }
    lambda.script = throttled('CallerRateLimitExceeded', { 'retry-after': '30' });
    await assertFails(call(one, all.clock), { ...ofTarget, retryAfterMs: 30_000 });
    await all.clock.advance(29_999);
    await assertFails(call(one, all.clock), { ...ofTarget, retryAfterMs: 1 });
    await all.clock.advance(1);
    lambda.script = answer(200);
    await call(one, all.clock);
    lambda.script = throttled('CallerRateLimitExceeded');
    await assertFails(call(one, all.clock), ofTarget);
    await assertFails(call(one, all.clock), { ...ofTarget, retryAfterMs: 1000 });
  });

  it("of a function's own reserved concurrency slows no other", async () => {
    await using all = world();
    lambda.script = throttled('ReservedFunctionConcurrentInvocationLimitExceeded');
    await assertFails(call(all.target('one'), all.clock), ofTarget);
    lambda.script = answer(200);
    await call(all.target('two'), all.clock);
    assert.equal(lambda.requests.length, 2);
  });
});

describe('A Lambda function that is only told (Event)', () => {
  it('reports its result to the callback URL of its event, which others do not get', async () => {
    const desk = new CallbackDesk('http://forwarder:8081');
    await using all = world(desk);
    await call(all.target('application'), all.clock);
    assert.ok(!lambda.requests[0]?.body.includes('callback'));

    lambda.script = answer(202);
    const reply = call(all.target('application', { invocationType: 'Event' }), all.clock);
    await lambda.until(({ requests }) => requests.length === 2);
    const event = JSON.parse(lambda.requests[1]?.body ?? '') as { statewirecallback: string };
    const url = new URL(event.statewirecallback);
    const admission = desk.admit(url.pathname.split('/').at(-1) ?? '', url.searchParams.get('token') ?? '');
    assert.ok(admission.kind === 'expected');
    const body = Buffer.from('{"kind":"FunctionResult"}');
    assert.ok(admission.accept({ status: 200, headers: {}, body }));
    assert.deepEqual(await reply, { kind: 'body', text: '{"kind":"FunctionResult"}' });
    assert.equal(desk.waiting, 0);
    assert.equal(all.clock.pending, 0);
  });

  it('times out where it does not, and is expected no more', async () => {
    const desk = new CallbackDesk('http://forwarder:8081');
    await using all = world(desk);
    lambda.script = answer(202);
    const failure = assertFails(call(all.target('application', { invocationType: 'Event' }), all.clock), {
      code: 'TARGET_TIMEOUT',
      blame: 'delivery',
    });
    await lambda.until(({ requests }) => requests.length === 1);
    // The answer has come, and only the callback is waited for.
    while (desk.waiting === 0) await Promise.resolve();
    await all.clock.advance(30_000);
    await failure;
    assert.equal(desk.waiting, 0);
  });
});

describe('The advice of a Lambda target', () => {
  const advice = async (script: Script, timeoutMs: number): Promise<string | undefined> => {
    lambda.script = script;
    await using all = world();
    return await all.target('application', { qualifier: 'live' }).advise?.(timeoutMs, AbortSignal.abort());
  };

  it('is nothing where AWS does not tell', async () => {
    assert.equal(await advice(answer(403), 1000), undefined);
  });

  it("warns of a timeout that is shorter than the function's own", async () => {
    const script = answer(200, { 'content-type': 'application/json' }, '{"Timeout":60}');
    lambda.script = script;
    await using all = world();
    const target = all.target('application', { qualifier: 'live' });
    const signal = new AbortController().signal;
    assert.equal(
      await target.advise?.(30_000, signal),
      "delivery.timeout (30s) is shorter than the function's own timeout (1m): it may still run when it is called again",
    );
    assert.equal(await target.advise?.(60_000, signal), undefined);
    assert.equal(lambda.requests[0]?.path, '/2015-03-31/functions/application/configuration?Qualifier=live');
  });
});
