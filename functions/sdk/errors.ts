import { parseDuration } from '../../protocol/duration.ts';
import type { ResultError } from '../../protocol/result.ts';
import { messageOf, oneLine } from './one-line.ts';
import { notADuration } from './results.ts';

/** An error that says how it wants to be treated. */
export class FunctionError extends Error {
  override readonly name = 'FunctionError';
  readonly outcome: ResultError;

  constructor(outcome: ResultError, options?: ErrorOptions) {
    super(outcome.message, options);
    this.outcome = outcome;
  }
}

/**
 * To be thrown: the step could not be done now and is wanted again after a duration such as `30s`, which the forwarder
 * honours between 1 s and the trigger's `backoff.max`. It counts as an attempt.
 */
export function retryAfter(duration: string, cause?: unknown): FunctionError {
  if (parseDuration(duration) === undefined) throw new TypeError(notADuration(duration));
  const message = cause === undefined ? `asked to be called again after ${duration}` : messageOf(cause);
  return new FunctionError({ message, retryable: true, retryAfter: duration }, { cause });
}

/** To be thrown: no attempt at this state can succeed. The object waits for its next state, or for a replay. */
export function permanent(message: string, cause?: unknown): FunctionError {
  return new FunctionError({ message: oneLine(message), retryable: false }, { cause });
}

/** How a thrown value is answered: as it says itself, else retryable with its message. */
export function errorOf(thrown: unknown): ResultError {
  return isFunctionError(thrown) ? thrown.outcome : { message: messageOf(thrown), retryable: true };
}

/** By name rather than by class: a bundle may hold two copies of this package. */
export function isFunctionError(thrown: unknown): thrown is FunctionError {
  return thrown instanceof Error && thrown.name === 'FunctionError' && 'outcome' in thrown;
}
