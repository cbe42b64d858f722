/** Which deletions wait for the function: the trigger's `ObjectsReleased` condition. */
import type { ConditionChange } from '../status/conditions.ts';
import type { Entry } from './entry.ts';

export interface WaitingDeletions {
  /** Undefined where the trigger has never held anything. */
  readonly condition: ConditionChange | undefined;
  /** Deletions that have just begun may have to be told in a moment. */
  readonly soon: boolean;
}

export const NONE_WAITING: WaitingDeletions = { condition: undefined, soon: false };

/** Shorter waits are not worth telling. */
const TELL_AFTER_MS = 2000;
const MAX_NAMES = 3;

export function waitingDeletions(entries: Iterable<Entry>, nowMs: number): WaitingDeletions {
  let count = 0;
  let soon = false;
  const names: string[] = [];
  for (const entry of entries) {
    const { record, retrying, unfinished, name } = entry;
    if (!record.held || record.told || !(record.deleting || entry.gone)) continue;
    const isLong = record.firstSeenMs <= nowMs - TELL_AFTER_MS;
    if (!isLong && !retrying && !record.exhausted && unfinished === 0) {
      soon = true;
      continue;
    }
    count += 1;
    if (names.length < MAX_NAMES) names.push(name);
  }
  const type = 'ObjectsReleased';
  if (count === 0) return { condition: { type, status: 'True', reason: 'NonePending' }, soon };
  const what = count === 1 ? '1 deletion waits' : `${count} deletions wait`;
  const which = names.join(', ') + (count > names.length ? ', …' : '');
  const message = `${what} until the function has handled it: ${which}`;
  return { condition: { type, status: 'False', reason: 'DeletionPending', message }, soon };
}
