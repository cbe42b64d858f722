/** Headers of a call: those of the CloudEvents HTTP binding (binary mode), and what a trigger adds. */
import type { EventAttributes } from '../../protocol/event.ts';
import type { Invocation } from '../model/invocation.ts';

/** All headers of one call. `own` is checked already (lib/http-headers.ts). A trigger's own `accept` or `user-agent` replaces ours. */
export function requestHeaders(
  { attributes, idempotencyKey }: Pick<Invocation, 'attributes' | 'idempotencyKey'>,
  own: Readonly<Record<string, string>>,
): Record<string, string> {
  const headers: Record<string, string> = { accept: 'application/json', 'user-agent': 'statewire' };
  for (const [name, value] of Object.entries(own)) headers[name.toLowerCase()] = value;
  return Object.assign(headers, binaryModeHeaders(attributes), {
    traceparent: attributes.traceparent,
    'idempotency-key': idempotencyKey,
  });
}

/** CloudEvents binary mode: each attribute is a `ce-` header, but `datacontenttype` is the `content-type`. */
function binaryModeHeaders(attributes: EventAttributes): Record<string, string> {
  const { datacontenttype, ...rest } = attributes;
  const headers: Record<string, string> = { 'content-type': datacontenttype };
  for (const [name, value] of Object.entries(rest)) headers[`ce-${name}`] = encodeHeaderValue(value);
  return headers;
}

/** Percent-encodes space, `"`, `%` and all that is not printable ASCII (CloudEvents HTTP binding, 3.1.3.2). */
export function encodeHeaderValue(value: string): string {
  return value.replaceAll(/[^\u0021\u0023\u0024\u0026-\u007e]+/g, (run) =>
    [...Buffer.from(run.toWellFormed())]
      .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
      .join(''),
  );
}
