/**
 * A checkpoint is a log of segments. Each is stored once under its number and never changed, so that of two processes
 * that want the same number one is refused: that is the fence.
 */

/** State of the whole set as of an append. Only `epoch` means anything to this folder. */
export interface CheckpointHeader {
  /** Like `Widget.example.com`. */
  readonly kind: string;
  /** Whose writing this is; grows by at least 1 with each process that takes over. Set by the log. */
  readonly epoch: number;
  /** The resourceVersion up to which the set is complete. */
  readonly completeUpTo?: string;
  /** Whether the writer ended in order. */
  readonly clean: boolean;
  readonly initialSynced: boolean;
  /** Whether, for the writer, an equal generation proved that nothing was sent in between. */
  readonly byGeneration?: boolean;
  /** Value of the trigger's redeliver annotation that was last obeyed. */
  readonly redeliverAt?: string;
  /** What the lines refer to. */
  readonly recipes: readonly unknown[];
}

/**
 * - `Append`: what has changed, at the end of the log.
 * - `Claim`: an empty one with which a process takes over.
 * - `Merge`: stands in place of earlier ones.
 */
export const SEGMENT_TYPES = ['Append', 'Claim', 'Merge'] as const;
export type SegmentType = (typeof SEGMENT_TYPES)[number];

export interface Segment {
  /** Its unique name, from 1. */
  readonly seq: number;
  readonly type: SegmentType;
  /** The positions that it stands for: its own number, of a merge those of its sources. */
  readonly from: number;
  readonly to: number;
  /** The position before `from`; 0 where there is none. So a segment that is missing is noticed. */
  readonly after: number;
  /** Number of the first segment that was written in one go with this one. */
  readonly run: number;
  /** From 1, within the run. */
  readonly part: number;
  /** Whether it completes its run. */
  readonly last: boolean;
  /** Which process wrote it: tells one's own segment from another's with the same content. */
  readonly writer: string;
  readonly header: CheckpointHeader;
  /** `<uid>\t<line>\n` for each object, `<uid>\t-\n` for one that is no more. */
  readonly records: string;
}

/** One that is there and cannot be used. */
export interface DamagedSegment {
  readonly seq: number;
  /** Which, and what is wrong with it: one line. */
  readonly damaged: string;
}
