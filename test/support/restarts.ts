/** A pipeline of which something is written down, and what the process after it sends. */
import assert from 'node:assert/strict';
import type { ChangeClass } from '../../protocol/event.ts';
import { PipelineWorld, type SpecPatch } from './pipeline-world.ts';

/** Longer than it takes until a delivery is written down. */
export const WRITTEN_MS = 1000;

export function counting(...classes: ChangeClass[]): SpecPatch {
  return { counting: { kind: 'changes', classes } };
}

/** A world with one handled object, `web`. */
export async function handled(spec: SpecPatch = {}): Promise<PipelineWorld> {
  const world = await PipelineWorld.start({ spec });
  world.cluster.create('web', { size: 1 }, { tier: 'a' });
  await world.pass(WRITTEN_MS);
  assert.equal(world.calls.length, 1);
  return world;
}

/** What is sent from here on. */
export async function sentBy(world: PipelineWorld, act: () => void | Promise<void>): Promise<string[]> {
  const before = world.told.length;
  await act();
  await world.pass(WRITTEN_MS);
  return world.told.slice(before);
}
