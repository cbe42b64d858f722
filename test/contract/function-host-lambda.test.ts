/** Lambda: AWS's own Node runtime, behind a fake of the Invoke API. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { it } from 'node:test';
import { lambdaTargets } from '../../forwarder/target/lambda.ts';
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
} else {
  it("runs the contract in AWS's own Node runtime", { skip: unavailable }, () => undefined);
}
