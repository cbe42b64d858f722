/** The functions of a fake Lambda: how they are named, which versions they have, how many may run at once. */
import type { LambdaRunner, RunContext, RunResult } from './lambda-runner.ts';

export interface FakeFunction {
  readonly runner: LambdaRunner;
  /** @defaultValue 3,000 */
  readonly timeoutMs?: number;
  /** Calls at once; more are throttled. @defaultValue 1,000 */
  readonly reservedConcurrency?: number;
  /** Alias → version. `$LATEST` always exists. @defaultValue none */
  readonly aliases?: Readonly<Record<string, string>>;
  /** Runs of a failed asynchronous event after the first. @defaultValue 2 */
  readonly maximumRetryAttempts?: 0 | 1 | 2;
  /** Whether the caller's policy allows it. @defaultValue true */
  readonly allowed?: boolean;
}

/** An error answer of the API. */
export class LambdaApiError extends Error {
  override readonly name = 'LambdaApiError';
  readonly status: number;
  readonly type: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, string>>;
  constructor(
    status: number,
    type: string,
    message: string,
    extra: { readonly headers?: Readonly<Record<string, string>>; readonly reason?: string } = {},
  ) {
    super(message);
    this.status = status;
    this.type = type;
    this.headers = extra.headers ?? {};
    this.body = {
      Type: status < 500 ? 'User' : 'Service',
      Message: message,
      ...(extra.reason !== undefined && { Reason: extra.reason }),
    };
  }
}

const NAME = '(?<name>[a-zA-Z0-9-_]{1,64})(?::(?<qualifier>\\$LATEST|[a-zA-Z0-9-_]{1,128}))?';
const FORMS: readonly RegExp[] = [
  new RegExp(`^${NAME}$`),
  new RegExp(`^(?<account>\\d{12}):function:${NAME}$`),
  new RegExp(`^arn:aws:lambda:(?<region>[a-z0-9-]+):(?<account>\\d{12}):function:${NAME}$`),
];

interface Held extends FakeFunction {
  running: number;
}

export class LambdaFunctions implements AsyncDisposable {
  readonly #region: string;
  readonly #account: string;
  readonly #byName = new Map<string, Held>();

  constructor(region: string, account: string) {
    this.#region = region;
    this.#account = account;
  }

  add(name: string, definition: FakeFunction): void {
    this.#byName.set(name, { ...definition, running: 0 });
  }

  arnOf(name: string): string {
    return `arn:aws:lambda:${this.#region}:${this.#account}:function:${name}`;
  }

  maximumRetryAttempts(name: string): number {
    return this.#byName.get(name)?.maximumRetryAttempts ?? 2;
  }

  /** Name, name:alias, partial ARN or ARN, and the Qualifier parameter. Throws LambdaApiError. */
  resolve(text: string, parameter: string | null): { readonly name: string; readonly version: string } {
    const groups = FORMS.map((form) => form.exec(text)?.groups).find((found) => found !== undefined);
    if (groups === undefined) {
      throw new LambdaApiError(400, 'ValidationException', `1 validation error detected: Value '${text}'`);
    }
    const { name = '', qualifier, account, region } = groups;
    if (qualifier !== undefined && parameter !== null && qualifier !== parameter) {
      throw new LambdaApiError(
        400,
        'InvalidParameterValueException',
        'The derived qualifier from the function name does not match the specified qualifier.',
      );
    }
    const held = this.#byName.get(name);
    if (account !== undefined && account !== this.#account) {
      throw denied(text);
    }
    if (region !== undefined && region !== this.#region) {
      throw new LambdaApiError(
        404,
        'ResourceNotFoundException',
        `Functions from '${region}' are not reachable in this region ('${this.#region}')`,
      );
    }
    if (held?.allowed === false) throw denied(this.arnOf(name));
    const wanted = qualifier ?? parameter ?? '$LATEST';
    const version = wanted === '$LATEST' ? wanted : held?.aliases?.[wanted];
    if (held === undefined || version === undefined) {
      const arn = wanted === '$LATEST' ? this.arnOf(name) : `${this.arnOf(name)}:${wanted}`;
      throw new LambdaApiError(404, 'ResourceNotFoundException', `Function not found: ${arn}`);
    }
    return { name, version };
  }

  /** Throws LambdaApiError where too many run already. */
  async run(
    name: string,
    payload: string,
    context: Pick<RunContext, 'requestId' | 'clientContext'>,
  ): Promise<RunResult> {
    const held = this.#byName.get(name);
    if (held === undefined) throw new LambdaApiError(404, 'ResourceNotFoundException', name);
    if (held.running >= (held.reservedConcurrency ?? 1000)) {
      throw new LambdaApiError(429, 'TooManyRequestsException', 'Rate Exceeded.', {
        headers: { 'retry-after': '1' },
        reason: 'ReservedFunctionConcurrentInvocationLimitExceeded',
      });
    }
    held.running += 1;
    try {
      return await held.runner.run(payload, {
        ...context,
        functionArn: this.arnOf(name),
        timeoutMs: held.timeoutMs ?? 3000,
      });
    } finally {
      held.running -= 1;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(Array.from(this.#byName.values(), ({ runner }) => runner[Symbol.asyncDispose]()));
  }
}

function denied(resource: string): LambdaApiError {
  return new LambdaApiError(
    403,
    'AccessDeniedException',
    `User is not authorized to perform: lambda:InvokeFunction on resource: ${resource}`,
  );
}
