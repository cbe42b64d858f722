/**
 * Decides what is done about an outcome. All retry policy is here, and nothing but values goes in or out, so the whole
 * behaviour under failure is one table.
 *
 * Whether a failure is the target's rather than the delivery's has been said before: by the target, or by the circuit
 * breaker when three different objects in a row had it.
 */
import { backoffMs } from '../lib/backoff.ts';
import type { Random } from '../lib/random.ts';
import type { Decision, Failure, Outcome } from '../model/outcome.ts';
import type { DeliverySpec } from '../model/trigger.ts';

/** However a function asks, not faster than this: an event's id names a wake-up by its second. */
const MIN_REQUEUE_MS = 1000;
/** Retry-After and `retryAfter` below this are taken for this. */
const MIN_RETRY_AFTER_MS = 1000;

export interface SettleInput {
  /** Failed attempts of this state before this call. */
  readonly attempts: number;
  /** Target failures of this state before this call, since its last other outcome. */
  readonly targetFailures: number;
  readonly delivery: Pick<DeliverySpec, 'maxAttempts' | 'backoff'>;
  readonly random: Random;
  /** Set where the object stays until this call has succeeded: how often the function has said `finalized: false`. */
  readonly unfinished?: number;
}

export function settle(outcome: Outcome, input: SettleInput): Decision {
  const { attempts, targetFailures, delivery } = input;
  switch (outcome.kind) {
    case 'success': {
      const { unfinished } = input;
      if (unfinished !== undefined && outcome.result?.finalized === false)
        return notFinalized(outcome.requeueAfterMs, unfinished + 1, input);
      const handled = { handled: true, attempts: 0, targetFailures: 0 };
      const { requeueAfterMs } = outcome;
      if (requeueAfterMs === undefined) return { ...handled, queue: { kind: 'forget' }, label: 'success' };
      const afterMs = Math.max(MIN_REQUEUE_MS, requeueAfterMs);
      return { ...handled, queue: { kind: 'add_after', afterMs }, label: 'requeue' };
    }
    case 'retry': {
      const failed = { handled: false, attempts: attempts + 1, targetFailures: 0, label: outcome.kind };
      return failed.attempts >= delivery.maxAttempts
        ? { ...failed, queue: { kind: 'forget' }, exhausted: outcome.failure }
        : { ...failed, queue: { kind: 'backoff', afterMs: waitMs(failed.attempts, outcome.failure, input) } };
    }
    case 'permanent':
      return {
        queue: { kind: 'forget' },
        handled: false,
        attempts: attempts + 1,
        targetFailures: 0,
        exhausted: outcome.failure,
        label: outcome.kind,
      };
    case 'target_unavailable':
      return {
        queue: { kind: 'backoff', afterMs: waitMs(targetFailures + 1, outcome.failure, input) },
        handled: false,
        attempts,
        targetFailures: targetFailures + 1,
        label: outcome.kind,
      };
    default:
      return outcome satisfies never;
  }
}

/** What is done instead of giving up where that cannot be written down: the object waits its longest and is tried again. */
export function postpone(
  decision: Decision,
  { delivery, random }: Pick<SettleInput, 'delivery' | 'random'>,
): Decision {
  const { exhausted: _exhausted, ...rest } = decision;
  return { ...rest, queue: { kind: 'backoff', afterMs: backoffMs(Infinity, delivery.backoff, random) } };
}

/** The function works, and is not done: it is called again without using up attempts. */
function notFinalized(
  requeueAfterMs: number | undefined,
  unfinished: number,
  { delivery, random }: SettleInput,
): Decision {
  const afterMs =
    requeueAfterMs === undefined
      ? backoffMs(unfinished, delivery.backoff, random)
      : Math.max(MIN_REQUEUE_MS, requeueAfterMs);
  const queue = { kind: 'backoff', afterMs } as const;
  return { queue, handled: false, attempts: 0, targetFailures: 0, unfinished, label: 'requeue' };
}

function waitMs(failures: number, failure: Failure, { delivery, random }: SettleInput): number {
  const { retryAfterMs, minWaitMs = 0 } = failure;
  const wantedMs =
    retryAfterMs === undefined
      ? backoffMs(failures, delivery.backoff, random)
      : Math.max(MIN_RETRY_AFTER_MS, Math.min(delivery.backoff.maxMs, retryAfterMs));
  return Math.max(wantedMs, minWaitMs);
}
