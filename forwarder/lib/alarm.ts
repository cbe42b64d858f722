/** One timer that is moved: for a thing that waits for the earliest of many times. */
import type { Clock, Timer } from './clock.ts';

export class Alarm {
  readonly #clock: Pick<Clock, 'monotonic' | 'after'>;
  readonly #action: () => void;
  #timer: Timer | undefined;
  #atMs: number | undefined;

  /** `action` should set the alarm again where something is still to come. */
  constructor(clock: Pick<Clock, 'monotonic' | 'after'>, action: () => void) {
    this.#clock = clock;
    this.#action = action;
  }

  /**
   * Rings at `atMs` of the monotonic clock; undefined: never. A timer that is set for an earlier time is left to ring
   * then too and find nothing, because moving it with every key that comes and goes would cost more.
   */
  set(atMs: number | undefined): void {
    if (atMs === undefined) {
      this.stop();
      return;
    }
    if (this.#atMs !== undefined && this.#atMs <= atMs) return;
    this.#timer?.cancel();
    this.#atMs = atMs;
    // Rounded up, because Node's timers count whole milliseconds and would ring before the time has come.
    const delayMs = Math.max(0, Math.ceil(atMs - this.#clock.monotonic()));
    this.#timer = this.#clock.after(delayMs, () => {
      this.#atMs = undefined;
      this.#action();
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#atMs = undefined;
  }
}
