import type { IncomingMessage, ServerResponse } from 'node:http';
import type { StatewireFunction } from './define-function.ts';
import { checkedOptions, type HttpHostOptions } from './host-options.ts';
import { answerHttp, type HttpResponse } from './http-exchange.ts';
import { HttpError, tooLarge } from './http-event.ts';

export type HttpOptions = HttpHostOptions;

/** A listener for `http.createServer`. */
export type HttpListener = (request: IncomingMessage, response: ServerResponse) => void;

/** The function as an HTTP listener: `createServer(toHttp(fn)).listen(8080)`. Answers every path. */
export function toHttp(fn: StatewireFunction, options: HttpOptions = {}): HttpListener {
  const checked = checkedOptions(options);
  return (request, response) => {
    const caller = new AbortController();
    response.once('close', () => {
      if (!response.writableEnded) caller.abort(new Error('the caller hung up'));
    });
    const exchange = {
      method: request.method,
      headers: request.headers,
      readBody: (maxBytes: number) => readBody(request, maxBytes),
      stopped: caller.signal,
      rawBodyHint: 'keep it as request.rawBody, or handle the request before the body parser',
    };
    void answerHttp(fn, exchange, checked).then((answer) => send(response, answer));
  };
}

/** What a parser that ran before left in `request.rawBody` or `request.body`, else the bytes of the stream. */
async function readBody(
  request: IncomingMessage & { readonly body?: unknown; readonly rawBody?: unknown },
  maxBytes: number,
): Promise<unknown> {
  // Only a read stream tells: some parsers leave `{}` in `body` for a content type they do not take.
  if (request.readableEnded) return request.rawBody instanceof Uint8Array ? request.rawBody : request.body;
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

function send(response: ServerResponse, { status, headers, body }: HttpResponse): void {
  if (response.destroyed) return;
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}
