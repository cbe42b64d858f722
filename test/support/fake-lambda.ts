/**
 * The Invoke API of AWS Lambda on a loopback port: names, qualifiers, limits, throttling, errors and the queue of
 * asynchronous events as the API reference documents them. What a function does is a LambdaRunner's business.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Clock, systemClock, type Timer } from '../../forwarder/lib/clock.ts';
import { type FakeFunction, LambdaApiError, LambdaFunctions } from './fake-lambda-functions.ts';
import { platformError, type RunResult } from './lambda-runner.ts';

const MB = 1024 * 1024;
const MAX_SYNC_BYTES = 6 * MB;
const MAX_ASYNC_BYTES = MB;
const MAX_RESPONSE_BYTES = 6 * MB;
const MAX_CLIENT_CONTEXT = 3583;
const LOG_TAIL_BYTES = 4096;
const INVOKE = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/;
/** Waits before the second and third run of an asynchronous event that failed. */
const ASYNC_RETRY_MS = [60_000, 120_000];
/** Wait of an asynchronous event that was throttled. */
const ASYNC_THROTTLE_MS = 1000;

export interface FakeInvocation {
  readonly functionName: string;
  readonly version: string;
  readonly type: 'RequestResponse' | 'Event' | 'DryRun';
  /** The request's body, byte for byte. */
  readonly payload: string;
  /** JSON text. */
  readonly clientContext?: string | undefined;
  readonly requestId: string;
}

export interface FakeLambdaOptions {
  /** @defaultValue eu-central-1 */
  readonly region?: string;
  /** @defaultValue 123456789012 */
  readonly account?: string;
  /** Spaces the retries of asynchronous events. @defaultValue the system's */
  readonly clock?: Clock;
}

export class FakeLambda implements AsyncDisposable {
  /** Every request that named a function, also those that failed later. */
  readonly invocations: FakeInvocation[] = [];
  /** Asynchronous events given up: the event alone, as a dead-letter queue gets it. */
  readonly dropped: string[] = [];
  /** Asked before anything else; throw LambdaApiError to inject a fault, await to inject latency. */
  intercept: (invocation: FakeInvocation) => void | Promise<void> = () => undefined;
  readonly #functions: LambdaFunctions;
  readonly #clock: Clock;
  readonly #server: Server;
  readonly #queued = new Set<Promise<void>>();
  readonly #waiting = new Set<Timer>();

  constructor({
    region = 'eu-central-1',
    account = '123456789012',
    clock = systemClock,
  }: FakeLambdaOptions = {}) {
    this.#functions = new LambdaFunctions(region, account);
    this.#clock = clock;
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  static async start(options?: FakeLambdaOptions): Promise<FakeLambda> {
    const fake = new FakeLambda(options);
    fake.#server.listen(0, '127.0.0.1');
    await once(fake.#server, 'listening');
    return fake;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  add(name: string, definition: FakeFunction): void {
    this.#functions.add(name, definition);
  }

  arnOf(name: string): string {
    return this.#functions.arnOf(name);
  }

  /** Resolves when no asynchronous event runs at the moment; those that wait for a retry do not count. */
  async settled(): Promise<void> {
    while (this.#queued.size > 0) await Promise.all(this.#queued);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#waiting) timer.cancel();
    this.#server.closeAllConnections();
    this.#server.close();
    await this.#functions[Symbol.asyncDispose]();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const requestId = randomUUID();
    response.setHeader('x-amzn-requestid', requestId);
    try {
      await this.#invoke(request, response, requestId);
    } catch (thrown) {
      const error =
        thrown instanceof LambdaApiError
          ? thrown
          : new LambdaApiError(500, 'ServiceException', String(thrown));
      for (const [name, value] of Object.entries(error.headers)) response.setHeader(name, value);
      response.writeHead(error.status, {
        'content-type': 'application/json',
        'x-amzn-errortype': error.type,
      });
      response.end(JSON.stringify(error.body));
    }
  }

  async #invoke(request: IncomingMessage, response: ServerResponse, requestId: string): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const name = INVOKE.exec(url.pathname)?.[1];
    const payload = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>)).toString('utf8');
    if (name === undefined || request.method !== 'POST') {
      throw new LambdaApiError(404, 'UnknownOperationException', '');
    }
    if (!(request.headers.authorization ?? '').startsWith('AWS4-HMAC-SHA256 Credential=')) {
      throw new LambdaApiError(403, 'MissingAuthenticationTokenException', 'Missing Authentication Token');
    }
    const called = this.#functions.resolve(decodeURIComponent(name), url.searchParams.get('Qualifier'));
    const { type, clientContext } = readHeaders(request);
    const invocation: FakeInvocation = {
      functionName: called.name,
      version: called.version,
      type,
      payload,
      clientContext,
      requestId,
    };
    this.invocations.push(invocation);
    await this.intercept(invocation);
    checkPayload(payload, type);
    if (type === 'DryRun') {
      response.writeHead(204).end();
      return;
    }
    response.setHeader('x-amz-executed-version', called.version);
    if (type === 'Event') {
      this.#enqueue(invocation);
      response.writeHead(202).end();
      return;
    }
    const result = limited(await this.#run(invocation));
    if (result.functionError !== undefined) response.setHeader('x-amz-function-error', result.functionError);
    if (request.headers['x-amz-log-type'] === 'Tail') {
      const tail = Buffer.from(result.log).subarray(-LOG_TAIL_BYTES);
      response.setHeader('x-amz-log-result', tail.toString('base64'));
    }
    response.writeHead(200, { 'content-type': 'application/json' }).end(result.payload);
  }

  #run(invocation: FakeInvocation): Promise<RunResult> {
    return this.#functions.run(invocation.functionName, invocation.payload || '{}', {
      requestId: invocation.requestId,
      // The client context is for synchronous calls only.
      clientContext: invocation.type === 'Event' ? undefined : invocation.clientContext,
    });
  }

  /** Runs an asynchronous event; one that failed again after two more runs, or the fewer set, is dropped. */
  #enqueue(invocation: FakeInvocation, failures = 0): void {
    const again = (waitMs: number, count: number): void => {
      const timer = this.#clock.after(waitMs, () => {
        this.#waiting.delete(timer);
        this.#enqueue(invocation, count);
      });
      this.#waiting.add(timer);
    };
    const running = this.#run(invocation).then(
      ({ functionError }) => {
        if (functionError === undefined) return;
        const waitMs = ASYNC_RETRY_MS[failures];
        const allowed = this.#functions.maximumRetryAttempts(invocation.functionName);
        if (waitMs === undefined || failures >= allowed) this.dropped.push(invocation.payload);
        else again(waitMs, failures + 1);
      },
      () => again(ASYNC_THROTTLE_MS, failures),
    );
    this.#queued.add(running);
    void running.finally(() => this.#queued.delete(running));
  }
}

function readHeaders(request: IncomingMessage): Pick<FakeInvocation, 'type' | 'clientContext'> {
  const type = request.headers['x-amz-invocation-type'] ?? 'RequestResponse';
  if (type !== 'RequestResponse' && type !== 'Event' && type !== 'DryRun') {
    throw new LambdaApiError(
      400,
      'InvalidParameterValueException',
      `Invalid invocation type ${String(type)}`,
    );
  }
  const encoded = request.headers['x-amz-client-context'];
  if (typeof encoded !== 'string') return { type };
  if (encoded.length > MAX_CLIENT_CONTEXT) {
    throw new LambdaApiError(400, 'InvalidParameterValueException', 'Client context is too long');
  }
  return { type, clientContext: Buffer.from(encoded, 'base64').toString('utf8') };
}

function checkPayload(payload: string, type: FakeInvocation['type']): void {
  const limit = type === 'Event' ? MAX_ASYNC_BYTES : MAX_SYNC_BYTES;
  const bytes = Buffer.byteLength(payload);
  if (bytes > limit) {
    throw new LambdaApiError(413, 'RequestTooLargeException', `${bytes} byte payload is too large`);
  }
  try {
    if (payload !== '') JSON.parse(payload);
  } catch {
    throw new LambdaApiError(400, 'InvalidRequestContentException', 'Could not parse request body into json');
  }
}

function limited(result: RunResult): RunResult {
  if (Buffer.byteLength(result.payload) <= MAX_RESPONSE_BYTES) return result;
  return platformError(
    'Function.ResponseSizeTooLarge',
    `Response payload size exceeded maximum allowed payload size (${MAX_RESPONSE_BYTES} bytes).`,
  );
}
