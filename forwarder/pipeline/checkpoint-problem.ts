/** What can be wrong with a checkpoint: the `CheckpointHealthy` condition. */
import { CheckpointFencedError } from '../checkpoint/fenced-error.ts';
import { ApiError } from '../lib/errors.ts';

/** There was a checkpoint, and there is none. */
export const LOST: CheckpointProblem = {
  reason: 'Lost',
  message: 'there is none any more; every object is sent as created',
};

export interface CheckpointProblem {
  readonly reason: 'Damaged' | 'Lost' | 'Unavailable' | 'Forbidden' | 'ResourceNotFound' | 'TakenOver';
  readonly message: string;
}

/** Set where trying again soon changes nothing: another process has it, no rights, or the kind is not installed. */
export function refusalOf(error: unknown): 'TakenOver' | 'Forbidden' | 'ResourceNotFound' | undefined {
  if (error instanceof CheckpointFencedError) return 'TakenOver';
  if (!(error instanceof ApiError)) return undefined;
  if (error.code === 'API_FORBIDDEN') return 'Forbidden';
  return error.code === 'API_NOT_FOUND' ? 'ResourceNotFound' : undefined;
}

/** @param unread what could not be read, one line each */
export function damageOf(unread: readonly string[]): CheckpointProblem | undefined {
  const [first] = unread;
  if (first === undefined) return undefined;
  const more = unread.length > 1 ? ` and ${unread.length - 1} more` : '';
  const message = `cannot be read in full; what it does not prove handled is sent again: ${first}${more}`;
  return { reason: 'Damaged', message };
}
