/**
 * The time of a simulation: nothing takes any, and it goes on from one timer to the next. Wall clocks may jump; the
 * monotonic clock does not.
 */
import { type Clock, sleepOn, type Timer } from '../../forwarder/lib/clock.ts';

interface Entry {
  readonly atMs: number;
  readonly order: number;
  action: (() => void) | undefined;
}

/** 1 January 2026. */
const START_MS = Date.UTC(2026, 0, 1);
const TURNS_AT_ONCE = 64;

export class VirtualClock implements Clock {
  /** What the wall clock is off by. */
  skewMs: number = 0;
  #nowMs = 0;
  #order = 0;
  /** A binary heap by time, then order. */
  readonly #heap: Entry[] = [];
  #turn: (() => void) | undefined;
  /** Turns that are to come without being asked for. */
  #turns = 0;
  /** What ran in all. */
  fired: number = 0;

  now(): number {
    return START_MS + this.#nowMs + this.skewMs;
  }

  monotonic(): number {
    return this.#nowMs;
  }

  after(delayMs: number, action: () => void): Timer {
    const entry: Entry = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, action };
    this.#push(entry);
    return {
      cancel: () => {
        entry.action = undefined;
      },
    };
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal);
  }

  soon(action: () => void): void {
    this.after(0, action);
  }

  /** Lets time pass up to a moment: runs what falls due, in order, and lets promises settle in between. */
  async runUntil(endMs: number): Promise<void> {
    await this.#settle();
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.atMs > endMs) break;
      this.#pop();
      const { action } = next;
      if (action === undefined) continue;
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.action = undefined;
      this.fired++;
      action();
      await this.#settle();
    }
    this.#nowMs = Math.max(this.#nowMs, endMs);
  }

  /** Time passes, and nothing runs: what fell due meanwhile runs late. */
  stall(ms: number): void {
    this.#nowMs += ms;
  }

  /**
   * Lets every ready promise and stream run to its end. Node does so between two immediates of one turn of the event loop
   * as it does between turns, which cost more.
   */
  #settle(): Promise<void> {
    if (this.#turns === 0) {
      this.#turns = TURNS_AT_ONCE;
      const take = (): void => {
        this.#turns--;
        this.#turn?.();
        this.#turn = undefined;
      };
      for (let left = TURNS_AT_ONCE; left > 0; left--) setImmediate(take);
    }
    return new Promise((resolve) => {
      this.#turn = resolve;
    });
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let index = heap.push(entry) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent] as Entry;
      if (!isBefore(entry, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Entry, heap[child] as Entry)) child++;
      const below = heap[child] as Entry;
      if (!isBefore(below, last)) break;
      heap[index] = below;
      index = child;
    }
    heap[index] = last;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
