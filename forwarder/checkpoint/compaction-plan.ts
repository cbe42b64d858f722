/** What to merge next: the arithmetic of compaction. */
import { FAN_IN, type Run } from './run.ts';

export interface StoredLines {
  /** Objects of which there is a line to store. */
  readonly live: number;
  /** Lines that were left when all was written anew last; 0 where that is not known. */
  readonly kept: number;
  /** Lines that were appended since then. */
  readonly added: number;
  /** So many lines beyond twice the live ones are no reason for anything. */
  readonly spare: number;
  /** Only all runs together can be merged. */
  readonly isBroken: boolean;
}

export interface CompactionPlan {
  /** Neighbours, oldest first. */
  readonly sources: readonly Run[];
  /** Of what comes out; undefined: by its size. */
  readonly tier: number | undefined;
}

/**
 * Eight runs of a tier make one of the next, so a line is written anew as often as there are tiers. All runs make one
 * where more than half of the lines are out of date. Undefined: nothing to do.
 *
 * @param runs oldest first
 */
export function planCompaction(runs: readonly Run[], lines: StoredLines): CompactionPlan | undefined {
  const closed = runs.filter(({ open }) => !open);
  if (closed.length === 0) return undefined;
  const stored = closed.reduce((sum, { uids }) => sum + uids.length, 0);
  const isWasteful =
    stored > 2 * lines.live + lines.spare && lines.added > Math.max(lines.spare, lines.kept / 3);
  if (lines.isBroken || isWasteful) return { sources: closed, tier: undefined };
  // From the newest to the oldest, a run counts for as much as the largest that came after it: tiers only grow, and
  // those of one tier are neighbours.
  let group: Run[] = [];
  let tier = 0;
  for (const run of closed.toReversed()) {
    if (run.tier > tier) {
      if (group.length >= FAN_IN) break;
      tier = run.tier;
      group = [];
    }
    group.push(run);
  }
  return group.length >= FAN_IN ? { sources: group.toReversed(), tier: tier + 1 } : undefined;
}
