import type { IncomingMessage, ServerResponse } from 'node:http';
import type { StatewireFunction } from './define-function.ts';
import { answerHttp, failure, HttpError, type HttpResponse } from './http-exchange.ts';
import { createLogger } from './log.ts';
import type { Surroundings } from './run.ts';

/** What a Lambda invocation may carry; an event for one host is an event for every host. */
const DEFAULT_MAX_BODY_BYTES = 6 * 1024 * 1024;

export interface HttpOptions extends Surroundings {
  /** Larger bodies are refused with 413. Without effect on a body that a parser read before. @defaultValue 6 MiB */
  readonly maxBodyBytes?: number;
}

/** A listener for `http.createServer`. */
export type HttpListener = (request: IncomingMessage, response: ServerResponse) => void;

/** The function as an HTTP listener: `createServer(toHttp(fn)).listen(8080)`. Answers every path. */
export function toHttp(fn: StatewireFunction, options: HttpOptions = {}): HttpListener {
  const maxBodyBytes = options.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES;
  return (request, response) => {
    const caller = new AbortController();
    response.once('close', () => {
      if (!response.writableEnded) caller.abort(new Error('the caller hung up'));
    });
    const exchange = {
      method: request.method,
      headers: request.headers,
      readBody: () => readBody(request, maxBodyBytes),
      stopped: caller.signal,
    };
    void answerHttp(fn, exchange, options)
      .catch((error: unknown) => {
        createLogger({}, () => Date.now(), options.writeLog).error('failed', { error });
        return failure(500, 'internal error');
      })
      .then((answer) => send(response, answer));
  };
}

/** What a parser that ran before left in `request.body`, else the bytes of the stream. */
async function readBody(
  request: IncomingMessage & { readonly body?: unknown },
  maxBytes: number,
): Promise<unknown> {
  // Only a read stream tells: some parsers leave `{}` in `body` for a content type they do not take.
  if (request.readableEnded) return request.body;
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const chunks: Buffer[] = [];
  let bytes = 0;
  return new Promise((resolve, reject) => {
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      // What is left of the body is read and dropped, so that the caller gets to read the answer.
      if (bytes > maxBytes) reject(tooLarge(maxBytes));
      else chunks.push(chunk);
    });
    request.once('end', () => resolve(Buffer.concat(chunks)));
    request.once('error', (cause) => reject(new HttpError(400, 'the body ended early', { cause })));
  });
}

function tooLarge(maxBytes: number): HttpError {
  return new HttpError(413, `the body is larger than ${maxBytes} bytes`);
}

function send(response: ServerResponse, { status, headers, body }: HttpResponse): void {
  if (response.destroyed) return;
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}
