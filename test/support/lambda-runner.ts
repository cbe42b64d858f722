/** What runs a function behind the fake of the Invoke API, and the simplest: a handler in this process. */

export interface RunContext {
  readonly requestId: string;
  readonly functionArn: string;
  /** JSON text. */
  readonly clientContext?: string | undefined;
  readonly timeoutMs: number;
}

export interface RunResult {
  readonly payload: string;
  /** As `X-Amz-Function-Error` says it. */
  readonly functionError?: 'Unhandled';
  /** What the function printed. */
  readonly log: string;
}

export interface LambdaRunner extends AsyncDisposable {
  /** Runs the function once. Never rejects; the time limit is the runner's to keep. */
  run(payload: string, context: RunContext): Promise<RunResult>;
}

export type LambdaHandler = (event: never, context: never) => Promise<unknown>;

export function inProcess(handler: LambdaHandler): LambdaRunner {
  return {
    async run(payload, { requestId, functionArn, clientContext, timeoutMs }) {
      const timedOut = Promise.withResolvers<RunResult>();
      const timer = setTimeout(() => timedOut.resolve(timeoutResult(requestId, timeoutMs)), timeoutMs);
      const context = {
        awsRequestId: requestId,
        invokedFunctionArn: functionArn,
        ...(clientContext !== undefined && { clientContext: JSON.parse(clientContext) as unknown }),
      };
      const ran = handler(JSON.parse(payload) as never, context as never).then(
        (value): RunResult => ({ payload: JSON.stringify(value ?? null), log: '' }),
        (error: unknown): RunResult => errorResult(error),
      );
      const result = await Promise.race([ran, timedOut.promise]);
      clearTimeout(timer);
      return result;
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** As Lambda reports a function that it ended. */
export function timeoutResult(requestId: string, timeoutMs: number): RunResult {
  return platformError(
    'Sandbox.Timedout',
    `RequestId: ${requestId} Error: Task timed out after ${(timeoutMs / 1000).toFixed(2)} seconds`,
  );
}

/** A failure that the function's own code did not report. */
export function platformError(errorType: string, errorMessage: string): RunResult {
  return { payload: JSON.stringify({ errorType, errorMessage }), functionError: 'Unhandled', log: '' };
}

function errorResult(thrown: unknown): RunResult {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  return {
    payload: JSON.stringify({
      errorType: error.name,
      errorMessage: error.message,
      trace: (error.stack ?? '').split('\n'),
    }),
    functionError: 'Unhandled',
    log: '',
  };
}
