import type { StatewireFunction } from './define-function.ts';
import type { HttpHostOptions } from './host-options.ts';
import { toHttp, type HttpListener } from './http.ts';

/**
 * The function as an HTTP function of Google Cloud: `functions.http('application', toCloudFunction(fn))`, or
 * `export const application = toCloudFunction(fn)` with `--target=application`.
 *
 * An HTTP function rather than a CloudEvent function, which could not say how an error is to be treated; it takes
 * CloudEvents in both modes all the same.
 *
 * @param options `timeoutMs`: what `CLOUD_RUN_TIMEOUT_SECONDS` says unless told otherwise
 */
export function toCloudFunction(fn: StatewireFunction, options: HttpHostOptions = {}): HttpListener {
  const seconds = Number(process.env['CLOUD_RUN_TIMEOUT_SECONDS']);
  return toHttp(fn, { ...(seconds > 0 && { timeoutMs: seconds * 1000 }), ...options });
}
