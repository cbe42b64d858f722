import type { Readable } from 'node:stream';

export interface StreamRequest {
  /** Begins with `/`. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** @defaultValue application/json */
  readonly accept?: string;
  /** How long the answer's head may take; some proxies hold it back until the first byte of the body. */
  readonly headTimeoutMs: number;
  readonly signal: AbortSignal;
}

/** GET requests whose body is read as a stream: all that lists and watches need of an API server. */
export interface StreamPort {
  /**
   * The answer's body, in Buffers, which the caller reads or destroys. Throws ApiError for everything but 2xx. Rejects
   * with the signal's reason when that fires; it also ends a body being read, with an error.
   */
  open(request: StreamRequest): Promise<Readable>;
}
