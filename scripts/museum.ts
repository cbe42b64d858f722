/**
 * `npm run museum`: each historic bug in test/museum is put into a copy of this repository, and has to be given away by
 * the promise that it breaks. `npm run museum -- NAME…` does so for some of them.
 */
import { Museum } from '../test/museum/museum.ts';

const asked = process.argv.slice(2);
using museum = new Museum(process.cwd());
for (const exhibit of museum.exhibits) {
  if (asked.length > 0 && !asked.includes(exhibit.name)) continue;
  const { caughtBy, problem, seconds } = museum.visit(exhibit);
  const told = problem ?? caughtBy ?? '';
  if (problem !== undefined) process.exitCode = 1;
  const verdict = problem === undefined ? 'caught' : 'FAIL  ';
  process.stdout.write(
    `${verdict} ${exhibit.name.padEnd(34)} ${exhibit.invariant.padEnd(4)} ${seconds.toFixed(1).padStart(5)} s  ${told.slice(0, 90)}\n`,
  );
}
