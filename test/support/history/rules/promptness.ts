/**
 * I10: a change waits until the object is quiet, and at most `maxWait`. I9: it waits for no other object either, as
 * long as the trigger has calls to spare.
 */
import type { Rule } from '../history-checker.ts';
import type { Call } from '../pair.ts';

const RECOVERY_MS = 900_000;

export const callsWaitForQuiet: Rule = (fact, { lives, triggers, lastFaultMs, faults }, report) => {
  if (fact.fact !== 'call' || fact.reason !== 'Watch' || fact.attempt !== 1) return;
  const pair = lives.get(fact.uid)?.pairs.get(fact.trigger);
  const trigger = triggers.get(fact.trigger);
  const last = pair?.last;
  const quietMs = trigger?.config.quietMs ?? 0;
  if (pair === undefined || last === undefined || trigger === undefined || quietMs === 0) return;
  if (last.fact.type === 'deleted' || last.fact.process !== fact.process) return;
  if (pair.runAt(fact.rv)?.number === last.run?.number || pair.newestTold?.type === 'Listed') return;
  const since = last.fact.atMs;
  if (faults.size > 0 || Math.max(lastFaultMs, trigger.editedMs, pair.askedMs) >= since) return;
  if (fact.atMs - since < quietMs - 1)
    report('I10', `calls after ${fact.atMs - since} of ${quietMs} ms`, last.fact, fact);
};

export const callsArePrompt: Rule = (fact, ledger, report) => {
  if (fact.fact !== 'call' || fact.reason !== 'Watch' || fact.attempt !== 1) return;
  const { lives, triggers, processes } = ledger;
  const pair = lives.get(fact.uid)?.pairs.get(fact.trigger);
  const trigger = triggers.get(fact.trigger);
  const promptMs = trigger?.config.promptMs;
  if (pair === undefined || trigger === undefined || promptMs === undefined || fact.type === 'deleted')
    return;
  if (ledger.faults.size > 0) return;
  // What came and went again in between was no cause.
  const same = pair.runs.findLastIndex(({ digest }) => digest === pair.last?.run?.digest);
  // Nor was what `when` has held back.
  const shut = pair.runs.findLastIndex(({ closed }) => closed);
  const first = pair.runs[Math.max(same, shut) + 1];
  // After a fault it takes a while until all that it kept back is known: an audit has to find what was withheld.
  if (first === undefined || first.fromMs - ledger.lastFaultMs < RECOVERY_MS) return;
  const sinceMs = Math.max(
    first.fromMs,
    ledger.lastFaultMs,
    trigger.editedMs,
    trigger.fullMs,
    trigger.targetFailureMs,
    // Calls for one name come one after the other, also those of an earlier life.
    ...ledger.livesOf(fact.name).map(({ pairs }) => overMs(pairs.get(fact.trigger)?.last)),
    processes.get(fact.process)?.startedMs ?? -Infinity,
  );
  const waitedMs = fact.atMs - sinceMs;
  if (waitedMs <= (trigger.config.maxWaitMs ?? 0) + promptMs) return;
  const isOthers = ledger.open.size > 0 || trigger.failing.size > 0;
  report(isOthers ? 'I9' : 'I10', `calls ${waitedMs} ms after nothing was in the way`, pair.last?.fact, fact);
};

/** When the sender was done with a call. */
function overMs(call: Call | undefined): number {
  if (call === undefined) return -Infinity;
  return Math.min(call.end?.atMs ?? Infinity, call.fact.deadlineMs ?? Infinity);
}
