/** Lambda: AWS's own Node runtime, behind a fake of the Invoke API. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'node:test';
import { openCallbacks } from '../../forwarder/callback/callback-server.ts';
import { systemClock } from '../../forwarder/lib/clock.ts';
import { silentLogger } from '../../forwarder/lib/logger.ts';
import { classify } from '../../forwarder/outcome/classify.ts';
import { createAddressGuard } from '../../forwarder/target/address-guard.ts';
import { lambdaTargets } from '../../forwarder/target/lambda.ts';
import { widget } from '../support/function-events.ts';
import { invocationAt } from '../support/invocations.ts';
import { RecordingMeter } from '../support/recording-meter.ts';
import { serve } from '../support/serve.ts';
import { FakeLambda } from '../support/fake-lambda.ts';
import { bundleFunctions } from '../support/lambda-bundle.ts';
import { useLambdaEndpoint } from '../support/lambda-endpoint.ts';
import { installLambdaRic, ricUnavailable } from '../support/lambda-ric.ts';
import { principalWith } from '../support/principals.ts';
import { withRic } from '../support/ric-runner.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { functionHostContract, type HostUnderTest } from './function-host.contract.ts';

const unavailable = ricUnavailable();

async function start(): Promise<HostUnderTest> {
  const ric = await installLambdaRic();
  const folder = await temporaryFolder();
  const module = new URL('../fixtures/function-hosts/contract-function.ts', import.meta.url);
  await bundleFunctions(fileURLToPath(module), join(folder.path, 'functions.mjs'));
  const fake = await FakeLambda.start();
  fake.add('contract', {
    runner: withRic({ ric, folder: folder.path, handler: 'functions.handler' }),
    timeoutMs: 20_000,
  });
  useLambdaEndpoint(fake.endpoint);
  return {
    target: (environment) => {
      const maker = lambdaTargets(environment);
      const spec = { type: 'lambda', functionName: 'contract', invocationType: 'RequestResponse' } as const;
      return { maker, target: maker.create(spec, { reply: 'Result' }, principalWith()) };
    },
    async [Symbol.asyncDispose]() {
      await fake.settled();
      await fake[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

if (unavailable === undefined) {
  functionHostContract({
    name: 'Lambda',
    start,
    without: {
      signature: 'requests are signed with AWS credentials, and checked before the function is called',
    },
  });
  describe('a queued call of Lambda', () => {
    it('reports its result to the forwarder that waits for it, errors included', async () => {
      await using stack = new AsyncDisposableStack();
      stack.use(await start());
      // The address is known before the server listens.
      let behind = '';
      const front = stack.use(
        await serve((request, response) => {
          void buffer(request)
            .then((body) => fetch(`http://${behind}${request.url}`, { method: 'POST', body }))
            .then(({ status }) => response.writeHead(status).end());
        }),
      );
      const callbacks = await openCallbacks(
        { address: { host: '127.0.0.1', port: 0 }, url: front.url.replace(/\/$/, '') },
        { clock: systemClock, logger: silentLogger, meter: new RecordingMeter() },
      );
      assert.ok(callbacks);
      stack.defer(() => callbacks.close());
      behind = callbacks.address;
      const maker = stack.use(
        lambdaTargets({
          clock: systemClock,
          guard: createAddressGuard({ inPod: false, apiServers: [], deniedCidrs: [] }),
          env: { AWS_REGION: 'eu-central-1' },
          callbacks: callbacks.desk,
        }),
      );
      const spec = { type: 'lambda', functionName: 'contract', invocationType: 'Event' } as const;
      const target = maker.create(spec, { reply: 'Result' }, principalWith());
      const call = async (step: string) => {
        const dataJson = JSON.stringify({ object: widget({ step }), reason: 'Watch' });
        const reply = await target.invoke(
          invocationAt(systemClock, { dataJson }),
          new AbortController().signal,
        );
        return classify(reply, { reply: 'Result' });
      };
      assert.equal((await call('success')).result?.status?.['attempt'], 1);
      const failed = await call('error beside a status');
      assert.deepEqual([failed.kind, failed.result?.status], ['retry', { phase: 'Degraded' }]);
    });
  });
} else {
  it("runs the contract in AWS's own Node runtime", { skip: unavailable }, () => undefined);
}
