import type { StatewireFunction } from './define-function.ts';
import { readBody } from './fetch.ts';
import { checkedOptions, type HttpHostOptions } from './host-options.ts';
import { answerHttp } from './http-exchange.ts';

/** The load balancer before Azure Functions waits for an answer no longer, whatever the timeout of the app. */
const LONGEST_ANSWER_MS = 230_000;

/** What is used of the `HttpRequest` of `@azure/functions`, programming model v4. */
export interface AzureRequest {
  readonly method: string;
  readonly headers: { get(name: string): string | null; entries(): Iterable<[string, string]> };
  readonly body: unknown;
}

/** What `@azure/functions` takes as the answer of an HTTP function. */
export interface AzureResponse {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

export type AzureHandler = (request: AzureRequest) => Promise<AzureResponse>;

/**
 * The function as the handler of an Azure HTTP function:
 * `app.http('application', { methods: ['POST', 'OPTIONS'], authLevel: 'function', handler: toAzure(fn) })`.
 *
 * @param options `timeoutMs`: 230 s unless told otherwise; `functionTimeout` of host.json may be shorter
 */
export function toAzure(fn: StatewireFunction, options: HttpHostOptions = {}): AzureHandler {
  const checked = checkedOptions(options);
  return async (request) => {
    const { status, headers, body } = await answerHttp(
      fn,
      {
        method: request.method,
        headers: Object.fromEntries(request.headers.entries()),
        readBody: (maxBytes) => readBody(request, maxBytes),
        leftMs: LONGEST_ANSWER_MS,
      },
      checked,
    );
    return { status, headers: headers as Record<string, string>, body };
  };
}
