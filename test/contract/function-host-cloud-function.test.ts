/** Google Cloud Functions: the Functions Framework that runs there. */
import { createRequire } from 'node:module';
import path from 'node:path';
import type { Server } from 'node:http';
import { toCloudFunction } from '../../functions/sdk/cloud-function.ts';
import type { HttpListener } from '../../functions/sdk/http.ts';
import { contractFunction, plain, signed } from '../fixtures/function-hosts/contract-function.ts';
import { cachedPackage } from '../support/cached-packages.ts';
import { serveOn } from '../support/serve.ts';
import { functionHostContract, type HostUnderTest } from './function-host.contract.ts';

/** The server of the framework, with this function as the one it was deployed with. */
async function start(name: string, listener: HttpListener): Promise<HostUnderTest> {
  const folder = await cachedPackage({ name: '@google-cloud/functions-framework', version: '5.0.5' });
  const file = path.join(folder, 'package.json');
  const { http } = createRequire(file)('@google-cloud/functions-framework') as {
    http: (name: string, listener: HttpListener) => void;
  };
  const { getTestServer } = createRequire(file)('@google-cloud/functions-framework/testing') as {
    getTestServer: (name: string) => Server;
  };
  http(name, listener);
  return serveOn(getTestServer(name));
}

functionHostContract({
  name: 'Google Cloud Functions',
  start: () => start('plain', toCloudFunction(contractFunction, plain)),
  startSigned: () => start('signed', toCloudFunction(contractFunction, signed)),
});
