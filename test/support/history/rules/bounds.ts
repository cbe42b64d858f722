/** I8: what is kept is bounded by what there is. I13: nothing secret is seen. */
import type { Rule } from '../history-checker.ts';
import type { Pair } from '../pair.ts';

export const keepsWhatThereIs: Rule = (fact, ledger, report) => {
  if (fact.fact !== 'holds') return;
  const { lives, triggers } = ledger;
  if (fact.waiting > lives.size) report('I8', `${fact.waiting} wait for ${lives.size} objects`, fact);
  if (fact.settled !== true || triggers.get(fact.trigger)?.config.suspended === true) return;
  const kept = [...ledger.pairs()].filter((pair) => pair.trigger === fact.trigger && isOfUse(pair)).length;
  if (fact.objects > kept) report('I8', `${fact.objects} objects are kept, and ${kept} are of use`, fact);
};

/** It is in scope, or its end is still to be told, or may be when somebody asks for that. */
function isOfUse({ trigger, life, run, known, ended, givenUp }: Pair): boolean {
  if (life.gone === undefined && run?.digest !== undefined) return true;
  const isHeld = life.gone === undefined && life.writes.at(-1)?.held?.includes(trigger) === true;
  return isHeld || givenUp !== undefined || (known !== undefined && ended === undefined);
}

export const nothingLeaks: Rule = (fact, _ledger, report) => {
  if (fact.fact === 'leak') report('I13', `a secret is seen in ${fact.where}`, fact);
};
