import type { TriggerIdentity } from '../model/trigger.ts';
import { CheckpointFencedError } from './fenced-error.ts';
import type { DamagedSegment, Segment } from './segment.ts';
import { readDocument, type SegmentDocument, writeDocument } from './segment-document.ts';
import type { SegmentStore, SegmentStores } from './segment-store.ts';

/** Remembers as long as the process lives: `--checkpoint memory`, and tests. */
export class MemorySegmentStore implements SegmentStore {
  /** By number. */
  readonly documents: Map<number, SegmentDocument> = new Map();

  async *list(signal?: AbortSignal): AsyncIterable<Segment | DamagedSegment> {
    for (const [seq, document] of [...this.documents].toSorted(([a], [b]) => a - b)) {
      signal?.throwIfAborted();
      yield readDocument(seq, document);
    }
  }

  async read(seq: number): Promise<Segment | DamagedSegment | undefined> {
    const document = this.documents.get(seq);
    return document === undefined ? undefined : readDocument(seq, document);
  }

  async create(segment: Segment): Promise<void> {
    if (this.documents.has(segment.seq)) throw new CheckpointFencedError(segment.seq);
    this.documents.set(segment.seq, writeDocument(segment));
  }

  async remove(seq: number): Promise<void> {
    this.documents.delete(seq);
  }

  async clear(): Promise<void> {
    this.documents.clear();
  }
}

export class MemorySegmentStores implements SegmentStores {
  readonly isDurable = false;
  readonly #stores = new Map<string, MemorySegmentStore>();

  open({ uid }: TriggerIdentity): SegmentStore {
    const store = this.#stores.get(uid) ?? new MemorySegmentStore();
    this.#stores.set(uid, store);
    return store;
  }

  async sweep(uids: Iterable<string>): Promise<void> {
    const kept = new Set(uids);
    for (const uid of this.#stores.keys()) if (!kept.has(uid)) this.#stores.delete(uid);
  }
}
