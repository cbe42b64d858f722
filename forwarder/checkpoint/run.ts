/** What is remembered of the segments that were written in one go: which they are and whose records they hold. */
import type { CheckpointHeader, SegmentType } from './segment.ts';

export interface Run {
  readonly type: SegmentType;
  readonly from: number;
  to: number;
  readonly after: number;
  /** As of `to`. */
  header: CheckpointHeader;
  readonly seqs: number[];
  /** One for each stored line. */
  readonly uids: string[];
  tier: number;
  /** Still being written: nothing to merge yet. */
  open: boolean;
}

/** Runs of like size are merged with each other: eight of one tier make one of the next. */
export const FAN_IN = 8;
/** Runs of up to eight times as many lines are the smallest. */
const SMALL = 8;

/** By its number of lines: below 64 0, below 512 1, and so on. */
export function tierOf(lines: number): number {
  return Math.max(0, Math.floor(Math.log(lines / SMALL) / Math.log(FAN_IN) + 1e-9));
}
