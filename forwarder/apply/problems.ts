/** How refusals read to people: one line, the same for the same problem. */
import { type ApiError, foreignText } from '../lib/errors.ts';
import type { ApplyProblem } from './apply-task.ts';

/** Paths named in one message. */
const MAX_PATHS = 10;

export function pathsProblem(
  reason: 'FieldNotDeclared' | 'FieldConflict',
  prefix: string,
  paths: readonly string[],
): ApplyProblem {
  const named = paths.toSorted().slice(0, MAX_PATHS).join(', ');
  const more = paths.length > MAX_PATHS ? ` and ${paths.length - MAX_PATHS} more` : '';
  return { reason, message: foreignText(`${prefix}: ${named}${more}`) };
}

/** @param what what was refused: `status`, `Deployment.apps/v1 "web"` */
export function refusal(what: string, error: ApiError): ApplyProblem {
  return { reason: refusalReason(error), message: foreignText(`${what}: ${error.message}`) };
}

function refusalReason(error: ApiError): ApplyProblem['reason'] {
  // Our own reference is well-formed: what is wrong with the list is a second controller. (The text that says so may be
  // cut off, since the server puts the whole list before it.)
  if (error.causes.some(({ field }) => field === 'metadata.ownerReferences')) return 'ChildNotOwned';
  if (error.code === 'API_FORBIDDEN') return 'Forbidden';
  return error.code === 'API_NOT_FOUND' ? 'NotFound' : 'Invalid';
}
