/**
 * kill -9 in a loop under churn. A short loop here; `STATEWIRE_SOAK=1` makes it the whole minute at 200 changes a second
 * over 1,000 objects.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { FaultWorld } from '../support/fault-world.ts';
import { repeatsOf } from '../support/repeats.ts';

const SOAK = process.env['STATEWIRE_SOAK'] === '1';
const FOR_MS = SOAK ? 60_000 : 16_000;
const EVERY_MS = 2000;
const CHURN = SOAK ? { objects: 1000, changesPerSecond: 200 } : { objects: 200, changesPerSecond: 100 };
/** How long before a kill a delivery may end without being recorded: a second, and what one write takes. */
const UNRECORDED_MS = 1500;

describe('A forwarder that is killed every 2 s under churn', { timeout: 300_000 }, () => {
  it('loses nothing, and repeats only what was in flight or just handled, with equal ids', async (t) => {
    const world = await FaultWorld.start(t, { churn: CHURN });
    // Some calls are always in flight.
    world.bench.host.answer = ({ id }) => ({ status: 204, after: sleep(id.length % 30) });
    await world.churn.fill();
    await world.churnWhile(async () => {
      const endMs = performance.now() + FOR_MS;
      while (performance.now() < endMs) {
        await sleep(EVERY_MS);
        await world.kill();
        await world.restart();
      }
    });
    await world.settled();
    world.check();
    const repeats = repeatsOf(world.bench.host.calls, world.run.incarnations);
    t.diagnostic(
      `${repeats.length} repeats; handled at most ${Math.max(0, ...repeats.map(({ beforeKillMs }) => beforeKillMs)).toFixed()} ms before a kill`,
    );
    for (const { first, again, beforeKillMs, count } of repeats) {
      if (again.id !== first.id) assert.fail(world.run.storyOf(String(again.headers['ce-partitionkey'])));
      assert.ok(
        beforeKillMs <= UNRECORDED_MS,
        `${again.id} was handled ${beforeKillMs.toFixed()} ms before the kill`,
      );
      assert.equal(count, 1, `${again.id} comes once a kill`);
    }
  });
});
