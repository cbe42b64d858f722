/** The Lambda host of this computer: `serverless offline` with the functions of serverless.yml. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { freePort } from '../../local-cluster/free-port.ts';
import { Child } from './child.ts';
import { happens, StepError } from './step.ts';

export class LambdaHost implements AsyncDisposable {
  readonly #port: number;
  #child: Child | undefined;

  private constructor(port: number) {
    this.#port = port;
  }

  static async prepare(): Promise<LambdaHost> {
    for (const file of ['serverless.yml', 'dist/functions/application.mjs', 'node_modules/.bin/serverless']) {
      if (!existsSync(file))
        throw new StepError(`${file} is not here: run npm install && npm start in a checkout`);
    }
    return new LambdaHost(await freePort());
  }

  /** For `AWS_ENDPOINT_URL_LAMBDA`. */
  get endpoint(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get child(): Child | undefined {
    return this.#child;
  }

  /** Resolves to the names of the functions that it serves. */
  async start(): Promise<readonly string[]> {
    const httpPort = await freePort();
    const child = new Child(
      process.execPath,
      [
        path.join('node_modules', 'serverless', 'bin', 'serverless.js'),
        'offline',
        '--host',
        '127.0.0.1',
        '--lambdaPort',
        String(this.#port),
        '--httpPort',
        String(httpPort),
        '--noPrependStageInUrl',
      ],
      // A function that throws on an Event invocation must not take the host with it.
      { NODE_OPTIONS: '--unhandled-rejections=warn', SLS_TELEMETRY_DISABLED: '1' },
    );
    this.#child = child;
    const served = (): string[] =>
      child.lines.flatMap(({ text }) => /\* [\w-]+: ([\w-]+)/.exec(text)?.[1] ?? []);
    return await happens(
      'serverless offline serves the functions',
      60_000,
      () => (served().length > 0 ? served() : undefined),
      () => child.ended,
    );
  }

  async stop(): Promise<void> {
    await this.#child?.stop('SIGKILL');
    this.#child = undefined;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
