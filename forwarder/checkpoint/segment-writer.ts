import { ApiError } from '../lib/errors.ts';
import { Slots } from '../lib/slots.ts';
import { CheckpointFencedError } from './fenced-error.ts';
import { writeDocument } from './segment-document.ts';
import type { DamagedSegment, Segment } from './segment.ts';
import type { SegmentStore } from './segment-store.ts';

export interface SegmentDraft {
  readonly segment: Segment;
  readonly bytes: number;
  /** Runs when it is stored, which may be after the write was given up. */
  readonly stored: () => void;
  /** Runs when it was refused: it is not stored and will not be. */
  readonly refused?: () => void;
}

/**
 * Stores segments under ascending numbers, one at a time: the next number is used only when the one before is known to
 * be stored. Otherwise a process that takes over could look in between, and what comes late would not be refused.
 */
export class SegmentWriter {
  readonly #store: SegmentStore;
  readonly #turn = new Slots(1);
  #nextSeq = 0;
  /** May be stored or not: its number is no one else's until that is known. */
  #unsure: SegmentDraft | undefined;
  #fencedAt: number | undefined;
  #writtenBytes = 0;

  constructor(store: SegmentStore) {
    this.#store = store;
  }

  get isFenced(): boolean {
    return this.#fencedAt !== undefined;
  }

  /** Of what was stored, in all. */
  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  /** Goes on from there, and forgets what was before. */
  reset(nextSeq: number): void {
    this.#nextSeq = nextSeq;
    this.#unsure = undefined;
    this.#fencedAt = undefined;
  }

  /**
   * Throws CheckpointFencedError from the moment another process has written, and errors of the store as they come. The
   * segment may be stored in spite of these; the next write settles that.
   *
   * @param draft asked when it is this write's turn
   * @returns what was stored
   */
  write(draft: (seq: number) => SegmentDraft): Promise<Segment> {
    return this.#turn.run(async () => {
      if (this.#fencedAt !== undefined) throw new CheckpointFencedError(this.#fencedAt);
      await this.#settle();
      const mine = draft(this.#nextSeq);
      await this.#attempt(mine);
      return mine.segment;
    });
  }

  /** Finds out what has become of an earlier write that failed. Throws like `write`. */
  settle(): Promise<void> {
    return this.#turn.run(() => this.#settle());
  }

  async #settle(): Promise<void> {
    if (this.#unsure !== undefined) await this.#attempt(this.#unsure);
  }

  async #attempt(draft: SegmentDraft): Promise<void> {
    const { segment, bytes, stored } = draft;
    this.#unsure = draft;
    try {
      await this.#store.create(segment);
    } catch (error) {
      if (!(error instanceof CheckpointFencedError)) {
        if (isRefusal(error)) {
          this.#unsure = undefined;
          draft.refused?.();
        }
        throw error;
      }
      if (!isSame(segment, await this.#store.read(segment.seq))) {
        this.#unsure = undefined;
        this.#fencedAt = segment.seq;
        throw error;
      }
      // An earlier try of ours, whose answer was lost.
    }
    this.#unsure = undefined;
    this.#nextSeq = segment.seq + 1;
    this.#writtenBytes += bytes;
    stored();
  }
}

/** An answer that says: it was not taken. */
function isRefusal(error: unknown): boolean {
  return error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 408;
}

/** Two processes never write the same: each names itself. */
function isSame(ours: Segment, found: Segment | DamagedSegment | undefined): boolean {
  if (found === undefined || 'damaged' in found) return false;
  return found.writer === ours.writer && writeDocument(found).checksum === writeDocument(ours).checksum;
}
