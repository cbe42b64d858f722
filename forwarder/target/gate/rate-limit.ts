/** At most so many calls a second: a bucket that holds one second's worth, at least one. */
export class RateLimit {
  readonly #everyMs: number;
  readonly #burst: number;
  /** When the bucket is full again. */
  #fullAtMs = -Infinity;

  /** `ratePerSecond` above 0; undefined: unlimited. */
  constructor(ratePerSecond: number | undefined) {
    this.#everyMs = ratePerSecond === undefined ? 0 : 1000 / ratePerSecond;
    this.#burst = Math.max(1, ratePerSecond ?? 1);
  }

  /** The time from which on a call may go out. */
  freeAtMs(nowMs: number): number {
    return Math.max(nowMs, this.#fullAtMs - (this.#burst - 1) * this.#everyMs);
  }

  /** Takes a token; only where `freeAtMs` is not later than `nowMs`. */
  spend(nowMs: number): void {
    this.#fullAtMs = Math.max(nowMs, this.#fullAtMs) + this.#everyMs;
  }

  /** Gives a token back. */
  refund(): void {
    this.#fullAtMs -= this.#everyMs;
  }
}
