import type { IncomingHttpHeaders } from 'node:http';
import type { StatewireFunction } from './define-function.ts';
import { goDurationMs } from './go-duration.ts';
import { checkedOptions, type HttpHostOptions } from './host-options.ts';
import { answerHttp } from './http-exchange.ts';

/** What the node templates of OpenFaaS hand to a function. */
export interface OpenFaaSEvent {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  /** What the template's parsers made of the body; bytes with `RAW_BODY=true`. */
  readonly body: unknown;
}

/** How such a function answers. */
export interface OpenFaaSContext {
  status(code: number): OpenFaaSContext;
  headers(values: Record<string, string>): OpenFaaSContext;
  succeed(value: unknown): unknown;
}

export type OpenFaaSHandler = (event: OpenFaaSEvent, context: OpenFaaSContext) => Promise<void>;

/**
 * The function for the node templates of OpenFaaS (`node18` to `node22`, of-watchdog in mode http): `module.exports =
 * toOpenFaaS(fn)` in `handler.js`.
 *
 * Never throws, since the template answers a throw with 200. The template takes events in binary mode only, of 100 kB
 * unless `MAX_JSON_SIZE` says otherwise; with `RAW_BODY=true` (and `MAX_RAW_SIZE`) in both modes, and signatures can be
 * checked. The signal aborts before `exec_timeout`, and before an `X-Timeout` of the caller.
 */
export function toOpenFaaS(fn: StatewireFunction, options: HttpHostOptions = {}): OpenFaaSHandler {
  const checked = checkedOptions(options);
  const execTimeoutMs = goDurationMs(process.env['exec_timeout']);
  return async ({ method, headers, body }, context) => {
    const limits = [execTimeoutMs, goDurationMs(headers['x-timeout'])].filter((one) => one !== undefined);
    const answer = await answerHttp(
      fn,
      {
        method,
        headers,
        readBody: () => body,
        ...(limits.length > 0 && { leftMs: Math.min(...limits) }),
        rawBodyHint: 'set RAW_BODY=true',
      },
      checked,
    );
    // Never `fail`, which would send the text of an error instead of the body.
    context
      .status(answer.status)
      .headers(answer.headers as Record<string, string>)
      .succeed(answer.body);
  };
}
