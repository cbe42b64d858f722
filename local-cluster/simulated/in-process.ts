/** The simulated API server as `forwarder/kube` sees one, without sockets: requests and streams of a KubeClient. */
import { Readable } from 'node:stream';
import type { Clock } from '../../forwarder/lib/clock.ts';
import { errorFromAnswer, errorFromFailure } from '../../forwarder/kube/api-error.ts';
import type { StreamPort, StreamRequest } from '../../forwarder/kube/stream-port.ts';
import { ApiError } from '../../forwarder/lib/errors.ts';
import type { KubeClient, KubeRequest, KubeResponse } from '../../forwarder/model/kube-client.ts';
import { refusal, type SimulatedApiServer } from './api-server.ts';
import { type Fault, refusalError } from './fault.ts';
import type { SimulatedAnswer, SimulatedRequest } from './request.ts';

const DEFAULT_TIMEOUT_MS = 30_000;

export interface InProcessOptions {
  /** Asked for every request: which API server it goes to. */
  readonly server: () => SimulatedApiServer;
  readonly clock: Clock;
  /** How long a request, and then its answer, is under way; in one turn where absent. */
  readonly latencyMs?: () => number;
  /** @defaultValue statewire */
  readonly userAgent?: string;
}

/**
 * Requests that are answered in this process. Like HttpKubeClient it throws ApiError for everything but 2xx; unlike it,
 * it never tries again by itself.
 */
export class InProcessKube implements KubeClient, StreamPort {
  readonly #options: InProcessOptions;

  constructor(options: InProcessOptions) {
    this.#options = options;
  }

  async request(request: KubeRequest): Promise<KubeResponse> {
    const { method, path, query = {}, body, contentType = 'application/json' } = request;
    const what = `${method} ${path}`;
    const { timeoutMs = DEFAULT_TIMEOUT_MS, signal } = request;
    const simulated = { method, path, query, body, headers: this.#headers({ 'content-type': contentType }) };
    const answer = await this.#exchange(simulated, { what, timeoutMs, signal });
    if ('stream' in answer) {
      answer.stream.destroy();
      throw new ApiError('API_PROTOCOL', `${what}: the answer is a stream`);
    }
    const { status, body: text } = answer;
    return { status, text };
  }

  async open({ path, query, accept, headTimeoutMs, signal }: StreamRequest): Promise<Readable> {
    const what = `GET ${path}`;
    const simulated = {
      method: 'GET',
      path,
      query,
      headers: this.#headers(accept === undefined ? {} : { accept }),
    };
    let cut: number | undefined;
    const onFault = (fault: Fault): void => void (cut = fault.kind === 'cut' ? fault.afterBytes : undefined);
    const answer = await this.#exchange(simulated, { what, timeoutMs: headTimeoutMs, signal, onFault });
    const whole = 'stream' in answer ? answer.stream : Readable.from([Buffer.from(answer.body)]);
    const body = cut === undefined ? whole : cutAfter(whole, cut, this.#options.clock);
    const onAbort = (): void => void body.destroy(signal.reason as Error);
    body.on('error', () => undefined);
    body.once('close', () => signal.removeEventListener('abort', onAbort));
    signal.addEventListener('abort', onAbort, { once: true });
    return body;
  }

  #headers(more: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
    return { accept: 'application/json', 'user-agent': this.#options.userAgent ?? 'statewire', ...more };
  }

  async #exchange(
    request: SimulatedRequest,
    options: {
      readonly what: string;
      readonly timeoutMs: number;
      readonly signal: AbortSignal | undefined;
      readonly onFault?: (fault: Fault) => void;
    },
  ): Promise<SimulatedAnswer> {
    const { what, timeoutMs, signal } = options;
    signal?.throwIfAborted();
    await this.#travel(signal);
    const server = this.#options.server();
    if (server.refusing) throw failure(what, 'ECONNREFUSED');
    const fault = server.fault(request);
    if (fault !== undefined) options.onFault?.(fault);
    switch (fault?.kind) {
      case 'unreachable':
        throw failure(what, 'ECONNREFUSED');
      case 'lost-request':
        throw failure(what, 'ECONNRESET');
      case 'silence':
        await this.#options.clock.sleep(timeoutMs, signal);
        throw new ApiError('API_UNAVAILABLE', `${what}: no answer within ${timeoutMs} ms`);
      default:
    }
    const answer = fault?.kind === 'refuse' ? refusal(refusalError(fault)) : server.handle(request);
    try {
      await this.#travel(signal);
    } catch (error) {
      if ('stream' in answer) answer.stream.destroy();
      throw error;
    }
    if (fault?.kind === 'lost-answer') {
      if ('stream' in answer) answer.stream.destroy();
      throw failure(what, 'ECONNRESET');
    }
    if ('stream' in answer || (answer.status >= 200 && answer.status < 300)) return answer;
    const { status, headers, body: text } = answer;
    throw errorFromAnswer(what, { status, retryAfter: headers['retry-after'], text });
  }

  async #travel(signal: AbortSignal | undefined): Promise<void> {
    const ms = this.#options.latencyMs?.() ?? 0;
    if (ms > 0) await this.#options.clock.sleep(ms, signal);
  }
}

function failure(what: string, code: string): ApiError {
  return errorFromFailure(what, Object.assign(new Error(code), { code }));
}

/** A body whose connection is lost after so many bytes. */
function cutAfter(whole: Readable, bytes: number, clock: Clock): Readable {
  let left = bytes;
  const lose = (): void => {
    // What came before it is read first.
    if (body.readableLength > 0) clock.soon(lose);
    else body.destroy(new Error('connection lost'));
  };
  const body = new Readable({
    read() {},
    destroy(error, done) {
      whole.destroy();
      done(error);
    },
  });
  whole.on('data', (chunk: Buffer) => {
    const part = chunk.subarray(0, left);
    left -= part.length;
    if (part.length > 0) body.push(part);
    if (left === 0) clock.soon(lose);
  });
  whole.once('end', () => left > 0 && body.push(null));
  whole.once('error', (error) => body.destroy(error));
  if (left === 0) clock.soon(lose);
  return body;
}
