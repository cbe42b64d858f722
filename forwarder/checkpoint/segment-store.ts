/** Where segments are kept: the ports of this folder. */
import type { TriggerIdentity } from '../model/trigger.ts';
import type { DamagedSegment, Segment } from './segment.ts';

/** The segments of one trigger. Failures of the store come as they are: ApiErrors, or errors of the file system. */
export interface SegmentStore {
  /** All of them, in the order of `seq`. What the list holds may be older than what was created since. */
  list(signal?: AbortSignal): AsyncIterable<Segment | DamagedSegment>;
  /** Undefined where there is none. */
  read(seq: number): Promise<Segment | DamagedSegment | undefined>;
  /**
   * Durable when it resolves; never seen in part. Throws CheckpointFencedError where that number is taken. After any
   * other error it may be there all the same.
   */
  create(segment: Segment): Promise<void>;
  /** One that is absent is fine. */
  remove(seq: number): Promise<void>;
  /** Removes all of them: the trigger is gone. */
  clear(): Promise<void>;
}

export interface SegmentStores {
  /** Whether what is stored outlives the process. */
  readonly isDurable: boolean;
  open(trigger: TriggerIdentity): SegmentStore;
  /** Removes what is kept of triggers that are no more. @param uids of those that are */
  sweep(uids: Iterable<string>): Promise<void>;
}
