/**
 * A WorkQueue with keys that become ready later. A key has one time: of two the earlier holds, and a key added without
 * delay is ready at once. A key that needs work already takes no delay, because the run that is coming covers it.
 */
import { Alarm } from '../lib/alarm.ts';
import type { Clock } from '../lib/clock.ts';
import { DueTimes } from '../lib/due-times.ts';
import type { ObjectKey } from '../model/kube-object.ts';
import { type Priority, WorkQueue } from './work-queue.ts';

/** Keys that become ready in one turn of the event loop, so that many at once leave room for I/O. */
const MAX_ADDED = 2000;

export interface DelayingQueueOptions {
  readonly clock: Pick<Clock, 'monotonic' | 'after'>;
  /** Called for each key that newly needs work, with or without a delay before. */
  readonly onAdded: (key: ObjectKey) => void;
  /** Called when delays have run out and keys can be taken, once for all of them. */
  readonly onDue: () => void;
}

export class DelayingQueue extends WorkQueue {
  readonly #options: DelayingQueueOptions;
  readonly #due = new DueTimes<ObjectKey>();
  readonly #priorities = new Map<ObjectKey, Priority>();
  readonly #alarm: Alarm;
  #stopped = false;

  constructor(options: DelayingQueueOptions) {
    super();
    this.#options = options;
    this.#alarm = new Alarm(options.clock, () => this.#addDue());
  }

  /** Keys that become ready later. */
  get delayed(): number {
    return this.#due.size;
  }

  isDelayed(key: ObjectKey): boolean {
    return this.#due.has(key);
  }

  override add(key: ObjectKey, priority: Priority = 'fresh'): boolean {
    const isNew = super.add(key, this.#undelay(key, priority));
    if (isNew) this.#options.onAdded(key);
    return isNew;
  }

  /**
   * Adds the key after `afterMs`; at once where that is not above 0. Without a priority a key that is worked on keeps the
   * one it has, so that what is retried does not overtake what has not been tried.
   */
  addAfter(key: ObjectKey, afterMs: number, priority: Priority = this.takenAt(key) ?? 'fresh'): void {
    if (this.#stopped) return;
    if (afterMs <= 0 || this.isDirty(key)) {
      this.add(key, priority);
      return;
    }
    const atMs = this.#options.clock.monotonic() + afterMs;
    const beforeMs = this.#due.get(key);
    this.#priorities.set(key, higher(this.#priorities.get(key), priority));
    if (beforeMs !== undefined && beforeMs <= atMs) return;
    this.#due.set(key, atMs);
    this.#alarm.set(this.#due.nextMs);
  }

  override forget(key: ObjectKey): boolean {
    this.#undelay(key, 'background');
    return super.forget(key);
  }

  /** Makes delayed keys ready at once that pass the filter, those due first in front; returns how many. */
  promoteAll(filter: (key: ObjectKey) => boolean): number {
    const keys = this.#due.keys().filter((key) => filter(key));
    for (const key of keys) this.add(key, 'background');
    return keys.length;
  }

  /** Makes the delayed key ready that is due first among those that pass the filter; returns whether there was one. */
  promoteNext(filter: (key: ObjectKey) => boolean): boolean {
    const key = this.#due.first(filter);
    if (key !== undefined) this.add(key, 'background');
    return key !== undefined;
  }

  /** Nothing is added any more, and what is delayed is dropped. */
  override shutDown(): void {
    super.shutDown();
    this.#stopped = true;
    this.#due.clear();
    this.#priorities.clear();
    this.#alarm.stop();
  }

  /** Ends a key's delay; returns the higher of its priority then and now. */
  #undelay(key: ObjectKey, priority: Priority): Priority {
    if (!this.#due.delete(key)) return priority;
    const before = this.#priorities.get(key);
    this.#priorities.delete(key);
    return higher(before, priority);
  }

  #addDue(): void {
    const nowMs = this.#options.clock.monotonic();
    let added = 0;
    while (added < MAX_ADDED) {
      const key = this.#due.pop(nowMs);
      if (key === undefined) break;
      const priority = this.#priorities.get(key);
      this.#priorities.delete(key);
      this.add(key, priority);
      added++;
    }
    this.#alarm.set(this.#due.nextMs);
    if (added > 0) this.#options.onDue();
  }
}

function higher(a: Priority | undefined, b: Priority): Priority {
  return a === 'fresh' ? a : b;
}
