import { retryAfter } from '@statewire/functions';

/** What a system said to a request that it does not want. */
export interface Refusal {
  readonly refusal: string;
}

export interface BackendCall {
  readonly method: 'PUT' | 'POST' | 'DELETE';
  /** Below the URL that the environment variable holds. */
  readonly path: string;
  readonly body?: unknown;
  /** The system does once what has the same key. */
  readonly idempotencyKey?: string;
}

/** Say nothing of what was asked: credentials that are missing, too slow, too early, too many. */
const PASSING: ReadonlySet<number> = new Set([401, 407, 408, 425, 429]);

/** Calls a system of the company. Undefined: it is done. Throws what has the event delivered again where it is away. */
export async function callBackend(
  variable: string,
  { method, path, body, idempotencyKey }: BackendCall,
  signal: AbortSignal,
): Promise<Refusal | undefined> {
  const url = process.env[variable];
  if (url === undefined) throw new Error(`${variable} is not set`);
  const answer = await fetch(url.replace(/\/+$/, '') + path, {
    method,
    signal,
    headers: {
      'content-type': 'application/json',
      ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }),
    },
    body: body === undefined ? null : JSON.stringify(body),
  }).catch((cause: unknown) => {
    throw retryAfter('2s', cause);
  });
  const text = await answer.text();
  if (answer.ok || (method === 'DELETE' && answer.status === 404)) return undefined;
  if (answer.status >= 500 || PASSING.has(answer.status)) throw retryAfter('2s', `${answer.status} ${text}`);
  return { refusal: `${answer.status} ${text}` };
}
