/**
 * Holds the keys that need work: each at most once, and never the same key for two workers at a time.
 *
 * A key added while a worker holds it is handed out again after `done`, at the end of the line, so no change is missed
 * and none runs in parallel. Fresh changes go before background work (initial, resync, restart), which still gets every
 * eighth turn. Delays are layered on top in delaying-queue.ts; what a key stands for is somebody else's business.
 */
import { Fifo } from '../lib/fifo.ts';
import type { ObjectKey } from '../model/kube-object.ts';

export type Priority = 'fresh' | 'background';

/** Of so many keys taken, one is a background key where one waits. */
export const BACKGROUND_EVERY = 8;

/** A place in line. Superseded ones stay where they are and are skipped. */
interface Place {
  readonly key: ObjectKey;
  readonly priority: Priority;
}

export class WorkQueue {
  /** Keys that need work, each with its only valid place; those being worked on have a place but stand in no line. */
  readonly #dirty = new Map<ObjectKey, Place>();
  /** Keys that are worked on, with the priority they were taken at. */
  readonly #processing = new Map<ObjectKey, Priority>();
  readonly #lines: Readonly<Record<Priority, Fifo<Place>>> = { fresh: new Fifo(), background: new Fifo() };
  readonly #waiting: Record<Priority, number> = { fresh: 0, background: 0 };
  #freshInARow = 0;
  #shutDown = false;

  /** Keys that `take` would hand out. */
  get depth(): number {
    return this.#waiting.fresh + this.#waiting.background;
  }

  /** Keys handed out and not yet done. */
  get processing(): number {
    return this.#processing.size;
  }

  /** Whether work is due for the key, now or after the run that is going on. */
  isDirty(key: ObjectKey): boolean {
    return this.#dirty.has(key);
  }

  isProcessing(key: ObjectKey): boolean {
    return this.#processing.has(key);
  }

  /** The priority at which a key that is worked on was taken. */
  takenAt(key: ObjectKey): Priority | undefined {
    return this.#processing.get(key);
  }

  /** Marks the key as needing work; returns whether it did not before. Added again it keeps the higher priority. */
  add(key: ObjectKey, priority: Priority = 'fresh'): boolean {
    if (this.#shutDown) return false;
    const before = this.#dirty.get(key);
    if (before !== undefined && (before.priority === 'fresh' || priority === 'background')) return false;
    if (before !== undefined) this.#drop(before);
    const place = { key, priority };
    this.#dirty.set(key, place);
    if (!this.#processing.has(key)) this.#enqueue(place);
    return before === undefined;
  }

  /** Hands out the next key, which then counts as being worked on until `done`; undefined where none waits. */
  take(): ObjectKey | undefined {
    const priority = this.#nextPriority();
    if (priority === undefined) return undefined;
    const line = this.#lines[priority];
    for (;;) {
      const place = line.shift();
      if (place === undefined) throw new Error('the queue counted a key that is not there');
      if (this.#dirty.get(place.key) !== place) continue;
      this.#dirty.delete(place.key);
      this.#waiting[priority]--;
      this.#processing.set(place.key, priority);
      return place.key;
    }
  }

  /** Ends the work on a key; returns whether it waits again, because it was added meanwhile. */
  done(key: ObjectKey): boolean {
    if (!this.#processing.delete(key)) return false;
    const place = this.#dirty.get(key);
    if (place === undefined) return false;
    this.#enqueue(place);
    return true;
  }

  /** Takes the key out; one that is being worked on is not handed out again. Returns whether it needed work. */
  forget(key: ObjectKey): boolean {
    const place = this.#dirty.get(key);
    if (place === undefined) return false;
    this.#drop(place);
    return true;
  }

  /** From now on nothing is added; what is here can be taken. */
  shutDown(): void {
    this.#shutDown = true;
  }

  /** Fresh first, but one in eight is for the background. */
  #nextPriority(): Priority | undefined {
    const { fresh, background } = this.#waiting;
    if (background === 0) {
      this.#freshInARow = 0;
      return fresh === 0 ? undefined : 'fresh';
    }
    const isTurnOfBackground = fresh === 0 || this.#freshInARow >= BACKGROUND_EVERY - 1;
    this.#freshInARow = isTurnOfBackground ? 0 : this.#freshInARow + 1;
    return isTurnOfBackground ? 'background' : 'fresh';
  }

  #enqueue(place: Place): void {
    this.#lines[place.priority].push(place);
    this.#waiting[place.priority]++;
  }

  #drop(place: Place): void {
    this.#dirty.delete(place.key);
    if (this.#processing.has(place.key)) return;
    this.#waiting[place.priority]--;
    this.#sweep(place.priority);
  }

  /** Superseded places must not pile up while nobody takes. */
  #sweep(priority: Priority): void {
    const line = this.#lines[priority];
    if (line.length > 64 && line.length > 2 * this.#waiting[priority]) {
      line.retain((place) => this.#dirty.get(place.key) === place);
    }
  }
}
