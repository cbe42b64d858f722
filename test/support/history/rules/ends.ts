/** I5: whoever was told of an object is told of its end; with a finalizer, before the object goes. */
import type { Rule } from '../history-checker.ts';

export const everyEndIsTold: Rule = (_fact, ledger, report) => {
  for (const pair of ledger.pairs()) {
    const { life, known, mayLoseEnd, givenUp, run } = pair;
    const trigger = ledger.triggers.get(pair.trigger);
    if (trigger === undefined || trigger.config.suspended === true) continue;
    if (trigger.config.eventTypes?.includes('Deleted') === false) continue;
    const isOut = life.gone !== undefined || (run !== undefined && run.digest === undefined);
    if (isOut && known !== undefined && !mayLoseEnd && givenUp === undefined)
      report(
        'I5',
        `${pair.trigger} has not heard of the end of ${life.uid}`,
        known.fact,
        life.gone,
        pair.last?.fact,
      );
  }
};

export const finalizersHold: Rule = (fact, { lives, triggers }, report) => {
  if (fact.fact !== 'write' && fact.fact !== 'gone') return;
  const life = lives.get(fact.uid);
  const before = life?.writes.at(-1);
  if (before?.deleting !== true) return;
  for (const trigger of before.held ?? []) {
    const pair = life?.pairs.get(trigger);
    const isHeld = fact.fact === 'write' && fact.held?.includes(trigger) === true;
    if (isHeld || pair?.known === undefined || pair.givenUp !== undefined) continue;
    if (triggers.get(trigger)?.config.finalizer === true && triggers.get(trigger)?.gone !== true)
      report('I5', `${fact.uid} is let go before its deleted has succeeded`, pair.last?.fact, fact);
  }
};
