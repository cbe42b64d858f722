/** Resident memory at rest: with no objects, and after objects of 2 KB have been listed and delivered. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Figure } from './table.ts';
import { OBJECT_BYTES, type World } from './world.ts';

const NAMESPACE = 'bench-memory';
/** V8 gives memory back some 15 s after a burst. */
const SETTLE_MS = 25_000;

export async function memory(world: World, quick: boolean): Promise<readonly Figure[]> {
  const steps = [
    { objects: 0, atMost: 90 },
    { objects: 5000, atMost: 110 },
    ...(quick ? [] : [{ objects: 20_000, atMost: 150 }]),
  ];
  await world.createNamespace(NAMESPACE);
  await world.createTrigger(NAMESPACE, 'bench', {});
  const figures: Figure[] = [];
  let made = 0;
  for (const { objects, atMost } of steps) {
    await world.createWidgets(NAMESPACE, made, objects);
    made = objects;
    world.function.reset();
    await using forwarder = await world.startForwarder(NAMESPACE);
    await forwarder.until('all have been called', () => world.function.arrivals.length >= objects, 120_000);
    await sleep(SETTLE_MS);
    figures.push({
      what: `RSS with ${objects.toLocaleString('en')} objects of ${OBJECT_BYTES / 1024} KB`,
      value: forwarder.rss(),
      unit: 'MB',
      floor: { atMost },
      note: `token kubeconfig, HTTP target, ${SETTLE_MS / 1000} s after the last call`,
    });
  }
  return figures;
}
