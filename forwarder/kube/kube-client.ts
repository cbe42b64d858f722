import { Pool } from 'undici';
import type { Clock } from '../lib/clock.ts';
import { ApiError } from '../lib/errors.ts';
import type { KubeClient, KubeRequest, KubeResponse } from '../model/kube-client.ts';
import { type Meter, noMeter } from '../model/metrics.ts';
import { errorFromAnswer, errorFromFailure, isConnectionFailure, isConnectionRefused } from './api-error.ts';
import type { KubeAccess } from './kube-access.ts';
import { openSocket, type SocketDone } from './open-socket.ts';
import { requestPath } from './stream-transport.ts';

const DEFAULT_TIMEOUT_MS = 30_000;
const MAX_TRIES = 5;
/** A longer Retry-After is for the caller to honour. */
const MAX_WAIT_MS = 10_000;
/** Pause before a GET whose connection was lost is sent again. */
const LOST_WAIT_MS = 1000;
const MAX_BODY_BYTES = 64 * 1024 * 1024;
/** Requests in flight; the API server's priority and fairness does the rest. */
const MAX_CONNECTIONS = 32;
/** Less than the 90 s after which the API server closes idle connections. */
const KEEP_ALIVE_MS = 60_000;

export interface HttpKubeClientOptions {
  readonly access: KubeAccess;
  readonly clock: Clock;
  readonly meter?: Meter;
  /** @defaultValue statewire */
  readonly userAgent?: string;
  /** @defaultValue 32 */
  readonly maxConnections?: number;
}

/**
 * Requests to the API server over one pool of connections. It tries again by itself where that is certain to be right:
 * after 429 and 5xx that say when, after a lost connection of a GET, and once after a 401 with fresh credentials.
 */
export class HttpKubeClient implements KubeClient {
  readonly #access: KubeAccess;
  readonly #clock: Clock;
  readonly #meter: Meter;
  readonly #userAgent: string;
  readonly #pool: Pool;
  readonly #closed = new AbortController();

  constructor(options: HttpKubeClientOptions) {
    this.#access = options.access;
    this.#clock = options.clock;
    this.#meter = options.meter ?? noMeter;
    this.#userAgent = options.userAgent ?? 'statewire';
    this.#pool = new Pool(options.access.server.origin, {
      connections: options.maxConnections ?? MAX_CONNECTIONS,
      pipelining: 1,
      allowH2: false,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MS,
      // Both are measured by the clock instead, over the whole request.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: (_options, done) => openSocket(options.access, options.clock, done as SocketDone),
    });
  }

  async request(request: KubeRequest): Promise<KubeResponse> {
    const what = `${request.method} ${request.path}`;
    request.signal?.throwIfAborted();
    this.#closed.signal.throwIfAborted();
    const stop = new AbortController();
    const onAbort = (): void => stop.abort(request.signal?.reason);
    request.signal?.addEventListener('abort', onAbort, { once: true });
    const onClose = (): void => stop.abort(this.#closed.signal.reason);
    this.#closed.signal.addEventListener('abort', onClose, { once: true });
    const timeoutMs = request.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const timer = this.#clock.after(timeoutMs, () => {
      stop.abort(new ApiError('API_UNAVAILABLE', `${what}: no answer within ${timeoutMs} ms`));
    });
    try {
      return await this.#tries(request, what, stop.signal);
    } finally {
      timer.cancel();
      request.signal?.removeEventListener('abort', onAbort);
      this.#closed.signal.removeEventListener('abort', onClose);
    }
  }

  /** Ends every connection, with the requests on them. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort(new ApiError('API_UNAVAILABLE', 'the client is closed'));
    await this.#pool.destroy();
  }

  async #tries(request: KubeRequest, what: string, signal: AbortSignal): Promise<KubeResponse> {
    let refreshed = false;
    for (let tries = 1; ; tries++) {
      try {
        return await this.#once(request, what, signal);
      } catch (error) {
        signal.throwIfAborted();
        const failure = errorFromFailure(what, error);
        if (failure.code === 'API_UNAUTHORIZED' && !refreshed) {
          refreshed = true;
          this.#access.refresh();
          continue;
        }
        const waitMs = tries < MAX_TRIES ? waitBeforeRetry(request, failure) : undefined;
        if (waitMs === undefined) throw failure;
        await this.#clock.sleep(waitMs, signal);
      }
    }
  }

  async #once(request: KubeRequest, what: string, signal: AbortSignal): Promise<KubeResponse> {
    const { method, path, query, body, contentType = 'application/json' } = request;
    const startMs = this.#clock.monotonic();
    let code = '<error>';
    try {
      const answer = await this.#pool.request({
        method,
        path: requestPath(this.#access.server, path, query),
        headers: {
          accept: 'application/json',
          'accept-encoding': 'identity',
          'user-agent': this.#userAgent,
          ...(body !== undefined && { 'content-type': contentType }),
          ...(await this.#access.headers()),
        },
        ...(body !== undefined && { body }),
        signal,
      });
      code = String(answer.statusCode);
      const text = await readText(answer.body, what);
      if (answer.statusCode >= 200 && answer.statusCode < 300) return { status: answer.statusCode, text };
      const retryAfter = answer.headers['retry-after'];
      throw errorFromAnswer(what, {
        status: answer.statusCode,
        retryAfter: Array.isArray(retryAfter) ? retryAfter[0] : retryAfter,
        text,
      });
    } finally {
      const { host } = this.#access.server;
      this.#meter.count('rest_client_requests_total', { code, method, host });
      const seconds = (this.#clock.monotonic() - startMs) / 1000;
      this.#meter.observe('rest_client_request_duration_seconds', { verb: method, host }, seconds);
    }
  }
}

/** Undefined where the caller has to decide. */
function waitBeforeRetry(request: KubeRequest, failure: ApiError): number | undefined {
  const { retryAfterMs, status } = failure;
  if (retryAfterMs !== undefined && (status === 429 || status >= 500)) {
    return retryAfterMs <= MAX_WAIT_MS ? retryAfterMs : undefined;
  }
  const lost = isConnectionFailure(failure) && !isConnectionRefused(failure);
  return lost && request.method === 'GET' ? LOST_WAIT_MS : undefined;
}

async function readText(body: AsyncIterable<Buffer>, what: string): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) {
      throw new ApiError('API_PROTOCOL', `${what}: the answer is larger than ${MAX_BODY_BYTES} bytes`);
    }
    chunks.push(chunk);
  }
  return (chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, bytes)).toString('utf8');
}
