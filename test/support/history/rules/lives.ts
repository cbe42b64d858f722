/** I6: an object that was deleted and made anew is another one: `deleted` for the first, then `created` for the second. */
import type { CallFact } from '../fact.ts';
import type { Report, Rule } from '../history-checker.ts';
import type { Ledger } from '../ledger.ts';
import type { Pair } from '../pair.ts';

export const livesAreKeptApart: Rule = (fact, ledger, report) => {
  if (fact.fact !== 'call') return;
  const life = ledger.lives.get(fact.uid);
  if (life === undefined) {
    // Where it was lost that the end was told, it is told again.
    if (fact.type === 'deleted' && ledger.triggers.get(fact.trigger)?.hasLost === true) return;
    report('I6', `${fact.uid} was never there`, fact);
    return;
  }
  if (fact.name !== '' && life.name !== '' && fact.name !== life.name)
    report('I6', `${fact.uid} is ${life.name}`, life.writes[0], fact);
  const pair = life.pairs.get(fact.trigger);
  const trigger = ledger.triggers.get(fact.trigger);
  if (trigger === undefined) return;
  const listed = trigger.config.eventTypes ?? ['Created', 'Updated', 'Deleted'];
  const mayHaveBaseline =
    trigger.config.skipsInitial === true || !listed.includes('Created') || trigger.editedMs > -Infinity;
  if (fact.type === 'updated' && pair?.succeeded !== true && !mayHaveBaseline)
    report('I6', `updated before created`, pair?.last?.fact, fact);
  if (fact.type === 'created' && pair?.handled !== undefined && !pair.forgotten)
    report('I6', `created again`, pair.handled.fact, fact);
  if (fact.type !== 'deleted' && listed.includes('Deleted')) earlierLivesAreOver(fact, ledger, report);
};

function earlierLivesAreOver(fact: CallFact, ledger: Ledger, report: Report): void {
  for (const { uid, name, pairs, gone } of ledger.lives.values()) {
    if (uid === fact.uid || name !== fact.name || gone === undefined) continue;
    const before = pairs.get(fact.trigger);
    if (before?.known === undefined || isOver(before)) continue;
    report('I6', `${fact.type} for ${fact.uid} before deleted for ${uid}`, before.last?.fact, fact);
  }
}

function isOver({ ended, givenUp, mayLoseEnd }: Pair): boolean {
  return ended !== undefined || givenUp !== undefined || mayLoseEnd;
}
