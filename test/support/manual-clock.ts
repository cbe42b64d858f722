/** A Clock that a test owns: time passes only in `advance`. */
import { type Clock, sleepOn, type Timer } from '../../forwarder/lib/clock.ts';

interface Entry {
  readonly atMs: number;
  readonly order: number;
  readonly action: () => void;
}

export class ManualClock implements Clock {
  #nowMs: number;
  #order = 0;
  #entries: Entry[] = [];

  constructor(startMs: number = Date.UTC(2026, 0, 1)) {
    this.#nowMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  monotonic(): number {
    return this.#nowMs;
  }

  after(delayMs: number, action: () => void): Timer {
    const entry: Entry = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, action };
    this.#entries.push(entry);
    return {
      cancel: () => {
        this.#entries = this.#entries.filter((other) => other !== entry);
      },
    };
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal);
  }

  soon(action: () => void): void {
    this.after(0, action);
  }

  /** Timers not yet due. */
  get pending(): number {
    return this.#entries.length;
  }

  /** Lets `ms` pass: runs what falls due in order, and lets promise chains settle in between. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await settle();
    for (;;) {
      const next = this.#entries
        .filter((entry) => entry.atMs <= endMs)
        .toSorted((a, b) => a.atMs - b.atMs || a.order - b.order)[0];
      if (next === undefined) break;
      this.#entries = this.#entries.filter((other) => other !== next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.action();
      await settle();
    }
    this.#nowMs = endMs;
  }
}

/** One real turn of the event loop, in which every ready promise chain runs to its end. */
function settle(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
