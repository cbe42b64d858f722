/** What was read is kept for a while, read once for all who ask at once, and used on while the API server is away. */
import type { Clock } from './clock.ts';
import { ApiError } from './errors.ts';

/** What nobody asked for in so long is forgotten. */
const IDLE_MS = 600_000;

interface Kept<T> {
  value: { readonly of: T } | undefined;
  readAtMs: number;
  askedAtMs: number;
  reading: Promise<T> | undefined;
}

export class ReadingCache<T> {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #kept = new Map<string, Kept<T>>();

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  /** What was read before where that is good enough, else what `read` says now. Failures are not kept. */
  get(key: string, read: () => Promise<T>, isGood: (value: T, ageMs: number) => boolean): Promise<T> {
    const nowMs = this.#clock.monotonic();
    let kept = this.#kept.get(key);
    if (kept === undefined) {
      this.#forgetIdle(nowMs);
      kept = { value: undefined, readAtMs: 0, askedAtMs: nowMs, reading: undefined };
      this.#kept.set(key, kept);
    }
    kept.askedAtMs = nowMs;
    const { value, readAtMs } = kept;
    if (value !== undefined && isGood(value.of, nowMs - readAtMs)) return Promise.resolve(value.of);
    kept.reading ??= this.#read(key, kept, read);
    return kept.reading;
  }

  /** How long ago it was read; undefined where nothing is kept. */
  ageMs(key: string): number | undefined {
    const kept = this.#kept.get(key);
    return kept?.value === undefined ? undefined : this.#clock.monotonic() - kept.readAtMs;
  }

  async #read(key: string, kept: Kept<T>, read: () => Promise<T>): Promise<T> {
    try {
      const value = await read();
      kept.value = { of: value };
      kept.readAtMs = this.#clock.monotonic();
      return value;
    } catch (error) {
      if (kept.value !== undefined && isPassing(error)) return kept.value.of;
      this.#kept.delete(key);
      throw error;
    } finally {
      kept.reading = undefined;
    }
  }

  #forgetIdle(nowMs: number): void {
    for (const [key, { askedAtMs, reading }] of this.#kept) {
      if (reading === undefined && nowMs - askedAtMs > IDLE_MS) this.#kept.delete(key);
    }
  }
}

/** The API server is away or busy, which says nothing about what was read before. */
function isPassing(error: unknown): boolean {
  return error instanceof ApiError && (error.code === 'API_UNAVAILABLE' || error.code === 'API_THROTTLED');
}
