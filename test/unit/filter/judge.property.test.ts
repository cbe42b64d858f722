/** The record against a model of the whole way: writes, watch, calls, own writes, edits, in any order. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { RECIPES, RecordWorld, type Setup } from './record-world.ts';

type Step = (world: RecordWorld) => void;

const value = fc.integer({ min: 0, max: 2 });

function step(
  weight: number,
  name: string,
  run: Step,
): { readonly weight: number; readonly arbitrary: fc.Arbitrary<Step> } {
  return {
    weight,
    arbitrary: fc.constant(Object.assign((world: RecordWorld) => run(world), { toString: () => name })),
  };
}

function write(
  weight: number,
  name: string,
  run: (world: RecordWorld, value: number) => void,
): { readonly weight: number; readonly arbitrary: fc.Arbitrary<Step> } {
  const arbitrary = value.map((v) =>
    Object.assign((world: RecordWorld) => run(world, v), { toString: () => `${name} ${v}` }),
  );
  return { weight, arbitrary };
}

const TAME = [
  write(3, 'spec', (world, v) => world.writeSpec(v)),
  write(3, 'status', (world, v) => world.writeStatus(v)),
  write(1, 'label', (world, v) => world.writeLabel(v)),
  write(1, 'shared', (world, v) => world.writeShared(v)),
  step(8, 'watch', (world) => world.watch()),
  step(6, 'start', (world) => world.start()),
  step(3, 'succeed', (world) => world.succeed()),
  step(2, 'fail', (world) => world.fail({ exhausted: false })),
  step(1, 'exhaust', (world) => world.fail({ exhausted: true })),
  step(2, 'succeed, write', (world) => world.succeedAndWrite()),
  step(1, 'own', (world) => world.writeOwn()),
  step(1, 'redeliver', (world) => world.redeliver()),
  step(1, 'relist', (world) => world.relist()),
];
const WILD = [...TAME, step(1, 'leave', (world) => world.leave()), step(1, 'edit', (world) => world.edit())];

const setups: fc.Arbitrary<Setup> = fc.record({
  recipe: fc.constantFrom(...RECIPES),
  gated: fc.boolean(),
  selected: fc.boolean(),
});

function holds(steps: fc.Arbitrary<Step>): void {
  fc.assert(
    fc.property(setups, fc.array(steps, { maxLength: 60, size: 'max' }), (setup, all) => {
      const world = new RecordWorld(setup);
      for (const one of all) one(world);
      world.quiesce();
      world.check();
      const { calls } = world;
      world.relist();
      world.quiesce();
      assert.equal(world.calls, calls, 'a list of what is handled sends nothing');
    }),
    { numRuns: 1000 },
  );
}

describe('A record', () => {
  it('gets the last state sent, nothing unchanged sent again and no id for two states, whatever the order', () => {
    holds(fc.oneof(...TAME));
  });

  it('does so also where the object leaves the selection and comes back, and the trigger is edited', () => {
    holds(fc.oneof(...WILD));
  });
});
