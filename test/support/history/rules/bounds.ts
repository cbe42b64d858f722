/** I8: no more waits than there are objects. I13: nothing secret is seen. */
import type { Rule } from '../history-checker.ts';

export const boundsOf: Rule = (fact, _ledger, report) => {
  if (fact.fact !== 'holds') return;
  if (fact.waiting > fact.objects) report('I8', `${fact.waiting} wait for ${fact.objects} objects`, fact);
};

export const nothingLeaks: Rule = (fact, _ledger, report) => {
  if (fact.fact === 'leak') report('I13', `a secret is seen in ${fact.where}`, fact);
};
