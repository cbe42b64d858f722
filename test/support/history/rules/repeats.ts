/**
 * I4: what was handled is not sent again without cause. I14: a crash or an answer that was lost excuses one repeat of
 * what it concerns, under the same id, and no id stands for two states.
 */
import type { CallFact } from '../fact.ts';
import type { Rule } from '../history-checker.ts';
import type { Pair } from '../pair.ts';

/** An edit takes its way. */
const HEARD_MS = 1000;

export const noneWithoutCause: Rule = (fact, { lives, processes, triggers }, report) => {
  if (fact.fact !== 'call') return;
  const pair = lives.get(fact.uid)?.pairs.get(fact.trigger);
  const trigger = triggers.get(fact.trigger);
  if (trigger !== undefined) {
    const listed = trigger.config.eventTypes?.map((type) => type.toLowerCase());
    const countsAsUpdate = fact.reason === 'Watch' || fact.type === 'deleted';
    if (countsAsUpdate && listed?.includes(fact.type) === false)
      report('I4', `${fact.type} is not asked for`, trigger.config, fact);
    const isKnown = fact.atMs - trigger.editedMs > HEARD_MS;
    if (trigger.config.suspended === true && isKnown)
      report('I4', 'a suspended trigger calls', trigger.config, fact);
    if (fact.reason === 'Resync' && trigger.config.resyncs !== true)
      report('I4', 'nobody asked for a resync', trigger.config, fact);
  }
  if (pair === undefined) return;
  if (fact.type !== 'deleted' && pair.runAt(fact.rv)?.closed === true)
    report('I4', 'sends what `when` holds back', pair.last?.fact, fact);
  const before = repeated(pair, fact);
  if (before !== undefined) {
    if (pair.excuses > 0) pair.excuses--;
    else {
      const isSameProcess = before.process === fact.process && processes.has(fact.process);
      report(isSameProcess ? 'I4' : 'I14', `sends again what was handled`, before, pair.last?.fact, fact);
    }
  }
  const { last } = pair;
  if (fact.reason !== 'Requeue' || last === undefined || last.orphan) return;
  const requeued = pair.calls.findLast(({ heard, end }) => heard && end?.requeueAfterMs !== undefined);
  if (requeued?.end === undefined) {
    if (pair.excuses === 0 && !pair.forgotten)
      report('I4', 'nobody asked to be called again', last.fact, fact);
    return;
  }
  // A checkpoint keeps the second, which names the wake-up in its id.
  const earlyMs = requeued.fact.process === fact.process ? 0 : 1000;
  if (fact.atMs < requeued.end.atMs + (requeued.end.requeueAfterMs ?? 0) - earlyMs)
    report('I4', 'calls again before it was asked to', requeued.fact, requeued.end, fact);
};

/** The call that has handled already what this one sends. */
function repeated(pair: Pair, fact: CallFact): CallFact | undefined {
  const { handled, ended, last } = pair;
  // Once a call for the same state was excused, its further attempts are, too.
  const isRetry = last !== undefined && (!last.heard || last.end?.outcome !== 'success');
  if (fact.type === 'deleted') return isRetry ? undefined : ended?.fact;
  if (fact.reason !== 'Watch' || handled === undefined || last === undefined) return undefined;
  if (last !== handled && isRetry) return undefined;
  const run = pair.runAt(fact.rv);
  // While nobody has heard that the object has left the selection, its states are sent; they are not told apart here.
  if (run?.digest === undefined) return undefined;
  return run.number === handled.run?.number ? handled.fact : undefined;
}

export const idsNameStates: Rule = (fact, { lives }, report) => {
  if (fact.fact !== 'call') return;
  const pair = lives.get(fact.uid)?.pairs.get(fact.trigger);
  if (pair === undefined || fact.type === 'deleted') return;
  const run = pair.runAt(fact.rv);
  const first = pair.ids.get(fact.id);
  if (first !== undefined && first.run?.number !== run?.number && first.run?.digest !== run?.digest)
    report('I14', `id ${fact.id} stands for two states`, first.fact, fact);
  const { last } = pair;
  const isRetry =
    last?.fact.process === fact.process &&
    last.run?.number === run?.number &&
    last.fact.reason === fact.reason &&
    fact.reason === 'Watch' &&
    fact.attempt === last.fact.attempt + 1;
  if (isRetry && last.fact.id !== fact.id)
    report('I14', `attempt ${fact.attempt} has another id`, last.fact, fact);
};
