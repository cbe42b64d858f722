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
  for (const pair of life?.pairs.values() ?? []) {
    const trigger = triggers.get(pair.trigger);
    if (trigger?.config.finalizer !== true || trigger.gone || pair.known === undefined) continue;
    if (fact.fact === 'gone' || fact.held?.includes(pair.trigger) === false)
      report('I5', `${fact.uid} is let go before its deleted has succeeded`, pair.last?.fact, fact);
  }
};

/** Whoever is called for an object can rely on hearing of its end. */
export const heldBeforeCalled: Rule = (fact, { lives, triggers }, report) => {
  if (fact.fact !== 'call' || fact.type === 'deleted') return;
  const last = lives.get(fact.uid)?.writes.at(-1);
  if (triggers.get(fact.trigger)?.config.finalizer === true && last?.held?.includes(fact.trigger) === false)
    report('I5', `${fact.uid} is not held by ${fact.trigger}`, last, fact);
};

/** What is held to the end of it goes once that was told, and what was given up when somebody asks for it. */
export const nothingStaysHeld: Rule = (_fact, ledger, report) => {
  for (const pair of ledger.pairs()) {
    const { life, known, run, last, givenUp, askedMs } = pair;
    const now = life.writes.at(-1);
    if (life.gone !== undefined || now?.held?.includes(pair.trigger) !== true) continue;
    if (ledger.triggers.get(pair.trigger)?.config.suspended === true) continue;
    if (now.deleting !== true && !(run?.digest === undefined && known === undefined)) continue;
    if (givenUp !== undefined && askedMs <= (last?.fact.atMs ?? -Infinity)) continue;
    report('I5', `${life.uid} stays held by ${pair.trigger}`, now, last?.fact, last?.end);
  }
};
