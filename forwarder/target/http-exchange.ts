/**
 * One HTTP request and what came back, as far as it came: nothing here judges it. Bodies are read up to a limit, a reply
 * that announces more is not read at all, and an exchange that is stopped gives its connection up.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import { errorCode } from './connection-failures.ts';

/** Interim answers (1xx) before the real one; more is a flood. */
const MAX_INTERIM = 20;

export type Phase = 'connecting' | 'sent' | 'answered';

/**
 * Why an exchange did not come to its end.
 * - `deadline`, `stopped`: from outside.
 * - `failed`: the connection did not come about or broke; `error` says how.
 * - `malformed`: what came is not HTTP as we read it.
 * - `oversize`: more than the limit.
 */
export type BreakCause = 'deadline' | 'stopped' | 'failed' | 'malformed' | 'oversize';

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** What was read of the body. */
  readonly body: Buffer;
}

export type ExchangeEnd =
  | { readonly kind: 'complete'; readonly answer: HttpAnswer }
  | {
      readonly kind: 'broken';
      readonly cause: BreakCause;
      readonly phase: Phase;
      /** Set in phase `answered`. */
      readonly answer?: HttpAnswer;
      readonly error?: unknown;
    };

export class HttpExchange implements Dispatcher.DispatchHandler {
  readonly #maxBodyBytes: number;
  readonly #done: (end: ExchangeEnd) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #phase: Phase = 'connecting';
  #over = false;
  #interim = 0;
  #status = 0;
  #headers: IncomingHttpHeaders = {};
  #chunks: Buffer[] = [];
  #bodyBytes = 0;

  /** `done` is called once, whatever happens. */
  constructor(maxBodyBytes: number, done: (end: ExchangeEnd) => void) {
    this.#maxBodyBytes = maxBodyBytes;
    this.#done = done;
  }

  /** Ends the exchange now, and with it the connection it uses. */
  stop(cause: BreakCause): void {
    this.#break(cause);
    this.#controller?.abort(new Error(cause));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#over) controller.abort(new Error('stopped before the connection stood'));
    else this.#phase = 'sent';
  }

  onRequestUpgrade(): void {
    this.stop('malformed');
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    if (status < 200) {
      this.#interim += 1;
      if (this.#interim > MAX_INTERIM) this.stop('malformed');
      return;
    }
    this.#phase = 'answered';
    this.#status = status;
    this.#headers = headers;
    if (Number(headers['content-length'] ?? 0) > this.#maxBodyBytes) this.stop('oversize');
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bodyBytes += chunk.length;
    if (this.#bodyBytes > this.#maxBodyBytes) this.stop('oversize');
    else this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    this.#finish({ kind: 'complete', answer: this.#answer() });
  }

  onResponseError(_controller: unknown, error: Error): void {
    this.#break(isMalformed(error) ? 'malformed' : 'failed', error);
  }

  #break(cause: BreakCause, error?: unknown): void {
    const phase = this.#phase;
    this.#finish({
      kind: 'broken',
      cause,
      phase,
      ...(phase === 'answered' && { answer: this.#answer() }),
      ...(error !== undefined && { error }),
    });
  }

  #answer(): HttpAnswer {
    return { status: this.#status, headers: this.#headers, body: Buffer.concat(this.#chunks) };
  }

  #finish(end: ExchangeEnd): void {
    if (this.#over) return;
    this.#over = true;
    this.#chunks = [];
    this.#done(end);
  }
}

/** undici's parser gives no code for what it cannot read; a body that ends early is no malformed one. */
function isMalformed(error: Error): boolean {
  if (error.name === 'HTTPParserError') return !error.message.includes('Invalid EOF state');
  const code = errorCode(error);
  if (code === 'UND_ERR_SOCKET') return error.message === 'bad response' || error.message === 'bad upgrade';
  return code === 'UND_ERR_HEADERS_OVERFLOW';
}
