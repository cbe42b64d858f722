/**
 * A target that nobody can reach, while 10,000 objects wait for it, and that then comes back: from the first call that
 * succeeds to the last. With `delivery` as it is by default, so at most 10 calls at once.
 */
import { type BenchFunction, startFunction } from './bench-function.ts';
import { type Figure, percentile } from './table.ts';
import type { World } from './world.ts';

const NAMESPACE = 'bench-heal';
const OBJECTS = 10_000;
const WITHIN_MS = 60_000;

export async function heal(world: World, quick: boolean): Promise<readonly Figure[]> {
  await world.createNamespace(NAMESPACE);
  await world.createWidgets(NAMESPACE, 0, OBJECTS);
  const rounds = Array.from({ length: quick ? 1 : 3 }, (_, index) => index);
  const seconds: number[] = [];
  const probed: number[] = [];
  for (const round of rounds) {
    const healed = await run(world, `heal-${round}`);
    seconds.push(healed.seconds);
    probed.push(healed.probedAfter);
  }
  return [
    {
      what: `${OBJECTS} objects that waited for a target: first call that succeeds → last`,
      value: Math.max(...seconds),
      unit: 's',
      floor: { atMost: 10 },
      note: `worst of ${rounds.length}; best ${Math.min(...seconds).toFixed(1)} s; concurrency 10`,
    },
    {
      what: 'the target is back → first call that succeeds',
      value: percentile(probed, 50),
      unit: 's',
      note: 'a probe goes out every 10 s at most',
    },
  ];
}

async function run(world: World, name: string): Promise<{ seconds: number; probedAfter: number }> {
  const url = await freeUrl();
  await using forwarder = await world.startForwarder(NAMESPACE);
  await world.createTrigger(NAMESPACE, name, {}, { url });
  const waiting = async (): Promise<boolean> =>
    (await forwarder.metric('statewire_circuit_open')) === 1 &&
    (await forwarder.metric('statewire_pending')) === OBJECTS;
  await forwarder.until('all wait', waiting, WITHIN_MS, 250);
  await using back: BenchFunction = await startFunction(Number(new URL(url).port));
  const backMs = performance.now();
  await forwarder.until('all have been called', () => back.arrivals.length >= OBJECTS, WITHIN_MS);
  const [first] = back.arrivals;
  const last = back.arrivals.at(-1);
  if (first === undefined || last === undefined) throw new Error('nothing arrived');
  const different = new Set(back.arrivals.map((arrival) => arrival.name)).size;
  if (different !== OBJECTS) throw new Error(`${different} of ${OBJECTS} objects arrived`);
  await world.deleteTrigger(NAMESPACE, name);
  return { seconds: (last.atMs - first.atMs) / 1000, probedAfter: (first.atMs - backMs) / 1000 };
}

/** Where nobody listens. */
async function freeUrl(): Promise<string> {
  await using taken = await startFunction();
  return taken.url;
}
