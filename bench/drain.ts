/** A new trigger for objects that exist: how fast all of them are handled. */
import { type Figure, percentile } from './table.ts';
import type { World } from './world.ts';

const NAMESPACE = 'bench-drain';
const OBJECTS = 5000;
/** The default of 10 is kind to functions; to show what the forwarder can do, it is raised. */
const CONCURRENCY = 64;
const WITHIN_MS = 120_000;

export async function drain(world: World, quick: boolean): Promise<readonly Figure[]> {
  await world.createNamespace(NAMESPACE);
  await world.createWidgets(NAMESPACE, 0, OBJECTS);
  const rounds = Array.from({ length: quick ? 1 : 3 }, (_, index) => index);
  const without: Run[] = [];
  const withStatus: Run[] = [];
  for (const round of rounds) {
    // Statuses under one name, which owns them: what another trigger stated would not be taken from it.
    without.push(await run(world, 'plain'));
    withStatus.push(await run(world, 'status', `Ready-${round}`));
  }
  const note = `best of ${rounds.length}; concurrency ${CONCURRENCY}`;
  return [
    ...describe('drain of 5,000, no status writes', without, 2500, note),
    ...describe('drain of 5,000 with a status write each', withStatus, 350, note),
  ];
}

interface Run {
  readonly perSecond: number;
  readonly cpuSeconds: number;
}

/** From the API server's answer to the trigger's creation to the last call, or to the last status that was written. */
async function run(world: World, name: string, phase?: string): Promise<Run> {
  // A fresh process each time: nothing is compiled or known yet.
  await using forwarder = await world.startForwarder(NAMESPACE);
  world.function.reset(phase);
  const cpuBefore = forwarder.cpuSeconds();
  await world.createTrigger(NAMESPACE, name, { concurrency: CONCURRENCY });
  const startMs = performance.now();
  const { function: called } = world;
  await forwarder.until('all have been called', () => called.arrivals.length >= OBJECTS, WITHIN_MS);
  let endMs = called.arrivals.at(-1)?.atMs ?? Number.NaN;
  if (phase !== undefined) {
    const written = async (): Promise<boolean> =>
      (await forwarder.metric('statewire_result_writes_total')) >= OBJECTS;
    // Not often: telling its metrics takes the forwarder some milliseconds.
    await forwarder.until('all statuses are written', written, WITHIN_MS, 250);
    endMs = performance.now();
    const found = await world.countPhase(NAMESPACE, phase);
    if (found !== OBJECTS) throw new Error(`${found} of ${OBJECTS} statuses are there`);
  }
  const cpuSeconds = forwarder.cpuSeconds() - cpuBefore;
  await world.deleteTrigger(NAMESPACE, name);
  return { perSecond: (OBJECTS / (endMs - startMs)) * 1000, cpuSeconds };
}

function describe(what: string, runs: readonly Run[], atLeast: number, note: string): Figure[] {
  const rates = runs.map(({ perSecond }) => perSecond);
  const cpu = percentile(
    runs.map(({ cpuSeconds }) => cpuSeconds),
    50,
  );
  return [
    { what, value: Math.max(...rates), unit: '/s', floor: { atLeast }, note },
    { what: `${what}: median`, value: percentile(rates, 50), unit: '/s' },
    { what: `${what}: CPU`, value: cpu, unit: 's', note: 'of the forwarder, median' },
  ];
}
