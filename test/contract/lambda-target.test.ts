import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Clock } from '../../forwarder/lib/clock.ts';
import type { Target } from '../../forwarder/model/target.ts';
import type { LambdaTarget } from '../../forwarder/model/trigger.ts';
import { createAddressGuard } from '../../forwarder/target/address-guard.ts';
import { clientContext } from '../../forwarder/target/lambda-event.ts';
import { lambdaTargets } from '../../forwarder/target/lambda.ts';
import type { TargetDelivery, TargetEnvironment } from '../../forwarder/target/target-maker.ts';
import { invocationAt, SAMPLE_DATA_JSON } from '../support/invocations.ts';
import { principalWith } from '../support/principals.ts';
import { useLambdaEndpoint } from '../support/lambda-endpoint.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { answer, ScriptedServer } from '../support/scripted-server.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { assertFails, call, type ExpectedFailure, targetContract } from './target.contract.ts';

const guard = createAddressGuard({ inPod: false, apiServers: [], deniedCidrs: [] });

function lambdaAt(
  origin: string,
  clock: Clock,
  spec: Partial<LambdaTarget> = {},
  {
    reply = 'Result',
    env = { AWS_REGION: 'eu-central-1' },
  }: Partial<TargetDelivery & Pick<TargetEnvironment, 'env'>> = {},
): Target {
  useLambdaEndpoint(origin);
  const targets = lambdaTargets({ clock, guard, env });
  const target = targets.create(
    { type: 'lambda', functionName: 'application', invocationType: 'RequestResponse', ...spec },
    { reply },
    principalWith(),
  );
  return { ...target, [Symbol.asyncDispose]: async () => await targets[Symbol.asyncDispose]() };
}

targetContract({
  name: 'Lambda target',
  targetAt: (origin, clock) => lambdaAt(origin, clock),
  success: (body) => answer(200, { 'content-type': 'application/json' }, body),
  without: { interimLimit: 'the SDK shows no interim answers, so the deadline is what ends a flood' },
});

describe('Lambda target', () => {
  const target: ExpectedFailure = { blame: 'target', permanent: false };
  const permanent: ExpectedFailure = { blame: 'delivery', permanent: true };
  const misconfigured: ExpectedFailure = { ...target, code: 'TARGET_MISCONFIGURED', conclusive: false };
  const unavailable: ExpectedFailure = { ...target, code: 'TARGET_UNAVAILABLE', conclusive: false };
  const throttled: ExpectedFailure = { ...target, code: 'TARGET_THROTTLED', minWaitMs: 1000 };
  const errors: readonly (readonly [string, number, ExpectedFailure])[] = [
    ['TooManyRequestsException', 429, throttled],
    ['EC2ThrottledException', 502, throttled],
    ['SnapStartNotReadyException', 409, unavailable],
    ['ResourceConflictException', 409, unavailable],
    ['EFSMountTimeoutException', 408, unavailable],
    ['ENINotReadyException', 502, unavailable],
    ['ServiceException', 500, unavailable],
    ['KMSDisabledException', 502, misconfigured],
    ['InvalidRuntimeException', 502, misconfigured],
    ['EC2AccessDeniedException', 502, misconfigured],
    ['InvalidParameterValueException', 400, misconfigured],
    ['ResourceNotFoundException', 404, { ...target, code: 'TARGET_NOT_FOUND', conclusive: true }],
    ['AccessDeniedException', 403, { ...target, code: 'TARGET_FORBIDDEN', conclusive: false }],
    ['ExpiredTokenException', 403, { ...target, code: 'TARGET_FORBIDDEN' }],
    ['InvalidRequestContentException', 400, { ...permanent, code: 'TARGET_REFUSED' }],
    ['UnsupportedMediaTypeException', 415, { ...permanent, code: 'TARGET_REFUSED' }],
    ['RequestTooLargeException', 413, { ...permanent, code: 'TARGET_TOO_LARGE' }],
    ['SomethingNewException', 418, { ...permanent, code: 'TARGET_REFUSED' }],
    ['SomethingNewException', 500, unavailable],
    ['SomethingNewException', 503, { ...unavailable, minWaitMs: 1000 }],
    ['SomethingNewException', 504, { code: 'TARGET_TIMEOUT', blame: 'delivery', permanent: false }],
    ['constructor', 500, unavailable],
  ];
  for (const [name, status, expected] of errors) {
    it(`reads ${name} (${status}) as ${String(expected.code)}, the ${String(expected.blame)}'s`, async () => {
      const body = JSON.stringify({ Type: 'User', Message: 'said so' });
      await using server = await ScriptedServer.start(answer(status, { 'x-amzn-errortype': name }, body));
      const clock = new ManualClock();
      await using lambda = lambdaAt(server.origin, clock);
      await assertFails(call(lambda, clock), expected);
      await clock.advance(60_000); // the longest that a throttle lasts
      await assert.rejects(call(lambda, clock), {
        message: `lambda application: ${name} (${status}): said so`,
      });
      assert.equal(server.requests.length, 2);
    });
  }

  it('judges an answer by its status where its body is not what the API sends', async () => {
    const html = '<html>502 Bad Gateway</html>';
    await using server = await ScriptedServer.start(answer(502, { 'content-type': 'text/html' }, html));
    const clock = new ManualClock();
    await using lambda = lambdaAt(server.origin, clock);
    await assertFails(call(lambda, clock), unavailable);
  });

  it('sends data byte for byte, so that numbers stay exact', async () => {
    await using server = await ScriptedServer.start(answer(200, {}, 'null'));
    const clock = new ManualClock();
    await using lambda = lambdaAt(server.origin, clock);
    const invocation = invocationAt(clock);
    assert.deepEqual(await lambda.invoke(invocation, new AbortController().signal), {
      kind: 'body',
      text: 'null',
    });
    const { body, path } = server.requests[0] ?? assert.fail('no request');
    assert.equal(path, '/2015-03-31/functions/application/invocations');
    assert.equal(body, `${JSON.stringify(invocation.attributes).slice(0, -1)},"data":${SAMPLE_DATA_JSON}}`);
  });

  it('says so in the client context where replies are not read', () => {
    const custom = (reply: 'Result' | 'Ignore'): object =>
      (
        JSON.parse(
          Buffer.from(clientContext(invocationAt(new ManualClock()), reply), 'base64').toString(),
        ) as { custom: object }
      ).custom;
    assert.deepEqual({ ...custom('Result'), reply: 'Ignore' }, custom('Ignore'));
    assert.ok(!('reply' in custom('Result')));
  });

  it('takes a client context of far less than the limit', () => {
    const encoded = clientContext(invocationAt(new ManualClock()));
    assert.ok(encoded.length < 3583 / 4, `${encoded.length} bytes`);
  });

  it('leaves an Event without client context', async () => {
    await using server = await ScriptedServer.start(answer(202));
    const clock = new ManualClock();
    await using lambda = lambdaAt(server.origin, clock, { invocationType: 'Event' });
    assert.deepEqual(await call(lambda, clock), { kind: 'accepted' });
    assert.equal(server.requests[0]?.headers['x-amz-client-context'], undefined);
    assert.equal(server.requests[0]?.headers['x-amz-invocation-type'], 'Event');
  });

  it('does not read results where replies are ignored, but still sees a function that failed', async () => {
    await using server = await ScriptedServer.start(answer(200, {}, '"anything"'));
    const clock = new ManualClock();
    await using lambda = lambdaAt(server.origin, clock, {}, { reply: 'Ignore' });
    assert.deepEqual(await call(lambda, clock), { kind: 'empty' });
    server.script = answer(200, { 'x-amz-function-error': 'Unhandled' }, '{"errorType":"E"}');
    await assertFails(call(lambda, clock), { code: 'TARGET_FAILED', blame: 'delivery' });
  });

  for (const { reason, spec, env, expected } of [
    {
      reason: 'the ARN names it, whatever else is said',
      spec: { functionName: 'arn:aws:lambda:us-west-2:123456789012:function:f', region: 'eu-central-1' },
      env: { AWS_REGION: 'eu-west-1' },
      expected: 'us-west-2',
    },
    {
      reason: 'the trigger names it',
      spec: { functionName: 'f', region: 'eu-central-1' },
      env: { AWS_REGION: 'eu-west-1' },
      expected: 'eu-central-1',
    },
    {
      reason: 'the process names it',
      spec: { functionName: 'f' },
      env: { AWS_REGION: 'eu-west-1' },
      expected: 'eu-west-1',
    },
  ]) {
    it(`calls the region: ${reason}`, async () => {
      await using server = await ScriptedServer.start(answer(200, {}, 'null'));
      const clock = new ManualClock();
      await using lambda = lambdaAt(server.origin, clock, spec, { env });
      await call(lambda, clock);
      assert.match(
        server.requests[0]?.headers['authorization'] ?? '',
        new RegExp(`/${expected}/lambda/aws4_request`),
      );
    });
  }

  it("is the target's failure where nobody names a region, and says how to", async () => {
    const clock = new ManualClock();
    await using lambda = lambdaAt('http://127.0.0.1:9', clock, {}, { env: {} });
    await assertFails(call(lambda, clock), { ...misconfigured, conclusive: true });
    await assert.rejects(call(lambda, clock), { message: /target\.lambda\.region.*AWS_REGION/ });
  });

  it("is the target's failure where there are no credentials, and says how to give them", async () => {
    await using server = await ScriptedServer.start(answer(200));
    await using folder = await temporaryFolder();
    const clock = new ManualClock();
    await using lambda = lambdaAt(server.origin, clock);
    const kept = { ...process.env };
    delete process.env['AWS_ACCESS_KEY_ID'];
    delete process.env['AWS_SECRET_ACCESS_KEY'];
    process.env['AWS_SHARED_CREDENTIALS_FILE'] = join(folder.path, 'credentials');
    process.env['AWS_CONFIG_FILE'] = join(folder.path, 'config');
    try {
      await assertFails(call(lambda, clock), { ...misconfigured, conclusive: true });
      await assert.rejects(call(lambda, clock), { message: /no AWS credentials; .*IRSA.*AWS_ACCESS_KEY_ID/ });
    } finally {
      process.env = kept;
    }
    assert.equal(server.requests.length, 0);
  });
});
