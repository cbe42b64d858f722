/**
 * `npm run bench`: how fast and how small the forwarder is, on a real API server on this machine. Prints one table and
 * ends with 0 whatever the figures are; `bench/README.md` keeps the last ones.
 *
 * `--only latency|drain|memory|heal|isolation` (repeatable) runs a part, `--quick` takes fewer samples.
 */
import { existsSync } from 'node:fs';
import os from 'node:os';
import { parseArgs } from 'node:util';
import { drain } from './drain.ts';
import { heal } from './heal.ts';
import { isolation } from './isolation.ts';
import { latency } from './latency.ts';
import { memory } from './memory.ts';
import { type Figure, renderTable } from './table.ts';
import { openWorld, type World } from './world.ts';

const SCENARIOS: Readonly<Record<string, (world: World, quick: boolean) => Promise<readonly Figure[]>>> = {
  memory,
  latency,
  drain,
  heal,
  isolation,
};

const { values } = parseArgs({
  options: { only: { type: 'string', multiple: true }, quick: { type: 'boolean', default: false } },
});
const chosen = values.only ?? Object.keys(SCENARIOS);
const unknown = chosen.find((name) => !Object.hasOwn(SCENARIOS, name));
if (unknown !== undefined) throw new Error(`--only ${unknown}: one of ${Object.keys(SCENARIOS).join(', ')}`);
if (!existsSync('dist/statewire.cjs')) throw new Error('dist/statewire.cjs is missing: npm run build');

const figures: Figure[] = [];
{
  await using world = await openWorld();
  for (const [name, run] of Object.entries(SCENARIOS)) {
    if (!chosen.includes(name)) continue;
    process.stderr.write(`${name} …\n`);
    figures.push(...(await run(world, values.quick)));
  }
}
const cpus = os.cpus();
const load = os.loadavg().map((value) => value.toFixed(1));
process.stdout.write(
  `${cpus.length} × ${cpus[0]?.model ?? 'unknown CPU'}, Node ${process.version}, load average ${load.join(' ')}\n\n`,
);
process.stdout.write(renderTable(figures));
