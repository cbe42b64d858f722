/**
 * Holds keys back until their object has settled: each is released once for a row of changes, when it has been quiet
 * for `quietMs`, at the latest `maxWaitMs` after the first of them. One timer serves all keys.
 *
 * What is sent is read after the release, so it is the newest state whatever came in between.
 */
import { Alarm } from '../lib/alarm.ts';
import type { Clock } from '../lib/clock.ts';
import { DueTimes } from '../lib/due-times.ts';
import type { ObjectKey } from '../model/kube-object.ts';
import { extend, releaseAtMs, type Window, type WindowLimits } from './window.ts';

/** Releases per turn of the event loop, so that a hundred thousand due keys leave room for I/O. */
const MAX_RELEASES = 2000;

export interface DebouncerOptions extends WindowLimits {
  readonly clock: Clock;
  /** Called once a row, synchronously from `add` where nothing is to be waited for. */
  readonly release: (key: ObjectKey) => void;
}

export class Debouncer {
  readonly #options: DebouncerOptions;
  readonly #windows = new Map<ObjectKey, Window>();
  readonly #due = new DueTimes<ObjectKey>();
  readonly #alarm: Alarm;
  #stopped = false;

  constructor(options: DebouncerOptions) {
    this.#options = options;
    this.#alarm = new Alarm(options.clock, () => this.#releaseDue());
  }

  /** Keys that wait. */
  get size(): number {
    return this.#windows.size;
  }

  has(key: ObjectKey): boolean {
    return this.#windows.has(key);
  }

  /** Notes a change. With `immediate` the key is released now, also one that waits. Ignored after `stop`. */
  add(key: ObjectKey, { immediate = false }: { readonly immediate?: boolean } = {}): void {
    if (this.#stopped) return;
    const nowMs = this.#options.clock.monotonic();
    const window = extend(this.#windows.get(key), nowMs);
    const atMs = immediate ? nowMs : releaseAtMs(window, this.#options);
    if (atMs <= nowMs) {
      this.forget(key);
      this.#options.release(key);
      return;
    }
    this.#windows.set(key, window);
    this.#due.set(key, atMs);
    this.#alarm.set(this.#due.nextMs);
  }

  /** Drops a waiting key. */
  forget(key: ObjectKey): void {
    if (this.#windows.delete(key)) this.#due.delete(key);
  }

  /** Drops all keys and the timer. */
  stop(): void {
    this.#stopped = true;
    this.#windows.clear();
    this.#due.clear();
    this.#alarm.stop();
  }

  #releaseDue(): void {
    const nowMs = this.#options.clock.monotonic();
    for (let released = 0; released < MAX_RELEASES; released++) {
      const key = this.#due.pop(nowMs);
      if (key === undefined) break;
      this.#windows.delete(key);
      this.#options.release(key);
    }
    this.#alarm.set(this.#due.nextMs);
  }
}
