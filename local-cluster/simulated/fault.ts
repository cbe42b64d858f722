import { StatusError } from './status-error.ts';

/** What happens to one request instead of its answer. */
export type Fault =
  /** The server says no, and does nothing. */
  | {
      readonly kind: 'refuse';
      readonly status: number;
      readonly reason?: string;
      readonly message?: string;
      readonly retryAfterSeconds?: number;
    }
  /** Nobody accepts the connection. */
  | { readonly kind: 'unreachable' }
  /** The connection is lost before the server has acted. */
  | { readonly kind: 'lost-request' }
  /** The server acts, and its answer does not arrive. */
  | { readonly kind: 'lost-answer' }
  /** Nothing is answered, ever. */
  | { readonly kind: 'silence' }
  /** The body is lost after so many bytes. */
  | { readonly kind: 'cut'; readonly afterBytes: number };

/** The Status that a refusal is. */
export function refusalError(fault: Extract<Fault, { kind: 'refuse' }>): StatusError {
  const { status, reason, message = 'refused for a test', retryAfterSeconds } = fault;
  return new StatusError(status, message, {
    ...(reason !== undefined && { reason }),
    ...(retryAfterSeconds !== undefined && { details: { retryAfterSeconds } }),
  });
}
