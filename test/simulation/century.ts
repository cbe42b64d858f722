/**
 * Simulated hours by the thousand: `npm run century -- --hours N --seed S`. Ends with what was lived through; a promise
 * that was broken is told with the seed and hour that show it again.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { describeViolation } from '../support/history/history.ts';
import { newTally, simulate, type Tally } from './simulation.ts';

// Errors are thrown by the thousand here, and nobody looks at where.
Error.stackTraceLimit = 0;
const HOURS_A_YEAR = 8760;

const { values } = parseArgs({
  options: {
    hours: { type: 'string', default: '8760' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    'from-hour': { type: 'string', default: '0' },
    faults: { type: 'string' },
    history: { type: 'string' },
  },
});
const seed = Number(values.seed);
const hours = Number(values.hours);
const fromHour = Number(values['from-hour']);
if (![seed, hours, fromHour].every((number) => Number.isInteger(number) && number >= 0)) {
  process.stderr.write('--seed, --hours and --from-hour are whole numbers\n');
  process.exit(2);
}

const tally = newTally();
const startMs = performance.now();
const finding = await simulate(
  {
    seed,
    hours,
    fromHour,
    onWorld: (history) => {
      if (values.history !== undefined) writeFileSync(values.history, history.text());
    },
    ...(values.faults !== undefined && { faults: values.faults.split(',') }),
  },
  tally,
);
process.stdout.write(summary(tally, (performance.now() - startMs) / 1000));
if (finding !== undefined) {
  process.stdout.write(`${describeViolation(finding.violation)}\n`);
  process.stdout.write(`seed ${finding.seed} hour ${finding.hour}\n`);
  process.stdout.write(`again: npm run century -- --seed ${seed} --from-hour ${finding.hour} --hours 1\n`);
}
process.exit(finding === undefined ? 0 : 1);

function summary({ hours: lived, writes, invocations, facts, faults }: Tally, seconds: number): string {
  const all = [...faults.values()].reduce((sum, count) => sum + count, 0);
  const rate = (lived / HOURS_A_YEAR / seconds) * 3600;
  return [
    `seed          ${seed}`,
    `hours         ${lived} (${(lived / HOURS_A_YEAR).toFixed(2)} years)`,
    `writes        ${writes}`,
    `faults        ${all}`,
    ...[...faults]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, count]) => `  ${name.padEnd(18)}${count}`),
    `invocations   ${invocations}`,
    `facts checked ${facts}`,
    `violations    ${finding === undefined ? 0 : 'one'}`,
    `seconds       ${seconds.toFixed(1)} (${rate.toFixed(1)} simulated years an hour)`,
    '',
  ].join('\n');
}
