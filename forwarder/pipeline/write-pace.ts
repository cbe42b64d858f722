/** When a checkpoint is written: soon after a change, not too often, and more rarely while that fails. */
import { backoffMs } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import type { Random } from '../lib/random.ts';

/** Between the starts of two writes: a little less than the second within which a delivery is written down. */
const WRITE_EVERY_MS = 900;
/** Where only the resourceVersion has moved on. */
const WRITE_VERSION_EVERY_MS = 10_000;
const BACKOFF = { initialMs: 500, maxMs: 30_000 };

export class WritePace {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #random: Random;
  #lastMs = Number.NEGATIVE_INFINITY;
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  #failures = 0;

  constructor(clock: Pick<Clock, 'monotonic'>, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Monotonic. @param records whether there are records to write, and not only a resourceVersion */
  nextMs(records: boolean): number {
    const dueMs = this.#lastMs + (records ? WRITE_EVERY_MS : WRITE_VERSION_EVERY_MS);
    return Math.max(this.#clock.monotonic(), this.#notBeforeMs, dueMs);
  }

  began(): void {
    this.#lastMs = this.#clock.monotonic();
  }

  /** True where the one before had failed. */
  succeeded(): boolean {
    const hadFailed = this.#failures > 0;
    this.#failures = 0;
    return hadFailed;
  }

  /** How long to wait. */
  failed(): number {
    const waitMs = backoffMs(++this.#failures, BACKOFF, this.#random);
    this.#notBeforeMs = this.#clock.monotonic() + waitMs;
    return waitMs;
  }
}
