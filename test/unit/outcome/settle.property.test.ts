import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { settle } from '../../../forwarder/outcome/settle.ts';
import { FAILURE, retry, unavailable } from '../../support/outcomes.ts';

describe('settle, whatever the outcomes', () => {
  const failure = fc
    .record({
      retryAfterMs: fc.option(fc.nat(10_000_000), { nil: undefined }),
      minWaitMs: fc.constantFrom(0, 1000),
    })
    .map(({ retryAfterMs, minWaitMs }) => ({
      minWaitMs,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    }));
  const failed = fc.oneof(
    failure.map((details) => retry(details)),
    failure.map((details) => unavailable(details)),
  );
  const options = fc.record({
    maxAttempts: fc.integer({ min: 1, max: 20 }),
    backoff: fc.record({
      initialMs: fc.integer({ min: 0, max: 5000 }),
      maxMs: fc.integer({ min: 5000, max: 600_000 }),
    }),
  });
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

  it('makes exactly maxAttempts attempts, however many target failures come in between', () => {
    fc.assert(
      fc.property(
        fc.array(failed, { maxLength: 100, size: 'max' }),
        options,
        random,
        (outcomes, delivery, drawn) => {
          let state = { attempts: 0, targetFailures: 0 };
          let made = 0;
          for (const outcome of outcomes) {
            const decision = settle(outcome, { ...state, delivery, random: () => drawn });
            if (outcome.kind === 'retry') made++;
            assert.equal(decision.exhausted !== undefined, made === delivery.maxAttempts);
            assert.equal(decision.queue.kind === 'forget', decision.exhausted !== undefined);
            assert.equal(decision.handled, false);
            if (decision.exhausted !== undefined) return;
            state = decision;
            assert.equal(state.attempts, made);
          }
        },
      ),
    );
  });

  it('never waits longer than backoff.max, nor less than half the initial step or what the target asks for', () => {
    fc.assert(
      fc.property(failed, fc.nat(18), options, random, (outcome, before, limits, drawn) => {
        const delivery = { ...limits, maxAttempts: 100 };
        const { queue } = settle(outcome, {
          attempts: before,
          targetFailures: before,
          delivery,
          random: () => drawn,
        });
        assert.equal(queue.kind, 'backoff');
        const afterMs = queue.kind === 'backoff' ? queue.afterMs : NaN;
        assert.ok(afterMs <= delivery.backoff.maxMs);
        const { retryAfterMs, minWaitMs = 0 } = outcome.kind === 'success' ? FAILURE : outcome.failure;
        const least =
          retryAfterMs === undefined
            ? delivery.backoff.initialMs / 2
            : Math.max(1000, Math.min(retryAfterMs, delivery.backoff.maxMs));
        assert.ok(afterMs >= Math.max(least, minWaitMs), `${afterMs} < ${least}`);
      }),
    );
  });
});
