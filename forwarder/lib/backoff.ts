/** How long a key waits before its next attempt. */
import type { Random } from './random.ts';

export interface BackoffOptions {
  readonly initialMs: number;
  readonly maxMs: number;
}

/** Doubling more often than this only overflows. */
const MAX_DOUBLINGS = 60;

/**
 * The wait after failure number `attempt` (from 1): exponential up to `maxMs`, drawn between half of and the whole of
 * each step, so that keys which failed together do not come back together.
 */
export function backoffMs(attempt: number, { initialMs, maxMs }: BackoffOptions, random: Random): number {
  const doublings = Math.min(Math.max(0, attempt - 1), MAX_DOUBLINGS);
  const stepMs = Math.min(maxMs, initialMs * 2 ** doublings);
  return stepMs / 2 + random() * (stepMs / 2);
}
