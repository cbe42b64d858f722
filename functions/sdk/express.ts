import type { StatewireFunction } from './define-function.ts';
import { toHttp, type HttpListener, type HttpOptions } from './http.ts';

/**
 * The function as an express handler: `app.post('/application', toExpress(fn))`, or `app.use(…)` so that the CloudEvents
 * handshake (OPTIONS) is answered too.
 *
 * Works with and without a body parser before it; a parser's own limit then counts (`express.json()` takes 100 kB
 * unless told otherwise), and its bodies are what it made of them.
 */
export function toExpress(fn: StatewireFunction, options?: HttpOptions): HttpListener {
  return toHttp(fn, options);
}
