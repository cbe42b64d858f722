/** A token bucket per object: what one object says too often is not written. Numbers of client-go's EventSourceObjectSpamFilter. */
const BURST = 25;
const REFILL_MS = 300_000;
const MAX_OBJECTS = 4096;

interface Bucket {
  tokens: number;
  filledAtMs: number;
}

export class SpamFilter {
  /** The object heard of longest ago comes first, and goes first. */
  readonly #buckets = new Map<string, Bucket>();

  /** Takes a token; false where there is none. */
  allows(key: string, nowMs: number): boolean {
    const known = this.#buckets.get(key) ?? { tokens: BURST, filledAtMs: nowMs };
    const tokens = Math.min(BURST, known.tokens + (nowMs - known.filledAtMs) / REFILL_MS);
    const allowed = tokens >= 1;
    this.#buckets.delete(key);
    this.#buckets.set(key, { tokens: allowed ? tokens - 1 : tokens, filledAtMs: nowMs });
    const [oldest] = this.#buckets.size > MAX_OBJECTS ? this.#buckets.keys() : [];
    if (oldest !== undefined) this.#buckets.delete(oldest);
    return allowed;
  }
}
