/** `serverless offline` in a process of its own, serving one folder on free ports. */
import { fileURLToPath } from 'node:url';
import { freePort } from '../../local-cluster/free-port.ts';
import { TestProcess } from './child-process.ts';

const SERVERLESS = fileURLToPath(new URL('../../node_modules/.bin/serverless', import.meta.url));

export interface ServerlessOffline extends AsyncDisposable {
  /** For `AWS_ENDPOINT_URL_LAMBDA`. */
  readonly endpoint: string;
}

/** The folder holds serverless.yml and finds the plugin in its node_modules. */
export async function startServerlessOffline(folder: string): Promise<ServerlessOffline> {
  const [lambdaPort, httpPort] = [await freePort(), await freePort()];
  const server = new TestProcess(
    process.execPath,
    [
      SERVERLESS,
      'offline',
      '--host',
      '127.0.0.1',
      '--lambdaPort',
      `${lambdaPort}`,
      '--httpPort',
      `${httpPort}`,
    ],
    {
      cwd: folder,
      env: {
        ...process.env,
        // Otherwise an Event whose handler throws ends the whole server.
        NODE_OPTIONS: '--unhandled-rejections=warn',
        SLS_TELEMETRY_DISABLED: '1',
        SLS_NOTIFICATIONS_MODE: 'off',
      },
    },
  );
  const endpoint = `http://127.0.0.1:${lambdaPort}`;
  await server.printed(`listening on ${endpoint}`);
  return { endpoint, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}
