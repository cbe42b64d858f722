/** Attributes of an event as the CloudEvents bindings (binary mode) put them beside the data. */
import type { Invocation } from '../../model/invocation.ts';

/** What a message says about itself: attributes under the binding's prefix; the data type is for the binding to place. */
export function prefixedAttributes(
  { attributes }: Pick<Invocation, 'attributes'>,
  prefix: string,
): Record<string, string> {
  const { datacontenttype: _contentType, ...rest } = attributes;
  return Object.fromEntries(Object.entries(rest).map(([name, value]) => [prefix + name, value]));
}

/** What travels beside the attributes, under the names that HTTP has for it. */
export function commonHeaders({
  attributes,
  idempotencyKey,
}: Pick<Invocation, 'attributes' | 'idempotencyKey'>): Record<string, string> {
  return { traceparent: attributes.traceparent, 'idempotency-key': idempotencyKey };
}

/** Bytes left for headers and framing where a broker limits the whole message; ours take about one thousand. */
export const ENVELOPE_BYTES: number = 8 * 1024;
