/** W3C trace context: one trace for all attempts of an event, one span for each attempt. */
import type { Random } from '../lib/random.ts';

/** Marked as sampled, so that a function that follows its caller's decision keeps the trace. */
const SAMPLED = '01';

/** `traceparent` of one attempt. The trace id is the beginning of the event's idempotency key. */
export function traceparent(idempotencyKey: string, random: Random): string {
  return `00-${idempotencyKey.slice(0, 32)}-${spanId(random)}-${SAMPLED}`;
}

/** 16 hex, never all zeros, which W3C calls invalid. */
function spanId(random: Random): string {
  const half = (least: number): string =>
    Math.max(least, Math.floor(random() * 2 ** 32))
      .toString(16)
      .padStart(8, '0');
  return `${half(0)}${half(1)}`;
}
