/** The bundle that is deployed, in AWS's own Node runtime, called by the forwarder's Lambda target. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, it } from 'node:test';
import { systemClock } from '../../forwarder/lib/clock.ts';
import { createAddressGuard } from '../../forwarder/target/address-guard.ts';
import { lambdaTargets } from '../../forwarder/target/lambda.ts';
import { FakeLambda } from '../../test/support/fake-lambda.ts';
import { principalWith } from '../../test/support/principals.ts';
import { invocationAt } from '../../test/support/invocations.ts';
import { installLambdaRic, ricUnavailable } from '../../test/support/lambda-ric.ts';
import { withRic } from '../../test/support/ric-runner.ts';

const unavailable = ricUnavailable();
const skip = unavailable === undefined ? {} : { skip: unavailable };

describe('the bundle of the application function in the Lambda runtime', () => {
  it('answers with the Deployment, the Service and a status', skip, async () => {
    await using stack = new AsyncDisposableStack();
    const fake = stack.use(await FakeLambda.start());
    const folder = path.resolve('dist/functions');
    fake.add('application', {
      runner: withRic({ ric: await installLambdaRic(), folder, handler: 'application.handler' }),
      timeoutMs: 20_000,
    });
    Object.assign(process.env, {
      AWS_ENDPOINT_URL_LAMBDA: fake.endpoint,
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_EC2_METADATA_DISABLED: 'true',
    });
    const guard = createAddressGuard({ inPod: false, apiServers: [], deniedCidrs: [] });
    const targets = stack.use(
      lambdaTargets({ clock: systemClock, guard, env: { AWS_REGION: 'eu-central-1' } }),
    );
    const target = targets.create(
      { type: 'lambda', functionName: 'application', invocationType: 'RequestResponse' },
      { reply: 'Result' },
      principalWith(),
    );
    const object = {
      apiVersion: 'example.com/v1',
      kind: 'Application',
      metadata: { name: 'web', namespace: 'shop', uid: 'uid-1', generation: 1 },
      spec: { image: 'nginx:1.29', replicas: 2, port: 8080 },
    };
    const data = { reason: 'Watch', object, children: { 'Deployment.apps/v1': {}, 'Service.v1': {} } };
    const reply = await target.invoke(
      invocationAt(systemClock, { dataJson: JSON.stringify(data) }),
      new AbortController().signal,
    );
    assert.equal(reply.kind, 'body');
    const result = JSON.parse(reply.text) as {
      kind: string;
      apply: { kind: string }[];
      status: { phase: string };
    };
    assert.equal(result.kind, 'FunctionResult');
    assert.deepEqual(
      result.apply.map(({ kind }) => kind),
      ['Deployment', 'Service'],
    );
    assert.equal(result.status.phase, 'Pending');
  });
});
