import { copyFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleFunctions } from '../support/lambda-bundle.ts';
import { startServerlessOffline } from '../support/serverless-offline.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { lambdaHostContract } from './lambda-host.contract.ts';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

lambdaHostContract({
  name: 'serverless offline',
  async start() {
    const folder = await temporaryFolder();
    await copyFile(
      path('../fixtures/serverless-offline/serverless.yml'),
      join(folder.path, 'serverless.yml'),
    );
    await symlink(path('../../node_modules'), join(folder.path, 'node_modules'));
    await bundleFunctions(path('../fixtures/lambda/handlers.ts'), join(folder.path, 'handlers.mjs'));
    const offline = await startServerlessOffline(folder.path);
    return {
      endpoint: offline.endpoint,
      nameOf: (name) => `contract-test-${name}`,
      async [Symbol.asyncDispose]() {
        await offline[Symbol.asyncDispose]();
        await folder[Symbol.asyncDispose]();
      },
    };
  },
  without: {
    errorType: 'it names every thrown error "Error"',
    timeoutType: 'it reports a timeout as an error of the function',
    exits: 'its functions are threads of the server',
    qualifiers: 'it ignores qualifiers',
    arns: 'it knows functions by name only',
    concurrency: 'it ignores reserved concurrency',
    asyncLimit: 'it takes an Event of any size',
  },
});
