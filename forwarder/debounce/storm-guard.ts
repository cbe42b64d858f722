/**
 * Slows an object that would be invoked without end: a bucket of `burst` tokens per key, one more every `everyMs`.
 *
 * A bucket is kept as one number, the time at which it is full again, so a key that has been quiet costs nothing.
 */
import type { ObjectKey } from '../model/kube-object.ts';

/** Buckets below this many are not worth sweeping. */
const MIN_SWEEP_SIZE = 1024;

export interface StormGuardOptions {
  /** Invocations that an object may have at once, at least 1. */
  readonly burst: number;
  /** After these, one more in each such time. */
  readonly everyMs: number;
}

export class StormGuard {
  readonly #options: StormGuardOptions;
  readonly #fullAtMs = new Map<ObjectKey, number>();
  /** Keys whose storm has been told of; it lasts until their bucket is full again. */
  readonly #told = new Set<ObjectKey>();
  #sweepSize = MIN_SWEEP_SIZE;

  constructor(options: StormGuardOptions) {
    this.#options = options;
  }

  /** Buckets that are not known to be full. */
  get size(): number {
    return this.#fullAtMs.size;
  }

  /** Whole milliseconds until the key may be invoked; 0 = now. */
  waitMs(key: ObjectKey, nowMs: number): number {
    const { burst, everyMs } = this.#options;
    const missingMs = (this.#fullAtMs.get(key) ?? nowMs) - nowMs;
    return Math.max(0, Math.ceil(missingMs - (burst - 1) * everyMs));
  }

  /** Takes a token for one invocation, also where none is left: the wait grows by it. */
  spend(key: ObjectKey, nowMs: number): void {
    const fullAtMs = this.#fullAtMs.get(key) ?? nowMs;
    if (fullAtMs <= nowMs) this.#told.delete(key);
    this.#fullAtMs.set(key, Math.max(nowMs, fullAtMs) + this.#options.everyMs);
    if (this.#fullAtMs.size < this.#sweepSize) return;
    this.sweep(nowMs);
    this.#sweepSize = Math.max(MIN_SWEEP_SIZE, 2 * this.#fullAtMs.size);
  }

  /** Notes that the key is slowed; true the first time in a storm. */
  tell(key: ObjectKey): boolean {
    if (this.#told.has(key)) return false;
    this.#told.add(key);
    return true;
  }

  /** Forgets full buckets. `spend` does this by itself whenever their number has doubled. */
  sweep(nowMs: number): void {
    for (const [key, fullAtMs] of this.#fullAtMs) {
      if (fullAtMs > nowMs) continue;
      this.#fullAtMs.delete(key);
      this.#told.delete(key);
    }
  }
}
