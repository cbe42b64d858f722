import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { Debouncer } from '../../../forwarder/debounce/debouncer.ts';
import { objectKey, type ObjectKey } from '../../../forwarder/model/kube-object.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const A = objectKey('a');
const B = objectKey('b');

function setUp({ quietMs = 100, maxWaitMs = 250 } = {}): {
  clock: ManualClock;
  debouncer: Debouncer;
  released: [key: ObjectKey, atMs: number][];
} {
  const clock = new ManualClock(0);
  const released: [ObjectKey, number][] = [];
  const release = (key: ObjectKey): void => void released.push([key, clock.monotonic()]);
  return { clock, released, debouncer: new Debouncer({ clock, quietMs, maxWaitMs, release }) };
}

describe('Debouncer', () => {
  it('releases a key once it has been quiet for quietMs', async () => {
    const { clock, debouncer, released } = setUp();
    debouncer.add(A);
    await clock.advance(60);
    debouncer.add(A);
    assert.ok(debouncer.has(A));
    await clock.advance(99);
    assert.deepEqual(released, []);
    await clock.advance(1);
    assert.deepEqual(released, [[A, 160]]);
    assert.equal(debouncer.size, 0);
    assert.equal(clock.pending, 0);
  });

  it('releases a key after maxWaitMs even if it never falls quiet', async () => {
    const { clock, debouncer, released } = setUp();
    for (let change = 0; change < 10; change++) {
      debouncer.add(A);
      await clock.advance(50);
    }
    assert.deepEqual(released, [
      [A, 250],
      [A, 500],
    ]);
  });

  it('releases within add where quiet is 0', () => {
    const { clock, debouncer, released } = setUp({ quietMs: 0 });
    debouncer.add(A);
    assert.deepEqual(released, [[A, 0]]);
    assert.equal(clock.pending, 0);
  });

  it('releases an immediate key within add, also one that waits, and only once', async () => {
    const { clock, debouncer, released } = setUp();
    debouncer.add(A);
    debouncer.add(A, { immediate: true });
    debouncer.add(B, { immediate: true });
    assert.deepEqual(released, [
      [A, 0],
      [B, 0],
    ]);
    await clock.advance(1000);
    assert.equal(released.length, 2);
  });

  it('begins a new longest wait with the first change after a release', async () => {
    const { clock, debouncer, released } = setUp();
    debouncer.add(A);
    await clock.advance(100);
    await clock.advance(140);
    debouncer.add(A);
    await clock.advance(100);
    assert.deepEqual(released, [
      [A, 100],
      [A, 340],
    ]);
  });

  it('keeps each key to its own time with one timer for all', async () => {
    const { clock, debouncer, released } = setUp();
    debouncer.add(A);
    await clock.advance(30);
    debouncer.add(B);
    assert.equal(clock.pending, 1);
    await clock.advance(200);
    assert.deepEqual(released, [
      [A, 100],
      [B, 130],
    ]);
  });

  it('takes a key again that is added while it is released', async () => {
    const clock = new ManualClock(0);
    const releasedMs: number[] = [];
    const debouncer: Debouncer = new Debouncer({
      clock,
      quietMs: 10,
      maxWaitMs: 20,
      release: (key) => {
        releasedMs.push(clock.monotonic());
        if (releasedMs.length < 3) debouncer.add(key);
      },
    });
    debouncer.add(A);
    await clock.advance(100);
    assert.deepEqual(releasedMs, [10, 20, 30]);
  });

  it('drops what is forgotten, and everything when it stops', async () => {
    const { clock, debouncer, released } = setUp();
    debouncer.add(A);
    debouncer.add(B);
    debouncer.forget(A);
    assert.ok(!debouncer.has(A));
    assert.equal(debouncer.size, 1);
    debouncer.stop();
    debouncer.add(A);
    debouncer.add(A, { immediate: true });
    assert.equal(debouncer.size, 0);
    assert.equal(clock.pending, 0);
    await clock.advance(1000);
    assert.deepEqual(released, []);
  });

  it('spreads many due keys over turns of the event loop, none lost and none late', async () => {
    const { clock, debouncer, released } = setUp();
    for (let index = 0; index < 10_000; index++) debouncer.add(objectKey(`uid-${index}`));
    await clock.advance(100);
    assert.equal(new Set(released.map(([key]) => key)).size, 10_000);
    assert.equal(released.length, 10_000);
    assert.equal(clock.pending, 0);
  });
});

describe('Debouncer, whatever the order of calls', () => {
  /** Times between changes of a few keys; immediate and forget now and then. */
  const steps = fc.array(
    fc.record({
      key: fc.constantFrom('a', 'b', 'c'),
      action: fc.constantFrom('add', 'add', 'add', 'add', 'immediate', 'forget'),
      thenMs: fc.integer({ min: 0, max: 120 }),
    }),
    { maxLength: 60, size: 'max' },
  );

  it('releases exactly at min(last change + quiet, first change + maxWait)', async () => {
    await fc.assert(
      fc.asyncProperty(
        steps,
        fc.integer({ min: 0, max: 100 }),
        fc.integer({ min: 0, max: 150 }),
        async (history, quietMs, extraMs) => {
          const maxWaitMs = quietMs + extraMs;
          const { clock, debouncer, released } = setUp({ quietMs, maxWaitMs });
          const expected: [string, number][] = [];
          const waiting = new Map<string, { firstMs: number; lastMs: number }>();
          const dueMs = (key: string): number => {
            const window = waiting.get(key);
            if (window === undefined) return Infinity;
            return Math.min(window.lastMs + quietMs, window.firstMs + maxWaitMs);
          };
          const releaseUpTo = (nowMs: number): void => {
            for (const key of waiting.keys()) {
              if (dueMs(key) > nowMs) continue;
              expected.push([key, dueMs(key)]);
              waiting.delete(key);
            }
          };
          for (const { key, action, thenMs } of history) {
            const nowMs = clock.monotonic();
            if (action === 'forget') {
              debouncer.forget(objectKey(key));
              waiting.delete(key);
            } else {
              debouncer.add(objectKey(key), { immediate: action === 'immediate' });
              const firstMs = waiting.get(key)?.firstMs ?? nowMs;
              waiting.set(
                key,
                action === 'immediate' ? { firstMs: -Infinity, lastMs: nowMs } : { firstMs, lastMs: nowMs },
              );
              if (action === 'immediate') {
                waiting.delete(key);
                expected.push([key, nowMs]);
              }
              releaseUpTo(nowMs);
            }
            await clock.advance(thenMs);
            releaseUpTo(clock.monotonic());
          }
          await clock.advance(maxWaitMs);
          releaseUpTo(clock.monotonic());
          const inOrder = (list: readonly (readonly [string, number])[]): string[] =>
            list.map(([key, atMs]) => `${String(atMs).padStart(8)} ${key}`).toSorted();
          assert.deepEqual(inOrder(released), inOrder(expected));
          assert.equal(debouncer.size, 0);
          assert.equal(clock.pending, 0);
        },
      ),
      { numRuns: 60 },
    );
  });
});
