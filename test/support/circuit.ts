/** A circuit breaker, and what calls come to there. */
import assert from 'node:assert/strict';
import { objectKey } from '../../forwarder/model/kube-object.ts';
import type { Outcome } from '../../forwarder/model/outcome.ts';
import { CircuitBreaker, type CircuitChange } from '../../forwarder/target/gate/circuit-breaker.ts';

const warnings: readonly string[] = [];
export const SUCCESS: Outcome = { kind: 'success', warnings };
export const DELIVERY: Extract<Outcome, { readonly kind: 'retry' }> = {
  kind: 'retry',
  failure: { code: 'TARGET_FAILED', message: 'status 500' },
  warnings,
};
export const TIMEOUT: Outcome = {
  kind: 'retry',
  failure: { code: 'TARGET_TIMEOUT', message: 'no answer in 30s' },
  warnings,
};
export const REFUSED: Outcome = {
  kind: 'permanent',
  failure: { code: 'TARGET_REFUSED', message: 'status 400' },
  suspect: false,
  warnings,
};
export const SUSPECT: Outcome = {
  ...REFUSED,
  failure: { code: 'TARGET_NOT_FOUND', message: 'status 404' },
  suspect: true,
};
export const THROTTLED: Outcome = {
  kind: 'target_unavailable',
  failure: { code: 'TARGET_THROTTLED', message: 'status 429' },
  conclusive: false,
  warnings,
};
export const UNREACHABLE: Outcome = {
  kind: 'target_unavailable',
  failure: { code: 'TARGET_UNREACHABLE', message: 'connection refused' },
  conclusive: true,
  warnings,
};
export const STATED: Outcome = {
  kind: 'retry',
  failure: { code: 'FUNCTION_ERROR', message: 'quota exhausted' },
  result: { kind: 'FunctionResult', error: { message: 'quota exhausted' } },
  warnings: ['extra'],
};
export const STATED_PERMANENT: Outcome = {
  kind: 'permanent',
  failure: { code: 'FUNCTION_ERROR', message: 'bad spec' },
  suspect: false,
  result: { kind: 'FunctionResult', error: { message: 'bad spec', retryable: false } },
  warnings,
};

export const breaker = (): CircuitBreaker => new CircuitBreaker({ maxRetryAfterMs: 300_000 });

/** Finishes calls of the named objects, one after another, with one outcome; returns the last change. */
export function finish(
  circuit: CircuitBreaker,
  keys: string,
  outcome: Outcome,
  nowMs = 0,
  probe = false,
): CircuitChange {
  let change: CircuitChange | undefined;
  for (const key of keys) change = circuit.finish(nowMs, { key: objectKey(key), outcome, probe });
  return change ?? assert.fail('no calls');
}

/** Sends the probe that is due and finishes it. */
export function probe(circuit: CircuitBreaker, nowMs: number, key: string, outcome: Outcome): CircuitChange {
  assert.ok(circuit.allows(nowMs), `no probe is due at ${nowMs}`);
  assert.equal(circuit.enter(), true);
  return finish(circuit, key, outcome, nowMs, true);
}
