import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { backoffMs } from '../../../forwarder/lib/backoff.ts';

const ALMOST_ONE = 1 - Number.EPSILON;

describe('backoffMs', () => {
  const ROWS: readonly {
    reason: string;
    attempt: number;
    initialMs: number;
    maxMs: number;
    stepMs: number;
  }[] = [
    { reason: 'begins with the initial step', attempt: 1, initialMs: 1000, maxMs: 300_000, stepMs: 1000 },
    { reason: 'doubles with each attempt', attempt: 4, initialMs: 1000, maxMs: 300_000, stepMs: 8000 },
    { reason: 'stops at the maximum', attempt: 10, initialMs: 1000, maxMs: 300_000, stepMs: 300_000 },
    { reason: 'does not overflow', attempt: 100_000, initialMs: 1000, maxMs: 300_000, stepMs: 300_000 },
    {
      reason: 'stays at 0 where the initial step is 0',
      attempt: 5000,
      initialMs: 0,
      maxMs: 300_000,
      stepMs: 0,
    },
    {
      reason: 'takes a maximum below the initial step',
      attempt: 1,
      initialMs: 1000,
      maxMs: 300,
      stepMs: 300,
    },
  ];
  for (const { reason, stepMs, attempt, ...options } of ROWS) {
    it(reason, () => {
      assert.equal(
        backoffMs(attempt, options, () => 0),
        stepMs / 2,
      );
      assert.ok(Math.abs(backoffMs(attempt, options, () => ALMOST_ONE) - stepMs) < 1e-6);
    });
  }

  it('waits between half of and the whole of each step, and no step is shorter than the one before', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 0, max: 100_000 }),
        fc.integer({ min: 0, max: 10_000_000 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (attempt, initialMs, maxMs, random) => {
          const options = { initialMs, maxMs };
          const stepMs = 2 * backoffMs(attempt, options, () => 0);
          const waitMs = backoffMs(attempt, options, () => random);
          assert.ok(waitMs >= stepMs / 2 && waitMs <= stepMs);
          assert.ok(2 * backoffMs(attempt + 1, options, () => 0) >= stepMs);
        },
      ),
    );
  });
});
