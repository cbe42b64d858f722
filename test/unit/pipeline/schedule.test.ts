import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { objectKey } from '../../../forwarder/model/kube-object.ts';
import { noMeter } from '../../../forwarder/model/metrics.ts';
import { Schedule } from '../../../forwarder/pipeline/schedule.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const KEY = objectKey('uid-1');
const debounce = { quietMs: 100, maxWaitMs: 2000 };

function setUp(resyncMs?: number): { clock: ManualClock; schedule: Schedule; woken: string[] } {
  const clock = new ManualClock();
  const startMs = clock.monotonic();
  const woken: string[] = [];
  const schedule = new Schedule({
    clock,
    meter: noMeter,
    name: 'shop/application',
    random: () => 0.5,
    spec: { debounce, ...(resyncMs !== undefined && { resyncMs }) },
    onReady: () => undefined,
    onWakeup: (_key, { reason }) => woken.push(`${reason} at ${clock.monotonic() - startMs}`),
  });
  return { clock, schedule, woken };
}

describe('Schedule', () => {
  it('wakes a key once for what its function asked', async () => {
    const { clock, schedule, woken } = setUp();
    schedule.requeue(KEY, 5000);
    schedule.requeue(KEY, 1000);
    await clock.advance(10_000);
    assert.deepEqual(woken, ['Requeue at 1000']);
    schedule.stop();
  });

  it('wakes nobody for what an earlier process was asked before the objects are known', async () => {
    const { clock, schedule, woken } = setUp();
    const dueUnixSeconds = Math.floor(clock.now() / 1000) - 1;
    schedule.restore(KEY, { reason: 'Requeue', dueUnixSeconds });
    schedule.requeue(objectKey('uid-2'), 1000);
    await clock.advance(3000);
    assert.deepEqual(woken, []);
    assert.deepEqual(schedule.wakeupOf(KEY), { reason: 'Requeue', dueUnixSeconds });
    schedule.resume();
    await clock.advance(1);
    assert.deepEqual(woken, ['Requeue at 3000', 'Requeue at 3000']);
    schedule.stop();
  });

  it('forgets the wake-up when an invocation begins', async () => {
    const { clock, schedule, woken } = setUp();
    schedule.requeue(KEY, 1000);
    schedule.resyncLater(KEY);
    await clock.advance(10_000);
    assert.deepEqual(woken, []);
    schedule.stop();
  });

  it('begins, moves and ends resyncs when the trigger is edited, and leaves what a function asked for', async () => {
    const { clock, schedule, woken } = setUp();
    const other = objectKey('uid-2');
    schedule.requeue(other, 5000);
    schedule.edit({ debounce, resyncMs: 2000 }, [KEY, other]);
    await clock.advance(2100);
    assert.deepEqual(woken, ['Resync at 2000']);
    schedule.resyncLater(KEY);
    schedule.edit({ debounce, resyncMs: 20_000 }, [KEY, other]);
    await clock.advance(4000);
    assert.deepEqual(woken, ['Resync at 2000', 'Requeue at 5000']);
    schedule.edit({ debounce }, [KEY, other]);
    await clock.advance(60_000);
    assert.equal(woken.length, 2);
    schedule.stop();
  });

  it('leaves at least a second between resyncs, because their ids name the second', async () => {
    const { clock, schedule, woken } = setUp(100);
    schedule.resyncLater(KEY);
    await clock.advance(2000);
    assert.deepEqual(woken, ['Resync at 1000']);
    schedule.stop();
  });

  it('lets a resync go on at its own time when something else is edited', async () => {
    const { clock, schedule, woken } = setUp(1000);
    schedule.resyncLater(KEY);
    await clock.advance(900);
    schedule.edit({ debounce: { quietMs: 0, maxWaitMs: 0 }, resyncMs: 1000 }, [KEY]);
    await clock.advance(200);
    assert.deepEqual(woken, ['Resync at 1000']);
    schedule.stop();
  });
});
