/**
 * An account's calls in a region have one limit for all functions: where it is reached, every trigger that calls there
 * waits together, longer each time, instead of one after the other running into it.
 */
import type { Clock } from '../lib/clock.ts';
import { TargetError } from '../lib/errors.ts';

const FIRST_PAUSE_MS = 1000;
const MAX_PAUSE_MS = 20_000;
/** What the service asked for is heeded up to this. */
const MAX_ASKED_MS = 60_000;

interface Throttle {
  /** How often in a row. */
  times: number;
  untilMs: number;
}

export class LambdaThrottles {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #throttles = new Map<string, Throttle>();

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  /** Throws TargetError TARGET_THROTTLED (target) while calls to that account and region wait. */
  check(key: string, where: string): void {
    const leftMs = (this.#throttles.get(key)?.untilMs ?? 0) - this.#clock.monotonic();
    if (leftMs <= 0) return;
    throw new TargetError(
      'TARGET_THROTTLED',
      `${where}: waits with all functions of its account and region, for which AWS asked for fewer calls`,
      { blame: 'target', retryAfterMs: Math.ceil(leftMs) },
    );
  }

  /** A call was throttled; several that were under way together count once. */
  throttled(key: string, askedMs = 0): void {
    const nowMs = this.#clock.monotonic();
    const throttle = this.#throttles.get(key) ?? { times: 0, untilMs: 0 };
    this.#throttles.set(key, throttle);
    if (nowMs >= throttle.untilMs) throttle.times += 1;
    const ownMs = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (throttle.times - 1));
    const pauseMs = Math.max(ownMs, Math.min(MAX_ASKED_MS, askedMs));
    throttle.untilMs = Math.max(throttle.untilMs, nowMs + pauseMs);
  }

  /** A call came through. */
  passed(key: string): void {
    const throttle = this.#throttles.get(key);
    if (throttle !== undefined && this.#clock.monotonic() >= throttle.untilMs) this.#throttles.delete(key);
  }
}

/** What one function has of its own is no concern of the others. */
const OF_ONE_FUNCTION: ReadonlySet<string> = new Set([
  'ReservedFunctionConcurrentInvocationLimitExceeded',
  'ReservedFunctionInvocationRateLimitExceeded',
]);

/** Whether a throttle is about the whole account, as its `Reason` says; one that says nothing is taken for that. */
export function isOfAccount(thrown: unknown): boolean {
  const { Reason: reason } = thrown as { readonly Reason?: unknown };
  return typeof reason !== 'string' || !OF_ONE_FUNCTION.has(reason);
}
