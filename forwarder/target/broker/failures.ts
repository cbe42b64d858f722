/** Failures that all brokers have in common. */
import { TargetError } from '../../lib/errors.ts';
import { describeConnectionError } from '../connection-failures.ts';

/**
 * No connection came about (`sent` false): nothing can be reached. Or it broke before the acknowledgement: the broker may
 * have the message.
 */
export function connectionFailure(where: string, error: unknown, sent: boolean): TargetError {
  if (error instanceof TargetError) return error;
  const why = describeConnectionError(error);
  return sent
    ? new TargetError('TARGET_ABORTED', `${where}: connection lost before the acknowledgement (${why})`, {
        blame: 'delivery',
      })
    : new TargetError('TARGET_UNREACHABLE', `cannot connect to ${where}: ${why}`, {
        blame: 'target',
        conclusive: true,
      });
}

/**
 * A message above the broker's limit. Permanent, unless the limit was not known when the data was made: then the next
 * call leaves out what it may.
 */
export function tooLarge(
  where: string,
  bytes: number,
  { limit, known }: { readonly limit: number | undefined; readonly known: boolean },
): TargetError {
  const of = limit === undefined ? 'more than it takes' : `it takes ${limit}`;
  const message = `${where}: data of ${bytes} bytes, ${of}`;
  return limit !== undefined && !known
    ? new TargetError('TARGET_TOO_LARGE', message, { blame: 'target' })
    : new TargetError('TARGET_TOO_LARGE', message, { blame: 'delivery', permanent: true });
}

/** The error and what caused it, outermost first. */
export function* causesOf(error: unknown): Generator<Error> {
  for (let at = error; at instanceof Error; at = at.cause) yield at;
}
