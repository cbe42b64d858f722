import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { TriggerQueue } from '../../../forwarder/queue/trigger-queue.ts';
import { objectKey, type ObjectKey } from '../../../forwarder/model/kube-object.ts';
import { noMeter } from '../../../forwarder/model/metrics.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { RecordingMeter } from '../../support/recording-meter.ts';

const A = objectKey('a');
const B = objectKey('b');
const LABELS = { name: 'shop/application' };

function setUp(): { clock: ManualClock; meter: RecordingMeter; queue: TriggerQueue; readyMs: number[] } {
  const clock = new ManualClock(0);
  const meter = new RecordingMeter();
  const readyMs: number[] = [];
  const onReady = (): void => void readyMs.push(clock.monotonic());
  return { clock, meter, readyMs, queue: new TriggerQueue({ clock, meter, name: LABELS.name, onReady }) };
}

describe('TriggerQueue', () => {
  it('says that there is work when a key can be taken, and not for keys that change nothing', () => {
    const { queue, readyMs } = setUp();
    queue.add(A);
    assert.equal(readyMs.length, 1);
    queue.add(A);
    assert.equal(readyMs.length, 1);
    queue.take();
    queue.add(A);
    assert.equal(readyMs.length, 1, 'a worker holds it');
    queue.done(A);
    assert.equal(readyMs.length, 2);
  });

  it('says so once for all keys that are promoted together', () => {
    const { queue, readyMs } = setUp();
    for (let index = 0; index < 100; index++) queue.addAfter(objectKey(`uid-${index}`), 1000);
    assert.equal(
      queue.promoteAll((key) => !key.endsWith('0')),
      90,
    );
    assert.equal(readyMs.length, 1);
    assert.deepEqual([queue.depth, queue.delayed], [90, 10]);
    assert.equal(queue.promoteNext(), true);
    assert.equal(readyMs.length, 2);
    assert.equal(queue.promoteAll(), 9);
    assert.equal(queue.promoteNext(), false);
    assert.equal(readyMs.length, 3);
  });

  it('says so for a delay that is none', () => {
    const { queue, readyMs } = setUp();
    queue.addAfter(A, 0);
    assert.equal(readyMs.length, 1);
    queue.addAfter(A, 100);
    assert.equal(readyMs.length, 1);
  });

  it('says so when a delay is over', async () => {
    const { clock, queue, readyMs } = setUp();
    queue.addAfter(A, 100);
    assert.ok(queue.isDelayed(A) && !queue.isReady(A));
    await clock.advance(500);
    assert.deepEqual(readyMs, [100]);
    assert.ok(!queue.isDelayed(A) && queue.isReady(A));
  });

  it('shows its series before the first key', () => {
    const { meter } = setUp();
    assert.equal(meter.value('workqueue_depth', LABELS), 0);
    assert.equal(meter.value('workqueue_adds_total', LABELS), 0);
    assert.equal(meter.value('workqueue_retries_total', LABELS), 0);
  });

  it('counts adds that are new work, delays that are asked for, and the keys that can be taken', async () => {
    const { clock, meter, queue } = setUp();
    queue.add(A);
    queue.add(A);
    queue.addAfter(B, 100);
    queue.addAfter(B, 200);
    assert.equal(meter.value('workqueue_adds_total', LABELS), 1);
    assert.equal(meter.value('workqueue_retries_total', LABELS), 2);
    assert.equal(meter.value('workqueue_depth', LABELS), 1);
    await clock.advance(100);
    assert.equal(meter.value('workqueue_adds_total', LABELS), 2);
    assert.equal(meter.value('workqueue_depth', LABELS), 2);
    queue.take();
    assert.equal(meter.value('workqueue_depth', LABELS), 1);
    queue.forget(B);
    assert.equal(meter.value('workqueue_depth', LABELS), 0);
  });

  it('measures how long a key waits, from when it needed work, and how long the work takes', async () => {
    const { clock, meter, queue } = setUp();
    queue.addAfter(A, 1000);
    await clock.advance(1000);
    await clock.advance(250);
    queue.take();
    await clock.advance(100);
    queue.add(A);
    await clock.advance(400);
    queue.done(A);
    await clock.advance(50);
    queue.take();
    queue.done(A);
    queue.done(A);
    assert.equal(queue.take(), undefined);
    assert.deepEqual(meter.observed('workqueue_queue_duration_seconds', LABELS), [0.25, 0.45]);
    assert.deepEqual(meter.observed('workqueue_work_duration_seconds', LABELS), [0.5, 0]);
  });

  it('drops a forgotten key wherever it is', async () => {
    const { clock, queue } = setUp();
    queue.addAfter(A, 10);
    queue.forget(A);
    queue.add(B);
    queue.take();
    queue.add(B);
    queue.addAfter(B, 10);
    queue.forget(B);
    queue.done(B);
    await clock.advance(100);
    assert.deepEqual([queue.depth, queue.delayed, queue.processing], [0, 0, 0]);
  });

  it('lets what is ready be taken after it stopped, drops what is delayed and takes nothing new', async () => {
    const { clock, queue } = setUp();
    queue.add(A);
    queue.addAfter(B, 10);
    queue.stop();
    queue.add(objectKey('c'));
    queue.addAfter(objectKey('d'), 0);
    assert.equal(clock.pending, 0);
    await clock.advance(100);
    assert.deepEqual([queue.take(), queue.take()], [A, undefined]);
  });

  it('takes a hundred thousand keys through every stage in order', () => {
    const queue = new TriggerQueue({
      clock: new ManualClock(0),
      meter: noMeter,
      name: 'n',
      onReady: () => undefined,
    });
    const keys = Array.from({ length: 100_000 }, (_, index) => objectKey(`uid-${index}`));
    for (const [index, key] of keys.entries()) queue.addAfter(key, 1 + index);
    assert.equal(queue.promoteAll(), keys.length);
    for (const key of keys) {
      assert.equal(queue.take(), key);
      queue.done(key);
    }
    assert.deepEqual([queue.depth, queue.delayed, queue.processing], [0, 0, 0]);
  });
});

describe('TriggerQueue, whatever the order of calls', () => {
  const step = fc.record({
    key: fc.nat(5).map((index) => objectKey(`uid-${index}`)),
    action: fc.constantFrom('add', 'background', 'after', 'take', 'done', 'promote', 'pass'),
    ms: fc.integer({ min: 0, max: 50 }),
  });

  it('hands no key out twice at a time, and every key again that was added after its last run began', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 100, size: 'max' }), async (history) => {
        const { clock, queue } = setUp();
        const held = new Set<ObjectKey>();
        const unmet = new Set<ObjectKey>();
        const take = (): ObjectKey | undefined => {
          const key = queue.take();
          if (key === undefined) return undefined;
          assert.ok(!held.has(key), `${key} is out twice`);
          held.add(key);
          unmet.delete(key);
          return key;
        };
        for (const { key, action, ms } of history) {
          if (action === 'add' || action === 'background' || action === 'after') unmet.add(key);
          if (action === 'add') queue.add(key);
          else if (action === 'background') queue.add(key, 'background');
          else if (action === 'after') queue.addAfter(key, ms);
          else if (action === 'take') take();
          else if (action === 'promote') queue.promoteAll();
          else if (action === 'pass') await clock.advance(ms);
          else {
            held.delete(key);
            queue.done(key);
          }
          assert.ok(queue.depth + queue.delayed <= 6, 'no more places than keys');
          assert.equal(queue.processing, held.size);
        }
        await clock.advance(50);
        for (const key of held) queue.done(key);
        held.clear();
        for (let key = take(); key !== undefined; key = take()) {
          held.delete(key);
          queue.done(key);
        }
        assert.deepEqual([...unmet], []);
        assert.equal(clock.pending, 0);
      }),
      { numRuns: 60 },
    );
  });
});
