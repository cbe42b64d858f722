/** I1: once all is quiet, the last state of every object was handled, or was given up where somebody can see it. */
import type { Rule } from '../history-checker.ts';
import type { Ledger } from '../ledger.ts';
import type { Call, Pair } from '../pair.ts';

export const everyStateIsHandled: Rule = (now, ledger, report) => {
  for (const { fact } of ledger.open)
    if (fact.deadlineMs === undefined || fact.deadlineMs > now.atMs) report('I1', 'a call never ended', fact);
  for (const pair of ledger.pairs()) {
    if (!isWanted(pair, ledger)) continue;
    const { life, run, givenUp, last } = pair;
    if (run === undefined || givenUp === run.number) continue;
    const done = handledLast(pair);
    if (done !== undefined && done.run?.digest === run.digest) continue;
    const since = life.writes.find(({ rv }) => rv === run.fromRv) ?? life.writes.at(-1);
    report(
      'I1',
      `${pair.trigger} has not handled the last state of ${life.uid}`,
      since,
      last?.fact,
      last?.end,
    );
  }
};

/** Whether the trigger is to be called for the object as it is. */
export function isWanted({ life, run, trigger }: Pair, { triggers }: Ledger): boolean {
  const config = triggers.get(trigger)?.config;
  if (config === undefined || config.suspended === true || config.skipsInitial === true) return false;
  if (config.eventTypes?.includes('Created') === false || config.eventTypes?.includes('Updated') === false)
    return false;
  const isDeleting = life.writes.at(-1)?.deleting === true;
  return run?.digest !== undefined && !run.closed && life.gone === undefined && !isDeleting;
}

/** The state that the function has handled; undefined where it may have begun with another one since. */
function handledLast({ calls, handled }: Pair): Call | undefined {
  let done: Call | undefined = handled;
  for (const call of calls) {
    if (call.fact.type === 'deleted') done = undefined;
    else if (call.end?.outcome === 'success') done = call;
    else if (call.run?.digest !== done?.run?.digest) done = undefined;
  }
  return done;
}
