/** What a source says happened to one object. */
import type { ObjectKey } from './kube-object.ts';

/** What the raw bytes of an object say about it without being parsed. */
export interface ObjectHead {
  readonly key: ObjectKey;
  readonly uid: string;
  /** Absent for cluster-scoped objects. */
  readonly namespace?: string;
  readonly name: string;
  /** Opaque but comparable: see compareResourceVersions. */
  readonly resourceVersion: string;
  /** Absent for kinds without generation. */
  readonly generation?: number;
  /** Whether deletionTimestamp is set. */
  readonly deleting: boolean;
}

/**
 * - `Listed`: part of a list (first sync, relist, or a new subscriber's own start); may be unchanged.
 * - `Added`, `Modified`: from the watch. ADDED for a known key and MODIFIED for an unknown one are possible.
 * - `Deleted`: the object is gone, or no longer matches the selector.
 */
export type Delta =
  | {
      readonly type: 'Listed' | 'Added' | 'Modified';
      readonly head: ObjectHead;
      /** The object's JSON as the server sent it. A string: thousands that wait for delivery leave no holes behind. */
      readonly raw: string;
    }
  | {
      readonly type: 'Deleted';
      /** resourceVersion is that of the deletion where the watch told it, otherwise that of the list that missed it. */
      readonly head: ObjectHead;
      /** The last state as the watch sent it; absent when the deletion was found by a list. */
      readonly raw?: string;
    };

/** Compares two resourceVersions of one resource: decimal strings without leading zeros, the longer one is newer. */
export function compareResourceVersions(a: string, b: string): number {
  return a.length === b.length ? (a < b ? -1 : a > b ? 1 : 0) : a.length - b.length;
}
