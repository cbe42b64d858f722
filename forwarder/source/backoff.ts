import type { Random } from '../lib/random.ts';

/** A series of growing waits, each stretched by chance so that many waiters do not come back at once. */
export interface BackoffShape {
  readonly firstMs: number;
  /** Cap of the series before it is stretched. */
  readonly maxMs: number;
  /** A wait lies between the step and the step times one plus this. */
  readonly jitter: number;
}

/** client-go's series for lists and watches: 0.8, 1.6, … 30 s, each up to twice as long. */
export const FAILURE_BACKOFF: BackoffShape = { firstMs: 800, maxMs: 30_000, jitter: 1 };
/** Nothing listens: asking again costs nobody anything, and a restarted server is found within 1.5 s. */
export const REFUSED_BACKOFF: BackoffShape = { firstMs: 200, maxMs: 1000, jitter: 0.5 };
/** 503: a server that is starting, most of all. */
export const NOT_READY_BACKOFF: BackoffShape = { firstMs: 400, maxMs: 2000, jitter: 0.5 };
/** Not allowed: back within 10 s after it is. */
export const DENIED_BACKOFF: BackoffShape = { firstMs: 800, maxMs: 5000, jitter: 1 };
/** Not served (yet): a new kind is found within 1 s at first, within 5 s for ever. */
export const ABSENT_BACKOFF: BackoffShape = { firstMs: 500, maxMs: 2500, jitter: 1 };

/** Without a wait for this long a series starts over. */
const RESET_AFTER_MS = 120_000;

/** Waits, a series for each shape: what one kind of failure has come to says nothing of another. */
export class Backoff {
  readonly #random: Random;
  readonly #series = new Map<BackoffShape, { steps: number; lastMs: number }>();

  constructor(random: Random) {
    this.#random = random;
  }

  /** The next wait in milliseconds. */
  next(shape: BackoffShape, nowMs: number): number {
    const known = this.#series.get(shape);
    const steps = known === undefined || nowMs - known.lastMs > RESET_AFTER_MS ? 0 : known.steps;
    this.#series.set(shape, { steps: Math.min(steps + 1, 30), lastMs: nowMs });
    return Math.min(shape.firstMs * 2 ** steps, shape.maxMs) * (1 + this.#random() * shape.jitter);
  }

  /** Starts every series over: something went well. */
  reset(): void {
    // Called for every event; there is rarely anything to clear.
    if (this.#series.size > 0) this.#series.clear();
  }
}
