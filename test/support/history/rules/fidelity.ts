/** I12: what is sent is what the API server had at that version. */
import type { Rule } from '../history-checker.ts';

export const bodyIsTrue: Rule = (fact, { lives }, report) => {
  if (fact.fact !== 'call' || fact.body === undefined || fact.type === 'deleted') return;
  const written = lives.get(fact.uid)?.writes.find(({ rv }) => rv === fact.rv);
  if (written?.body !== undefined && written.body !== fact.body)
    report('I12', `sends something else than ${fact.uid} at ${fact.rv}`, written, fact);
};
