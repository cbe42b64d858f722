import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { postpone, settle } from '../../../forwarder/outcome/settle.ts';
import type { Decision, Outcome } from '../../../forwarder/model/outcome.ts';
import { FAILURE, permanent, retry, success, unavailable } from '../../support/outcomes.ts';

const DELIVERY = { maxAttempts: 10, backoff: { initialMs: 1000, maxMs: 300_000 } };

const forget = { kind: 'forget' } as const;

const backoff = (afterMs: number): Decision['queue'] => ({ kind: 'backoff', afterMs });

/** Random is 0 throughout: the shortest wait of each step, half of it. */
const ROWS: readonly {
  reason: string;
  outcome: Outcome;
  attempts?: number;
  targetFailures?: number;
  delivery?: typeof DELIVERY;
  /** What differs from: not handled, and no row of target failures. */
  expected: Omit<Decision, 'handled' | 'targetFailures'> & Partial<Decision>;
}[] = [
  {
    reason: 'a success is handled, and whatever failed before is forgotten',
    outcome: success(),
    attempts: 4,
    targetFailures: 2,
    expected: { queue: forget, handled: true, attempts: 0, label: 'success' },
  },
  {
    reason: 'a success may ask for one wake-up',
    outcome: success(30_000),
    expected: {
      queue: { kind: 'add_after', afterMs: 30_000 },
      handled: true,
      attempts: 0,
      label: 'requeue',
    },
  },
  {
    reason: 'a wake-up longer than any backoff is honoured as given',
    outcome: success(86_400_000),
    expected: {
      queue: { kind: 'add_after', afterMs: 86_400_000 },
      handled: true,
      attempts: 0,
      label: 'requeue',
    },
  },
  {
    reason: 'a wake-up at once still leaves a second, which names it',
    outcome: success(0),
    expected: {
      queue: { kind: 'add_after', afterMs: 1000 },
      handled: true,
      attempts: 0,
      label: 'requeue',
    },
  },
  {
    reason: 'a first failed delivery uses an attempt and waits the initial step',
    outcome: retry(),
    expected: { queue: backoff(500), attempts: 1, label: 'retry' },
  },
  {
    reason: 'each further failure doubles the step',
    outcome: retry(),
    attempts: 3,
    expected: { queue: backoff(4000), attempts: 4, label: 'retry' },
  },
  {
    reason: 'the step never exceeds backoff.max',
    outcome: retry(),
    attempts: 98,
    delivery: { ...DELIVERY, maxAttempts: 100 },
    expected: { queue: backoff(150_000), attempts: 99, label: 'retry' },
  },
  {
    reason: 'a failed delivery ends a row of target failures',
    outcome: retry(),
    targetFailures: 7,
    expected: { queue: backoff(500), attempts: 1, label: 'retry' },
  },
  {
    reason: 'the last attempt is the last',
    outcome: retry(),
    attempts: 9,
    expected: {
      queue: forget,
      attempts: 10,
      exhausted: FAILURE,
      label: 'retry',
    },
  },
  {
    reason: 'one attempt is none to repeat',
    outcome: retry(),
    delivery: { ...DELIVERY, maxAttempts: 1 },
    expected: {
      queue: forget,
      attempts: 1,
      exhausted: FAILURE,
      label: 'retry',
    },
  },
  {
    reason: 'fewer attempts allowed than were made, after an edit of the trigger, is the end too',
    outcome: retry(),
    attempts: 5,
    delivery: { ...DELIVERY, maxAttempts: 3 },
    expected: {
      queue: forget,
      attempts: 6,
      exhausted: FAILURE,
      label: 'retry',
    },
  },
  {
    reason: 'retryAfter takes the place of the backoff',
    outcome: retry({ retryAfterMs: 60_000 }),
    attempts: 5,
    expected: { queue: backoff(60_000), attempts: 6, label: 'retry' },
  },
  {
    reason: 'retryAfter is at least 1 s',
    outcome: retry({ retryAfterMs: 0 }),
    expected: { queue: backoff(1000), attempts: 1, label: 'retry' },
  },
  {
    reason: 'retryAfter is at most backoff.max',
    outcome: retry({ retryAfterMs: 3_600_000 }),
    expected: { queue: backoff(300_000), attempts: 1, label: 'retry' },
  },
  {
    reason: 'retryAfter is at least 1 s also where backoff.max is less',
    outcome: retry({ retryAfterMs: 5000 }),
    delivery: { maxAttempts: 10, backoff: { initialMs: 100, maxMs: 200 } },
    expected: { queue: backoff(1000), attempts: 1, label: 'retry' },
  },
  {
    reason: 'a permanent failure is the end at once, and an attempt',
    outcome: permanent(),
    attempts: 2,
    expected: {
      queue: forget,
      attempts: 3,
      exhausted: FAILURE,
      label: 'permanent',
    },
  },
  {
    reason: 'a suspect failure is permanent until the breaker says otherwise',
    outcome: permanent(true),
    expected: {
      queue: forget,
      attempts: 1,
      exhausted: FAILURE,
      label: 'permanent',
    },
  },
  {
    reason: 'a failure of the target uses no attempt and waits by its own count',
    outcome: unavailable(),
    attempts: 9,
    targetFailures: 2,
    expected: {
      queue: backoff(2000),
      attempts: 9,
      targetFailures: 3,
      label: 'target_unavailable',
    },
  },
  {
    reason: 'a failure of the target is never the end',
    outcome: unavailable({}, true),
    attempts: 9,
    targetFailures: 1_000_000,
    delivery: { ...DELIVERY, maxAttempts: 1 },
    expected: {
      queue: backoff(150_000),
      attempts: 9,
      targetFailures: 1_000_001,
      label: 'target_unavailable',
    },
  },
  {
    reason: 'after 429 and 503 the wait is never under 1 s',
    outcome: unavailable({ minWaitMs: 1000 }),
    expected: {
      queue: backoff(1000),
      attempts: 0,
      targetFailures: 1,
      label: 'target_unavailable',
    },
  },
  {
    reason: 'the shortest wait leaves a longer backoff alone',
    outcome: unavailable({ minWaitMs: 1000 }),
    targetFailures: 3,
    expected: {
      queue: backoff(4000),
      attempts: 0,
      targetFailures: 4,
      label: 'target_unavailable',
    },
  },
  {
    reason: 'Retry-After is honoured for target failures',
    outcome: unavailable({ minWaitMs: 1000, retryAfterMs: 20_000 }),
    expected: {
      queue: backoff(20_000),
      attempts: 0,
      targetFailures: 1,
      label: 'target_unavailable',
    },
  },
];

describe('settle', () => {
  for (const { reason, outcome, attempts = 0, targetFailures = 0, delivery = DELIVERY, expected } of ROWS) {
    it(reason, () => {
      const decision = settle(outcome, { attempts, targetFailures, delivery, random: () => 0 });
      assert.deepEqual(decision, { handled: false, targetFailures: 0, ...expected });
    });
  }

  it('does nothing but apply a result differently for what it says', () => {
    const result = { kind: 'FunctionResult', status: {} } as const;
    const input = { attempts: 0, targetFailures: 0, delivery: DELIVERY, random: () => 0 };
    for (const outcome of [success(), retry(), permanent(), unavailable()]) {
      assert.deepEqual(settle({ ...outcome, result }, input), settle(outcome, input));
    }
  });
});

describe('postpone', () => {
  const DONE: readonly Outcome[] = [permanent(), retry()];
  for (const outcome of DONE) {
    it(`keeps what would be given up (${outcome.kind}) pending, at the longest wait`, () => {
      const input = { attempts: 9, targetFailures: 0, delivery: DELIVERY, random: () => 1 };
      const decision = settle(outcome, input);
      assert.ok(decision.exhausted !== undefined);
      const { exhausted: _exhausted, ...rest } = decision;
      assert.deepEqual(postpone(decision, input), { ...rest, queue: backoff(300_000) });
      assert.deepEqual(postpone(decision, { ...input, random: () => 0 }).queue, backoff(150_000));
    });
  }
});
