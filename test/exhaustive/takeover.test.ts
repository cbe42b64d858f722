/**
 * A process that is cut off from the API server goes on with what it knows, and another one takes over. When the first
 * comes back it finds that out by its next write to the checkpoint, a second later at most; from then on it calls nobody.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describeViolation, History } from '../support/history/history.ts';
import { World } from '../simulation/world.ts';
import { PLAIN_TRIGGER } from './plain-trigger.ts';

/** A watch that could not be opened is tried again by then. */
const BACK_MS = 60_000;

describe('A process that was replaced', () => {
  for (const awayMs of [0, 5000, 60_000]) {
    it(`calls nobody once it can know of that, ${awayMs} ms after it was cut off`, async () => {
      const history = new History();
      const world = new World(5, history, [PLAIN_TRIGGER]);
      const { clock, cluster, functions } = world;
      world.weather.latencyMs = 6;
      functions.plan = () => 'succeed';
      const pass = (ms: number): Promise<void> => clock.runUntil(clock.monotonic() + ms);
      for (const name of ['w0', 'w1', 'w2']) cluster.create(name, { size: 0 });
      world.start();
      await pass(5000);

      const replaced = world.replace();
      await pass(awayMs);
      replaced.reconnect();
      await pass(BACK_MS);
      // Both are told of this. The first may call before it has tried to write that down.
      history.record({ fact: 'checkpoint-lost', atMs: clock.monotonic(), trigger: 'shop/t0' });
      cluster.edit('w0', 1);
      await pass(5000);
      history.record({ fact: 'crash', atMs: clock.monotonic(), process: replaced.number });
      const { calls } = functions;
      cluster.edit('w1', 1);
      cluster.edit('w0', 2);
      cluster.remove('w2');
      await pass(600_000);
      history.record({ fact: 'quiet', atMs: clock.monotonic() });
      const [violation] = history.violations;
      assert.equal(violation && describeViolation(violation), undefined);
      assert.equal(functions.calls, calls + 3);
      world.kill();
      replaced.kill();
    });
  }
});
