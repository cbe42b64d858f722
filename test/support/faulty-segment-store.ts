/** A store whose every operation may fail, with or without its effect, now or later. */
import { CheckpointFencedError } from '../../forwarder/checkpoint/fenced-error.ts';
import type { DamagedSegment, Segment } from '../../forwarder/checkpoint/segment.ts';
import type { MemorySegmentStore } from '../../forwarder/checkpoint/memory-segment-store.ts';
import type { SegmentStore } from '../../forwarder/checkpoint/segment-store.ts';
import { ApiError } from '../../forwarder/lib/errors.ts';

/**
 * - `before`: it fails, and nothing has happened.
 * - `after`: it fails, and yet it has happened.
 * - `late`: it fails, and happens some operations later.
 * - `die-before`, `die-after`: the process ends there.
 */
export type StoreFault = 'none' | 'before' | 'after' | 'late' | 'die-before' | 'die-after';

/** What a process that has ended gets from its store. */
export class DeadProcessError extends Error {
  override readonly name = 'DeadProcessError';
}

/** The segments, and requests that are still on their way there. */
export class SlowNetwork {
  readonly store: MemorySegmentStore;
  #late: { left: number; readonly segment: Segment }[] = [];

  constructor(store: MemorySegmentStore) {
    this.store = store;
  }

  delay(segment: Segment): void {
    this.#late.push({ left: 3, segment });
  }

  /** Before each operation of anybody. */
  async pass(): Promise<void> {
    for (const one of this.#late) one.left -= 1;
    const due = this.#late.filter(({ left }) => left <= 0);
    this.#late = this.#late.filter(({ left }) => left > 0);
    for (const { segment } of due) {
      await this.store.create(segment).catch((error: unknown) => {
        if (!(error instanceof CheckpointFencedError)) throw error;
      });
    }
  }
}

export class FaultySegmentStore implements SegmentStore {
  readonly #network: SlowNetwork;
  readonly #nextFault: () => StoreFault;
  isDead = false;

  constructor(network: SlowNetwork, nextFault: () => StoreFault) {
    this.#network = network;
    this.#nextFault = nextFault;
  }

  async *list(): AsyncIterable<Segment | DamagedSegment> {
    yield* await this.#run(() => Array.fromAsync(this.#network.store.list()));
  }

  read(seq: number): Promise<Segment | DamagedSegment | undefined> {
    return this.#run(() => this.#network.store.read(seq));
  }

  create(segment: Segment): Promise<void> {
    return this.#run(
      () => this.#network.store.create(segment),
      () => this.#network.delay(segment),
    );
  }

  remove(seq: number): Promise<void> {
    return this.#run(() => this.#network.store.remove(seq));
  }

  clear(): Promise<void> {
    return this.#run(() => this.#network.store.clear());
  }

  async #run<T>(operation: () => Promise<T>, later?: () => void): Promise<T> {
    if (this.isDead) throw new DeadProcessError();
    await this.#network.pass();
    const fault = this.#nextFault();
    if (fault === 'none') return await operation();
    if (fault === 'after' || fault === 'die-after') await operation();
    if (fault === 'late') later?.();
    if (fault !== 'die-before' && fault !== 'die-after') {
      throw new ApiError('API_UNAVAILABLE', 'the answer was lost');
    }
    this.isDead = true;
    throw new DeadProcessError();
  }
}
