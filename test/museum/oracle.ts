/**
 * Looks for one broken promise, and ends with 1 where it is found:
 *
 *   simulate --invariant I1 --seeds 1-8 --hours 24 --faults kill,watch-end    in simulated hours
 *   kill --between 7000-8000                                                  in a short life, killed at each of its moments
 */
import { parseArgs } from 'node:util';
import { brokenBy, live } from '../exhaustive/short-life.ts';
import { newTally, simulate } from '../simulation/simulation.ts';
import { describeViolation } from '../support/history/history.ts';

// Errors are thrown by the thousand here, and nobody looks at where.
Error.stackTraceLimit = 0;

const {
  values,
  positionals: [how],
} = parseArgs({
  allowPositionals: true,
  options: {
    invariant: { type: 'string', default: '' },
    seeds: { type: 'string', default: '1-1' },
    hours: { type: 'string', default: '24' },
    faults: { type: 'string' },
    between: { type: 'string', default: '0-0' },
  },
});

function range(text: string): readonly [from: number, to: number] {
  const [from = 0, to = from] = text.split('-').map(Number);
  return [from, to];
}

/** Says what is broken; ends the process where it is what was looked for. */
function found(broken: string): void {
  process.stdout.write(`${broken}\n`);
  if (broken.startsWith(`${values.invariant}:`)) process.exit(1);
}

if (how === 'kill') {
  const [fromMs, toMs] = range(values.between);
  const undisturbed = await live();
  for (const [index, atMs] of undisturbed.stages.entries()) {
    if (atMs < fromMs || atMs > toMs) continue;
    const broken = await brokenBy(undisturbed, [index + 1]);
    if (broken !== undefined) found(broken);
  }
} else {
  const [first, last] = range(values.seeds);
  const hours = Number(values.hours);
  for (let seed = first; seed <= last; seed++) {
    const faults = values.faults?.split(',');
    const options = { seed, hours, ...(faults !== undefined && { faults }) };
    const finding = await simulate(options, newTally());
    if (finding !== undefined)
      found(`${describeViolation(finding.violation)}\nseed ${seed} hour ${finding.hour}`);
  }
}
