/** An object that fails again and again holds up no other, however long it waits for its next attempt. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describeViolation, History } from '../support/history/history.ts';
import type { SimulatedTrigger } from '../simulation/triggers.ts';
import { World } from '../simulation/world.ts';
import { PLAIN_TRIGGER } from './plain-trigger.ts';

const TRIGGER: SimulatedTrigger = { ...PLAIN_TRIGGER, maxAttempts: 12 };

describe('An object that fails', () => {
  it('keeps no other waiting, through all of its attempts', async () => {
    const history = new History();
    const world = new World(5, history, [TRIGGER]);
    const { clock, cluster, functions } = world;
    functions.plan = ({ name }) => (name === 'fails' ? 'fail' : 'succeed');
    for (const name of ['fails', 'w0', 'w1']) cluster.create(name, { size: 0 });
    world.start();
    for (let size = 1; size <= 60; size++) {
      await clock.runUntil(clock.monotonic() + 7000);
      cluster.edit(size % 2 === 0 ? 'w0' : 'w1', size);
    }
    await clock.runUntil(clock.monotonic() + 600_000);
    history.record({ fact: 'quiet', atMs: clock.monotonic() });
    const [violation] = history.violations;
    assert.equal(violation && describeViolation(violation), undefined);
    assert.equal(functions.calls, 2 + 60 + TRIGGER.maxAttempts);
    world.kill();
  });
});
