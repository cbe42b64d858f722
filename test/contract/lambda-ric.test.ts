import { it } from 'node:test';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FakeLambda } from '../support/fake-lambda.ts';
import { bundleFunctions } from '../support/lambda-bundle.ts';
import { installLambdaRic, ricUnavailable } from '../support/lambda-ric.ts';
import { withRic } from '../support/ric-runner.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { LAMBDA_FUNCTIONS, lambdaHostContract } from './lambda-host.contract.ts';

const unavailable = ricUnavailable();

if (unavailable === undefined) {
  lambdaHostContract({
    name: "AWS's own Node runtime",
    async start() {
      const ric = await installLambdaRic();
      const folder = await temporaryFolder();
      const handlers = fileURLToPath(new URL('../fixtures/lambda/handlers.ts', import.meta.url));
      await bundleFunctions(handlers, join(folder.path, 'handlers.mjs'));
      const fake = await FakeLambda.start();
      for (const name of LAMBDA_FUNCTIONS) {
        fake.add(name, {
          runner: withRic({ ric, folder: folder.path, handler: `handlers.${name}` }),
          timeoutMs: name.startsWith('hangs') ? 1000 : 20_000,
          aliases: { live: '3' },
          ...(name === 'slow' && { reservedConcurrency: 1 }),
        });
      }
      return {
        endpoint: fake.endpoint,
        nameOf: (name) => name,
        async [Symbol.asyncDispose]() {
          await fake.settled();
          await fake[Symbol.asyncDispose]();
          await folder[Symbol.asyncDispose]();
        },
      };
    },
  });
} else {
  it("runs functions in AWS's own Node runtime", { skip: unavailable }, () => undefined);
}
