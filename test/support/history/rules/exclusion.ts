/** I2: one call at a time for each name. I15: none from a process that ends, or from one that was replaced. */
import type { Rule } from '../history-checker.ts';

export const oneAtATime: Rule = (fact, { open, triggers }, report) => {
  if (fact.fact !== 'call') return;
  for (const { fact: other } of open) {
    const isSame =
      other.process === fact.process && other.trigger === fact.trigger && other.name === fact.name;
    // A call that timed out is over at its deadline, whatever its function still does.
    if (isSame && fact.atMs < (other.deadlineMs ?? Infinity))
      report('I2', `two calls for ${fact.name} at a time`, other, fact);
  }
  const trigger = triggers.get(fact.trigger);
  if (trigger !== undefined && (fact.epoch ?? trigger.epoch) < trigger.epoch)
    report('I2', `epoch ${fact.epoch} calls after epoch ${trigger.epoch}`, fact);
};

export const onlyWhoRuns: Rule = (fact, { processes, triggers }, report) => {
  if (fact.fact !== 'call') return;
  const process = processes.get(fact.process);
  if (process?.ended !== undefined) report('I15', `process ${fact.process} calls after its end`, fact);
  else if (process?.draining === true)
    report('I15', `process ${fact.process} calls while it only waits for the calls under way`, fact);
  if (triggers.get(fact.trigger)?.gone === true) report('I15', `${fact.trigger} is gone and calls`, fact);
};
