import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DelayingQueue } from '../../../forwarder/queue/delaying-queue.ts';
import { objectKey, type ObjectKey } from '../../../forwarder/model/kube-object.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const A = objectKey('a');
const B = objectKey('b');
const C = objectKey('c');

function setUp(): { clock: ManualClock; queue: DelayingQueue; added: ObjectKey[]; dueMs: number[] } {
  const clock = new ManualClock(0);
  const added: ObjectKey[] = [];
  const dueMs: number[] = [];
  const queue = new DelayingQueue({
    clock,
    onAdded: (key) => void added.push(key),
    onDue: () => void dueMs.push(clock.monotonic()),
  });
  return { clock, queue, added, dueMs };
}

describe('DelayingQueue', () => {
  it('adds a key when its delay is over, and says so once for keys that are due together', async () => {
    const { clock, queue, dueMs } = setUp();
    queue.addAfter(A, 100);
    queue.addAfter(B, 100);
    queue.addAfter(C, 200);
    assert.equal(queue.delayed, 3);
    await clock.advance(99);
    assert.equal(queue.depth, 0);
    await clock.advance(1);
    assert.deepEqual([queue.take(), queue.take(), queue.take()], [A, B, undefined]);
    await clock.advance(100);
    assert.equal(queue.take(), C);
    assert.deepEqual(dueMs, [100, 200]);
    assert.equal(clock.pending, 0);
  });

  it('adds at once where the delay is not above 0', () => {
    const { clock, queue } = setUp();
    queue.addAfter(A, 0);
    queue.addAfter(B, -5);
    assert.deepEqual([queue.take(), queue.take()], [A, B]);
    assert.equal(clock.pending, 0);
  });

  it('keeps the earlier of two times, in whichever order they come', async () => {
    const { clock, queue, dueMs } = setUp();
    queue.addAfter(A, 100);
    queue.addAfter(A, 50);
    queue.addAfter(B, 70);
    queue.addAfter(B, 200);
    await clock.advance(1000);
    assert.deepEqual(dueMs, [50, 70]);
    assert.equal(queue.depth, 2);
  });

  it('makes a delayed key ready at once when it is added without delay', async () => {
    const { clock, queue, added } = setUp();
    queue.addAfter(A, 100);
    queue.add(A);
    assert.equal(queue.delayed, 0);
    assert.equal(queue.take(), A);
    queue.done(A);
    await clock.advance(1000);
    assert.deepEqual(added, [A]);
    assert.equal(queue.depth, 0);
  });

  it('takes no delay for a key that needs work already, because its run comes anyway', async () => {
    const { clock, queue } = setUp();
    queue.add(A);
    queue.addAfter(A, 100);
    assert.equal(queue.delayed, 0);
    queue.take();
    queue.add(A);
    queue.addAfter(A, 100);
    queue.done(A);
    assert.equal(queue.take(), A);
    queue.done(A);
    await clock.advance(1000);
    assert.equal(queue.depth, 0);
  });

  it('does not hand out a key that comes due while a worker holds it before that is done', async () => {
    const { clock, queue } = setUp();
    queue.add(A);
    queue.take();
    queue.addAfter(A, 10);
    await clock.advance(20);
    assert.equal(queue.take(), undefined);
    queue.done(A);
    assert.equal(queue.take(), A);
  });

  it('keeps the higher priority through the delay', async () => {
    const { clock, queue } = setUp();
    queue.addAfter(A, 10, 'fresh');
    queue.addAfter(A, 20, 'background');
    queue.addAfter(B, 5, 'background');
    queue.addAfter(C, 1000, 'fresh');
    queue.add(C, 'background');
    await clock.advance(10);
    assert.deepEqual([queue.take(), queue.take(), queue.take()], [C, A, B]);
  });

  it('lets a retry keep the priority of the run before, so that it does not overtake what was not tried', async () => {
    const { clock, queue } = setUp();
    queue.add(A, 'background');
    queue.take();
    queue.addAfter(A, 10);
    queue.done(A);
    queue.addAfter(B, 20);
    queue.add(C, 'background');
    await clock.advance(20);
    assert.deepEqual([queue.take(), queue.take(), queue.take()], [B, C, A]);
  });

  it('forgets the priority with the delay', async () => {
    const { clock, queue } = setUp();
    queue.addAfter(A, 10, 'fresh');
    await clock.advance(10);
    queue.take();
    queue.done(A);
    queue.addAfter(A, 10, 'background');
    queue.addAfter(B, 10, 'fresh');
    await clock.advance(10);
    assert.deepEqual([queue.take(), queue.take()], [B, A]);
  });

  it('forgets a delayed key', async () => {
    const { clock, queue, added } = setUp();
    queue.addAfter(A, 10);
    queue.forget(A);
    await clock.advance(100);
    assert.deepEqual(added, []);
    queue.addAfter(A, 10, 'background');
    queue.addAfter(B, 10, 'fresh');
    await clock.advance(10);
    assert.equal(queue.take(), B, 'the priority was forgotten too');
  });

  it('promotes delayed keys in the order of their times', () => {
    const { queue } = setUp();
    queue.addAfter(C, 300);
    queue.addAfter(A, 100);
    queue.addAfter(B, 200);
    assert.equal(
      queue.promoteNext((key) => key !== A),
      true,
    );
    assert.equal(queue.take(), B);
    assert.equal(
      queue.promoteAll(() => true),
      2,
    );
    assert.deepEqual([queue.take(), queue.take()], [A, C]);
    assert.equal(
      queue.promoteNext(() => true),
      false,
    );
  });

  it('drops what is delayed when it is shut down', async () => {
    const { clock, queue } = setUp();
    queue.addAfter(A, 10);
    queue.add(B);
    queue.shutDown();
    queue.addAfter(C, 10);
    assert.equal(queue.delayed, 0);
    assert.equal(clock.pending, 0);
    await clock.advance(100);
    assert.deepEqual([queue.take(), queue.take()], [B, undefined]);
  });

  it('makes many keys ready over several turns, each once', async () => {
    const { clock, queue } = setUp();
    for (let index = 0; index < 5000; index++) queue.addAfter(objectKey(`uid-${index}`), 100);
    await clock.advance(100);
    assert.equal(queue.depth, 5000);
    assert.equal(clock.pending, 0);
  });
});
