import type { StatewireFunction } from './define-function.ts';
import { checkedOptions, type HttpHostOptions } from './host-options.ts';
import { answerHttp } from './http-exchange.ts';
import { tooLarge } from './http-event.ts';

export type FetchHandler = (request: Request) => Promise<Response>;

/** The function for hosts that speak the fetch API: `export default { fetch: toFetch(fn) }`. Answers every path. */
export function toFetch(fn: StatewireFunction, options: HttpHostOptions = {}): FetchHandler {
  const checked = checkedOptions(options);
  return async (request) => {
    const { status, headers, body } = await answerHttp(
      fn,
      {
        method: request.method,
        headers: Object.fromEntries(request.headers),
        readBody: (maxBytes) => readBody(request, maxBytes),
        stopped: request.signal,
      },
      checked,
    );
    return new Response(body, { status, headers: headers as Record<string, string> });
  };
}

/** The bytes of a body, no more of them than are allowed. Throws HttpError. */
export async function readBody(
  request: { readonly headers: { get(name: string): string | null }; readonly body: unknown },
  maxBytes: number,
): Promise<Uint8Array> {
  if (Number(request.headers.get('content-length') ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (request.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
