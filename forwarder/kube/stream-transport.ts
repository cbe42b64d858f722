import { Agent, type IncomingMessage, request as httpRequest } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from '../lib/clock.ts';
import { ApiError } from '../lib/errors.ts';
import { type Meter, noMeter } from '../model/metrics.ts';
import { errorFromAnswer, errorFromFailure } from './api-error.ts';
import type { KubeAccess } from './kube-access.ts';
import { openSocket, type SocketDone } from './open-socket.ts';
import type { StreamPort, StreamRequest } from './stream-port.ts';

/** An error body is a Status of some hundred bytes. */
const MAX_ERROR_BYTES = 64 * 1024;

type Connected = (error: Error | null, socket: Duplex) => void;

/** Idle sockets wait in node's Agent for the next page or list. */
class SocketAgent extends Agent {
  readonly #open: (done: SocketDone) => void;
  constructor(open: (done: SocketDone) => void) {
    super({ keepAlive: true, maxFreeSockets: 4, scheduling: 'lifo', timeout: 0 });
    this.#open = open;
  }
  override createConnection(_options: unknown, done?: Connected): undefined {
    this.#open(done as SocketDone);
  }
}

/**
 * GET requests whose body is read as a stream: lists and watches. On connections of their own, by node:http, because
 * there a reader can pause and resume in the middle of a chunk at no cost, which holds floods back at the sender.
 */
export class StreamTransport implements StreamPort {
  readonly #access: KubeAccess;
  readonly #clock: Clock;
  readonly #meter: Meter;
  readonly #userAgent: string;
  readonly #agent: SocketAgent;

  constructor(options: {
    readonly access: KubeAccess;
    readonly clock: Clock;
    readonly meter?: Meter;
    /** @defaultValue statewire */
    readonly userAgent?: string;
  }) {
    this.#access = options.access;
    this.#clock = options.clock;
    this.#meter = options.meter ?? noMeter;
    this.#userAgent = options.userAgent ?? 'statewire';
    this.#agent = new SocketAgent((done) => openSocket(options.access, options.clock, done));
  }

  /**
   * The answer, whose body the caller reads or destroys. Throws ApiError for everything but 2xx; a 401 is tried once
   * more with credentials read anew. Rejects with the signal's reason when that fires; it also ends a body being read.
   */
  async open(request: StreamRequest): Promise<IncomingMessage> {
    try {
      return await this.#attempt(request);
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 'API_UNAUTHORIZED') throw error;
      this.#access.refresh();
      return this.#attempt(request);
    }
  }

  /** Ends idle connections. */
  close(): void {
    this.#agent.destroy();
  }

  async #attempt(request: StreamRequest): Promise<IncomingMessage> {
    const what = `GET ${request.path}`;
    request.signal.throwIfAborted();
    const startMs = this.#clock.monotonic();
    let answer: IncomingMessage;
    try {
      answer = await this.#send(request, await this.#access.headers());
    } catch (error) {
      request.signal.throwIfAborted();
      this.#count('<error>', startMs);
      throw errorFromFailure(what, error);
    }
    const status = answer.statusCode ?? 0;
    this.#count(String(status), startMs);
    if (status >= 200 && status < 300) return answer;
    const text = await readErrorBody(answer);
    request.signal.throwIfAborted();
    throw errorFromAnswer(what, { status, retryAfter: answer.headers['retry-after'], text });
  }

  #send(
    request: StreamRequest,
    headers: Readonly<Record<string, string | string[]>>,
  ): Promise<IncomingMessage> {
    const { server } = this.#access;
    return new Promise((resolve, reject) => {
      const outgoing = httpRequest({
        agent: this.#agent,
        host: server.hostname,
        port: server.port || (server.protocol === 'https:' ? 443 : 80),
        method: 'GET',
        path: requestPath(server, request.path, request.query),
        headers: {
          host: server.host,
          accept: request.accept ?? 'application/json',
          'accept-encoding': 'identity',
          'user-agent': this.#userAgent,
          ...headers,
        },
        signal: request.signal,
      });
      const timer = this.#clock.after(request.headTimeoutMs, () => {
        outgoing.destroy(Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' }));
      });
      // Stays for the life of the body: an error after the answer's head is told by the body as well.
      outgoing.on('error', (error) => {
        timer.cancel();
        reject(error);
      });
      outgoing.once('response', (answer) => {
        timer.cancel();
        resolve(answer);
      });
      outgoing.end();
    });
  }

  #count(code: string, startMs: number): void {
    const { host } = this.#access.server;
    this.#meter.count('rest_client_requests_total', { code, method: 'GET', host });
    this.#meter.observe(
      'rest_client_request_duration_seconds',
      { verb: 'GET', host },
      (this.#clock.monotonic() - startMs) / 1000,
    );
  }
}

/** The request's path below the server's own, with its query. */
export function requestPath(
  server: URL,
  path: string,
  query: Readonly<Record<string, string>> | undefined,
): string {
  const base = server.pathname.replace(/\/$/, '');
  const search = new URLSearchParams(query).toString();
  return `${base}${path}${search === '' ? '' : `?${search}`}`;
}

async function readErrorBody(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > MAX_ERROR_BYTES) break;
    }
  } catch {
    // The status says enough without the rest of its text.
  }
  return Buffer.concat(chunks).toString('utf8');
}
