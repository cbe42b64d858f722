/**
 * One execution environment of Lambda: a process with AWS's runtime client and a function, and the Runtime API from
 * which it takes invocations. It runs one at a time, and is used up when its process ends.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { TestProcess } from './child-process.ts';
import { platformError, type RunContext, type RunResult, timeoutResult } from './lambda-runner.ts';

const ROOT = '/2018-06-01/runtime/';

export interface RicFunction {
  /** The file of aws-lambda-ric. */
  readonly ric: string;
  /** Folder of the bundle. */
  readonly folder: string;
  /** `file.export`. */
  readonly handler: string;
}

export class RicEnvironment implements AsyncDisposable {
  readonly #server: Server;
  #child: TestProcess | undefined;
  /** The long poll of a runtime that has nothing to do. */
  #poll = Promise.withResolvers<ServerResponse>();
  #result = Promise.withResolvers<RunResult>();

  constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  static async start({ ric, folder, handler }: RicFunction): Promise<RicEnvironment> {
    const environment = new RicEnvironment();
    environment.#server.listen(0, '127.0.0.1');
    await once(environment.#server, 'listening');
    const { port } = environment.#server.address() as AddressInfo;
    environment.#child = new TestProcess(process.execPath, [ric, handler], {
      cwd: folder,
      env: {
        PATH: process.env['PATH'],
        AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${port}`,
        LAMBDA_TASK_ROOT: folder,
        _HANDLER: handler,
        AWS_REGION: 'eu-central-1',
        AWS_LAMBDA_FUNCTION_NAME: handler,
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '256',
        AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
        AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${handler}`,
        AWS_LAMBDA_LOG_STREAM_NAME: '2026/11/21/[$LATEST]0',
      },
    });
    return environment;
  }

  /** Whether it can run another invocation. */
  get usable(): boolean {
    return this.#child?.running === true;
  }

  async run(payload: string, context: RunContext): Promise<RunResult> {
    const { requestId, timeoutMs } = context;
    this.#result = Promise.withResolvers();
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      this.#child?.child.kill('SIGKILL');
    }, timeoutMs);
    const exited = this.#child
      ?.exit()
      .then(() => (timedOut ? timeoutResult(requestId, timeoutMs) : this.#exitResult(requestId)));
    void this.#poll.promise.then((response) => {
      this.#poll = Promise.withResolvers();
      hand(response, payload, context);
    });
    const result = await Promise.race([this.#result.promise, exited ?? this.#exitResult(requestId)]);
    clearTimeout(timer);
    return { ...result, log: this.#child?.output ?? '' };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child?.[Symbol.asyncDispose]();
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #exitResult(requestId: string): RunResult {
    const status = this.#child?.child.exitCode ?? 'unknown';
    return platformError(
      'Runtime.ExitError',
      `RequestId: ${requestId} Error: Runtime exited with error: exit status ${status}`,
    );
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '').slice(ROOT.length);
    if (path === 'invocation/next') {
      this.#poll.resolve(response);
      return;
    }
    const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>)).toString('utf8');
    response.writeHead(202).end('{"status":"OK"}');
    this.#result.resolve({
      payload: body,
      log: '',
      ...(path.endsWith('/error') && { functionError: 'Unhandled' as const }),
    });
  }
}

function hand(response: ServerResponse, payload: string, context: RunContext): void {
  response.writeHead(200, {
    'content-type': 'application/json',
    'lambda-runtime-aws-request-id': context.requestId,
    'lambda-runtime-deadline-ms': String(Date.now() + context.timeoutMs),
    'lambda-runtime-invoked-function-arn': context.functionArn,
    ...(context.clientContext !== undefined && { 'lambda-runtime-client-context': context.clientContext }),
  });
  response.end(payload);
}
