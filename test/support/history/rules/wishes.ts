/** I1: who asked to be called again is, and a call that was made for that is not over before it has succeeded. */
import type { EndFact } from '../fact.ts';
import type { Rule } from '../history-checker.ts';
import type { Ledger } from '../ledger.ts';
import { isWanted } from './coverage.ts';

const LATE_MS = 30_000;
/** A wake-up outlives its process by the wall clock, which was off by so much at most. */
const SKEW_MS = 3_600_000;

/** Of a resync, beside the tenth by which they are spread. */
const RESYNC_LATE_MS = 60_000;

export const everyObjectIsSentAgain: Rule = (now, ledger, report) => {
  for (const pair of ledger.pairs()) {
    const trigger = ledger.triggers.get(pair.trigger);
    const { resyncMs } = trigger?.config ?? {};
    if (resyncMs === undefined || trigger === undefined || !isWanted(pair, ledger)) continue;
    const { last, run, givenUp } = pair;
    const latestMs = now.atMs - 1.1 * resyncMs - RESYNC_LATE_MS;
    const sinceMs = Math.max(
      ledger.lastFaultMs,
      ledger.jumpedMs + SKEW_MS,
      trigger.editedMs,
      last?.fact.atMs ?? 0,
      run?.fromMs ?? 0,
    );
    if (sinceMs < latestMs && givenUp === undefined)
      report('I1', `${pair.trigger} has not sent ${pair.life.uid} again`, last?.fact, last?.end);
  }
};

export const everyWishIsGranted: Rule = (now, ledger, report) => {
  for (const pair of ledger.pairs()) {
    const { last, run, givenUp } = pair;
    if (last === undefined || last.fact.type === 'deleted' || !isWanted(pair, ledger)) continue;
    const { fact, end, heard } = last;
    if (heard && end?.requeueAfterMs !== undefined) {
      if (now.atMs > end.atMs + end.requeueAfterMs + lateMs(end, ledger))
        report('I1', `${fact.uid} was not called again as it asked`, fact, end);
    } else if (fact.reason !== 'Watch' && !(heard && end?.outcome === 'success') && givenUp !== run?.number)
      report('I1', `a ${fact.reason} of ${fact.uid} has come to nothing`, fact, end);
  }
};

function lateMs({ atMs }: EndFact, { jumpedMs }: Ledger): number {
  return jumpedMs >= atMs ? LATE_MS + SKEW_MS : LATE_MS;
}
