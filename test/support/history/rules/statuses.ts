/**
 * I11: a status says only what a call of its trigger has come to, and never what an earlier state had. I6: it is of the
 * object that it was said of. I16: in the end it is what it would be had nothing gone wrong.
 */
import type { Rule } from '../history-checker.ts';
import { isNewer, type Ledger, type Life } from '../ledger.ts';

export const statusIsTrue: Rule = (fact, { lives }, report) => {
  if (fact.fact !== 'status') return;
  const life = lives.get(fact.uid);
  const pair = life?.pairs.get(fact.trigger);
  const call = pair?.named(fact.id);
  if (call === undefined) {
    const other = [...lives.values()].find(({ pairs }) => pairs.get(fact.trigger)?.ids.has(fact.id) === true);
    if (other === undefined) report('I11', `${fact.id} was never sent`, fact);
    else report('I6', `the status of ${other.uid} is written to ${fact.uid}`, fact);
    return;
  }
  const isEnded = pair?.calls.some(({ fact: { id }, end }) => id === fact.id && end !== undefined) === true;
  if (!isEnded) report('I11', `states what no call has come to`, call.fact, fact);
  if (pair?.statedRv !== undefined && isNewer(pair.statedRv, call.fact.rv))
    report('I11', `states an older state than before`, pair?.status, fact);
};

export const statusStays: Rule = (_fact, ledger, report) => {
  for (const { life, handled, run, status, trigger } of ledger.pairs()) {
    if (life.gone !== undefined || run?.digest === undefined || handled?.end?.states !== true) continue;
    if (ledger.triggers.get(trigger)?.gone === true || status?.id === handled.fact.id) continue;
    // It is had again by another call, as soon as there may be one.
    if (handled.lost && (run.closed || isSuspended(ledger, trigger) || isDeleting(life))) continue;
    report('I16', `the status of ${life.uid} is not what was stated last`, handled.fact, handled.end, status);
  }
};

function isSuspended({ triggers }: Ledger, trigger: string): boolean {
  return triggers.get(trigger)?.config.suspended === true;
}

function isDeleting({ writes }: Life): boolean {
  return writes.at(-1)?.deleting === true;
}
