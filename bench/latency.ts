/**
 * From the API server's answer to a write to the function's request arriving, at three rates, without quiet. Writes
 * follow a schedule fixed in advance, so that a slow moment shows in every write that it delays.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Forwarder } from './forwarder.ts';
import { type Figure, percentile } from './table.ts';
import type { World } from './world.ts';

const NAMESPACE = 'bench-latency';
/** Each is edited at most once a second at the highest rate, so that nothing is coalesced. */
const OBJECTS = 1000;
const METRIC = 'statewire_event_to_invocation_seconds';

interface Step {
  readonly perSecond: number;
  readonly seconds: number;
  /** Highest p99 in ms to ship. */
  readonly floorMs?: number;
}

export async function latency(world: World, quick: boolean): Promise<readonly Figure[]> {
  await world.createNamespace(NAMESPACE);
  await world.createWidgets(NAMESPACE, 0, OBJECTS);
  world.function.reset();
  await using forwarder = await world.startForwarder(NAMESPACE);
  await world.createTrigger(NAMESPACE, 'bench', { concurrency: 64 });
  await forwarder.until('all are created', () => world.function.arrivals.length >= OBJECTS, 60_000);
  const generations = Array.from({ length: OBJECTS }, () => 1);
  const steps: readonly Step[] = [
    { perSecond: 1, seconds: quick ? 10 : 60, floorMs: 3 },
    { perSecond: 200, seconds: quick ? 5 : 20 },
    { perSecond: 500, seconds: quick ? 5 : 20 },
    { perSecond: 1000, seconds: quick ? 5 : 15 },
  ];
  // What has run a few times is compiled; a forwarder in service has.
  await measure(world, forwarder, generations, { perSecond: 100, seconds: 3 });
  const figures: Figure[] = [];
  for (const step of steps) figures.push(...(await measure(world, forwarder, generations, step)));
  return figures;
}

async function measure(
  world: World,
  forwarder: Forwarder,
  generations: number[],
  { perSecond, seconds, floorMs }: Step,
): Promise<Figure[]> {
  const total = perSecond * seconds;
  const answeredMs = new Map<string, number>();
  const writes: Promise<void>[] = [];
  const before = await forwarder.buckets(METRIC);
  const cpuBefore = forwarder.cpuSeconds();
  world.function.reset();
  const startMs = performance.now() + 100;
  for (let sent = 0; sent < total;) {
    const nowMs = performance.now();
    for (; sent < total && startMs + (sent * 1000) / perSecond <= nowMs; sent++) {
      const index = sent % OBJECTS;
      const generation = (generations[index] ?? 0) + 1;
      generations[index] = generation;
      const write = world
        .edit(NAMESPACE, `w${index}`, generation)
        .then((atMs) => void answeredMs.set(`w${index}:${generation}`, atMs));
      writes.push(write);
    }
    await sleep(1);
  }
  await Promise.all(writes);
  const writtenMs = performance.now() - startMs;
  const wanted = new Set(answeredMs.keys());
  const seen = (): boolean => {
    for (const { name, generation } of world.function.arrivals) wanted.delete(`${name}:${generation}`);
    return wanted.size === 0;
  };
  // A write that an even newer one overtook is never seen by itself.
  await forwarder.until('every write has arrived', seen, 10_000).catch(() => undefined);
  const samples = world.function.arrivals.flatMap(({ name, generation, atMs }) => {
    const since = answeredMs.get(`${name}:${generation}`);
    return since === undefined ? [] : [atMs - since];
  });
  const inside = insideOf(before, await forwarder.buckets(METRIC));
  const cpu = ((forwarder.cpuSeconds() - cpuBefore) * 10_000) / total;
  const rate = (total / writtenMs) * 1000;
  const at = `at ${perSecond} events/s`;
  const note = `${samples.length} of ${total} writes; the API server took ${rate.toFixed(0)}/s`;
  return [
    { what: `write answered → call arrives, p50 ${at}`, value: percentile(samples, 50), unit: 'ms' },
    {
      what: `write answered → call arrives, p99 ${at}`,
      value: percentile(samples, 99),
      unit: 'ms',
      ...(floorMs !== undefined && { floor: { atMost: floorMs } }),
      note,
    },
    { what: `watch event → call starts, p50 ${at}, at most`, value: inside(50), unit: 'ms' },
    { what: `watch event → call starts, p99 ${at}, at most`, value: inside(99), unit: 'ms', note: METRIC },
    ...(perSecond >= 200 ? [{ what: `CPU per 10,000 events ${at}`, value: cpu, unit: 's' }] : []),
  ];
}

/** The bucket's bound, in ms, at or below which so many percent of what came in between lie. */
function insideOf(
  before: ReadonlyMap<number, number>,
  after: ReadonlyMap<number, number>,
): (percent: number) => number {
  const counts = [...after].map(([bound, count]) => [bound, count - (before.get(bound) ?? 0)] as const);
  const total = counts.at(-1)?.[1] ?? 0;
  return (percent) =>
    (counts.find(([, count]) => count >= (total * percent) / 100)?.[0] ?? Number.NaN) * 1000;
}
