/** I7: a failed attempt waits for its backoff or as long as the function asks, and what is given up stays so. */
import type { Rule } from '../history-checker.ts';

export const attemptsAreSpaced: Rule = (fact, { lives, triggers }, report) => {
  if (fact.fact !== 'call') return;
  const pair = lives.get(fact.uid)?.pairs.get(fact.trigger);
  const trigger = triggers.get(fact.trigger);
  if (trigger === undefined) return;
  const { maxAttempts = Infinity, backoff } = trigger.config;
  if (fact.attempt > maxAttempts) report('I7', `attempt ${fact.attempt} of ${maxAttempts}`, fact);
  const last = pair?.last;
  const end = last?.end;
  if (last === undefined || end === undefined || backoff === undefined) return;
  if (last.fact.id !== fact.id || last.fact.process !== fact.process || end.outcome === 'success') return;
  if (!last.heard || last.blamesTarget) return;
  // When a target is back, all that waited for it is due at once; so is what somebody asks for, or an edit.
  if (Math.max(trigger.targetFailureMs, pair?.askedMs ?? 0, trigger.editedMs) >= end.atMs) return;
  const stepMs = Math.min(backoff.maxMs, backoff.initialMs * 2 ** (last.fact.attempt - 1));
  const waitMs =
    end.retryAfterMs === undefined ? stepMs / 2 : Math.min(Math.max(end.retryAfterMs, 1000), backoff.maxMs);
  // A millisecond for clocks that are read more than once.
  if (fact.atMs - end.atMs < Math.floor(waitMs) - 1)
    report(
      'I7',
      `attempt ${fact.attempt} after ${fact.atMs - end.atMs} of ${waitMs} ms`,
      last.fact,
      end,
      fact,
    );
};

/** A target that cannot be reached is not asked again at once, not even by a probe. */
export const probesAreSpaced: Rule = (fact, { lives, triggers }, report) => {
  if (fact.fact !== 'call') return;
  const pair = lives.get(fact.uid)?.pairs.get(fact.trigger);
  const trigger = triggers.get(fact.trigger);
  const last = pair?.last;
  const end = last?.end;
  if (trigger?.config.backoff === undefined || last === undefined || end?.blame !== 'target') return;
  if (!last.heard || !last.alone || last.fact.id !== fact.id || last.fact.process !== fact.process) return;
  if (Math.max(trigger.successMs, pair?.askedMs ?? 0, trigger.editedMs) >= end.atMs) return;
  const waitMs = Math.min(trigger.config.backoff.initialMs, 1000) / 2;
  if (fact.atMs - end.atMs < Math.floor(waitMs) - 1)
    report('I7', `asks a target that failed ${fact.atMs - end.atMs} ms later`, last.fact, end, fact);
};

export const endingIsFinal: Rule = (fact, { lives, triggers }, report) => {
  if (fact.fact !== 'call' || fact.reason !== 'Watch') return;
  const pair = lives.get(fact.uid)?.pairs.get(fact.trigger);
  const last = pair?.last;
  const trigger = triggers.get(fact.trigger);
  if (pair === undefined || last?.end === undefined || last.fact.process !== fact.process) return;
  // What turns out to be the target's own failure is no object's.
  const latest = Math.max(pair.askedMs, trigger?.editedMs ?? 0, trigger?.targetFailureMs ?? 0);
  if (latest >= last.end.atMs || last.blamesTarget) return;
  if (last.fact.type === 'deleted' || pair.runAt(fact.rv)?.number !== last.run?.number) return;
  if (last.heard && last.end.permanent === true && last.fact.reason === 'Watch')
    report('I7', 'calls again after a failure for good', last.fact, last.end, fact);
  else if (pair.givenUp !== undefined && pair.givenUp === last.run?.number)
    report('I7', 'calls again after it was given up', last.fact, last.end, fact);
};
