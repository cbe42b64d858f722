/** Outcomes of every kind, all with the same failure. */
import type { Failure, Outcome } from '../../forwarder/model/outcome.ts';

export const FAILURE: Failure = { code: 'TARGET_FAILED', message: 'status 500' };

export const success = (requeueAfterMs?: number): Outcome => ({
  kind: 'success',
  warnings: [],
  ...(requeueAfterMs !== undefined && { requeueAfterMs }),
});

export const retry = (failure: Partial<Failure> = {}): Outcome => ({
  kind: 'retry',
  failure: { ...FAILURE, ...failure },
  warnings: [],
});

export const permanent = (suspect = false): Outcome => ({
  kind: 'permanent',
  failure: FAILURE,
  suspect,
  warnings: [],
});

export const unavailable = (failure: Partial<Failure> = {}, conclusive = false): Outcome => ({
  kind: 'target_unavailable',
  failure: { ...FAILURE, ...failure },
  conclusive,
  warnings: [],
});
