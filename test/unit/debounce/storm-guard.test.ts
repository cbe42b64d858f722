import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { StormGuard } from '../../../forwarder/debounce/storm-guard.ts';
import { objectKey } from '../../../forwarder/model/kube-object.ts';

const A = objectKey('a');
const B = objectKey('b');

describe('StormGuard', () => {
  it('lets burst invocations go at once, then one every everyMs', () => {
    const guard = new StormGuard({ burst: 3, everyMs: 2000 });
    for (let call = 0; call < 3; call++) {
      assert.equal(guard.waitMs(A, 100), 0);
      guard.spend(A, 100);
    }
    assert.equal(guard.waitMs(A, 100), 2000);
    assert.equal(guard.waitMs(A, 2099), 1);
    assert.equal(guard.waitMs(A, 2100), 0);
    guard.spend(A, 2100);
    assert.equal(guard.waitMs(A, 2100), 2000);
  });

  it('leaves other keys alone', () => {
    const guard = new StormGuard({ burst: 1, everyMs: 1000 });
    guard.spend(A, 0);
    assert.equal(guard.waitMs(A, 0), 1000);
    assert.equal(guard.waitMs(B, 0), 0);
  });

  it('fills a bucket again while its key is quiet, never above burst', () => {
    const guard = new StormGuard({ burst: 2, everyMs: 1000 });
    guard.spend(A, 0);
    guard.spend(A, 0);
    const laterMs = 1_000_000;
    guard.spend(A, laterMs);
    guard.spend(A, laterMs);
    assert.equal(guard.waitMs(A, laterMs), 1000);
  });

  it('makes the wait grow by what is spent without a token', () => {
    const guard = new StormGuard({ burst: 1, everyMs: 1000 });
    for (let call = 0; call < 4; call++) guard.spend(A, 0);
    assert.equal(guard.waitMs(A, 0), 4000);
  });

  it('is told of each storm once: the next begins after the bucket was full', () => {
    const guard = new StormGuard({ burst: 1, everyMs: 1000 });
    guard.spend(A, 0);
    assert.deepEqual([guard.tell(A), guard.tell(A), guard.tell(B)], [true, false, true]);
    guard.spend(A, 500);
    assert.equal(guard.tell(A), false);
    guard.spend(A, 2000);
    assert.equal(guard.tell(A), true);
    guard.sweep(3000);
    assert.equal(guard.tell(A), true);
  });

  it('forgets full buckets when swept', () => {
    const guard = new StormGuard({ burst: 5, everyMs: 1000 });
    guard.spend(A, 0);
    guard.spend(B, 500);
    guard.sweep(999);
    assert.equal(guard.size, 2);
    guard.sweep(1000);
    assert.equal(guard.size, 1);
    guard.sweep(1500);
    assert.equal(guard.size, 0);
  });

  it('holds no more than the recently active keys without being swept by anybody', () => {
    const guard = new StormGuard({ burst: 30, everyMs: 2000 });
    let largest = 0;
    for (let index = 0; index < 100_000; index++) {
      guard.spend(objectKey(`uid-${index}`), index * 10);
      largest = Math.max(largest, guard.size);
    }
    assert.ok(largest <= 1024, `${largest} buckets, though only 200 were active`);
  });
});

describe('StormGuard, whatever the times of the calls', () => {
  it('lets at most burst + time / everyMs invocations go in any time, and the wait it names is enough', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10 }),
        fc.integer({ min: 1, max: 5000 }),
        // Eighths, whose sums are exact.
        fc.array(
          fc.integer({ min: 0, max: 24_000 }).map((eighths) => eighths / 8),
          { maxLength: 80, size: 'max' },
        ),
        (burst, everyMs, gapsMs) => {
          const guard = new StormGuard({ burst, everyMs });
          const spentMs: number[] = [];
          let nowMs = 0;
          for (const gapMs of gapsMs) {
            nowMs += gapMs;
            const waitMs = guard.waitMs(A, nowMs);
            assert.equal(guard.waitMs(A, nowMs + waitMs), 0);
            if (waitMs > 0) continue;
            guard.spend(A, nowMs);
            spentMs.push(nowMs);
          }
          for (const [from, fromMs] of spentMs.entries()) {
            for (const [to, toMs] of spentMs.entries()) {
              if (to < from) continue;
              assert.ok(to - from + 1 <= burst + (toMs - fromMs) / everyMs + 1e-6);
            }
          }
        },
      ),
    );
  });
});
