/** I3: what is sent is never older than what was sent, acknowledged or known before. */
import type { Rule } from '../history-checker.ts';
import { isNewer } from '../ledger.ts';

export const neverBack: Rule = (fact, { lives, triggers }, report) => {
  if (fact.fact !== 'call') return;
  const pair = lives.get(fact.uid)?.pairs.get(fact.trigger);
  if (pair === undefined) return;
  const { last, handled, newestTold } = pair;
  // What an edited selector lets in again is listed as it was when it left.
  const isBack = last?.fact.type === 'deleted' && (triggers.get(fact.trigger)?.editedMs ?? 0) > 0;
  if (last !== undefined && !isBack && last.fact.process === fact.process && isNewer(last.fact.rv, fact.rv))
    report('I3', `sends ${fact.rv} after ${last.fact.rv}`, last.fact, fact);
  if (fact.type === 'deleted') return;
  if (handled !== undefined && handled.fact.process !== fact.process && isNewer(handled.fact.rv, fact.rv))
    report('I3', `sends ${fact.rv}, and ${handled.fact.rv} was acknowledged`, handled.fact, fact);
  if (newestTold?.process === fact.process && isNewer(newestTold.rv, fact.rv))
    report('I3', `sends ${fact.rv}, and ${newestTold.rv} is known`, newestTold, fact);
};
