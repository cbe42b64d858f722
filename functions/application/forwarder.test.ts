/** The function, called by the forwarder's own targets: the wire between the two sides of this repository. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { toHttp } from '@statewire/functions/http';
import { toLambda } from '@statewire/functions/lambda';
import { systemClock } from '../../forwarder/lib/clock.ts';
import type { Target } from '../../forwarder/model/target.ts';
import { createAddressGuard } from '../../forwarder/target/address-guard.ts';
import { httpTargets } from '../../forwarder/target/http.ts';
import { lambdaTargets } from '../../forwarder/target/lambda.ts';
import type { TargetEnvironment } from '../../forwarder/target/target-maker.ts';
import { FakeLambda } from '../../test/support/fake-lambda.ts';
import { principalWith } from '../../test/support/principals.ts';
import { invocationAt } from '../../test/support/invocations.ts';
import { inProcess } from '../../test/support/lambda-runner.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { application } from './application.ts';
import { reconcile } from './reconcile.ts';

const shop = {
  apiVersion: 'example.com/v1',
  kind: 'Application',
  metadata: { name: 'web', namespace: 'shop', uid: 'uid-1', generation: 1 },
  spec: { image: 'registry.example.com/shop:1', replicas: 3, port: 8080 },
};
const children = { 'Deployment.apps/v1': {}, 'Service.v1': {} };

const environment: TargetEnvironment = {
  clock: systemClock,
  guard: createAddressGuard({ inPod: false, apiServers: [], deniedCidrs: [] }),
  env: { AWS_REGION: 'eu-central-1' },
};
const stack = new AsyncDisposableStack();
after(() => stack.disposeAsync());

const lambdaClock = new ManualClock();
let fake: FakeLambda;
const targets: Record<string, Target> = {};

before(async () => {
  fake = stack.use(await FakeLambda.start({ clock: lambdaClock }));
  fake.add('application', { runner: inProcess(toLambda(application, { writeLog: () => undefined })) });
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_LAMBDA: fake.endpoint,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_EC2_METADATA_DISABLED: 'true',
  });
  const lambda = stack.use(lambdaTargets(environment));
  for (const invocationType of ['RequestResponse', 'Event'] as const) {
    targets[invocationType] = lambda.create(
      { type: 'lambda', functionName: 'application', invocationType },
      { reply: 'Result' },
      principalWith(),
    );
  }

  const server = createServer(toHttp(application, { writeLog: () => undefined })).listen(0, '127.0.0.1');
  await once(server, 'listening');
  stack.defer(() => void server.close());
  stack.defer(() => server.closeAllConnections());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  targets['http'] = stack
    .use(httpTargets(environment))
    .create({ type: 'http', url, headers: {} }, { reply: 'Result' }, principalWith());
});

async function deliver(name: string, data: object) {
  const target = targets[name];
  assert.ok(target);
  const invocation = invocationAt(systemClock, { dataJson: JSON.stringify({ reason: 'Watch', ...data }) });
  return await target.invoke(invocation, new AbortController().signal);
}

for (const name of ['RequestResponse', 'http']) {
  describe(`the application function behind a target: ${name}`, () => {
    it('answers what its step decides', async () => {
      const reply = await deliver(name, { object: shop, children });
      assert.equal(reply.kind, 'body');
      assert.deepEqual(JSON.parse('text' in reply ? reply.text : ''), reconcile(shop, children));
    });

    it('says in a result, and not by a failed call, that a spec has the wrong shape', async () => {
      const reply = await deliver(name, { object: { ...shop, spec: { ...shop.spec, port: 0 } } });
      assert.deepEqual(JSON.parse('text' in reply ? reply.text : ''), {
        apiVersion: 'statewire.dev/v1alpha1',
        kind: 'FunctionResult',
        error: { message: 'spec.port: Too small: expected number to be >=1', retryable: false },
      });
    });
  });
}

describe('an Event invocation of the application function', () => {
  it('is over once it succeeded', async () => {
    assert.deepEqual(await deliver('Event', { object: shop, children }), { kind: 'accepted' });
    await fake.settled();
    assert.equal(lambdaClock.pending, 0);
    assert.deepEqual(fake.dropped, []);
  });

  it("fails for Lambda when the function fails, so that Lambda's own retries and dead letters apply", async () => {
    await deliver('Event', { object: { ...shop, spec: {} } });
    await fake.settled();
    for (const waitMs of [60_000, 120_000]) {
      assert.equal(lambdaClock.pending, 1);
      await lambdaClock.advance(waitMs);
      await fake.settled();
    }
    assert.equal(lambdaClock.pending, 0);
    assert.equal(fake.dropped.length, 1);
  });
});
