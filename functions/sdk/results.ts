import { parseDuration } from '../../protocol/duration.ts';
import { RESULT_API_VERSION, RESULT_KIND } from '../../protocol/result.ts';

/** What makes an answer a FunctionResult. */
export interface Stamp {
  readonly apiVersion: typeof RESULT_API_VERSION;
  readonly kind: typeof RESULT_KIND;
}

const STAMP: Stamp = { apiVersion: RESULT_API_VERSION, kind: RESULT_KIND };

/** The step is done: `done()`, or `done({ status, conditions, apply, … })`. Literals stay what they are: a phase is no string. */
export function done<const Rest extends object>(rest?: Rest): Stamp & Rest {
  return { ...(rest as Rest), ...STAMP };
}

/**
 * The step is done, and the object is wanted again after a duration such as `30s`; `rest` as in `done`.
 *
 * Not needed to wait until somebody changes a child, as Kubernetes does when a Deployment becomes available: where its kind
 * is in `watch.owns`, that brings the object back by itself. What a result of this function wrote does not.
 */
export function requeue<const Rest extends object>(
  requeueAfter: string,
  rest?: Rest,
): Stamp & Rest & { readonly requeueAfter: string } {
  if (parseDuration(requeueAfter) === undefined) throw new TypeError(notADuration(requeueAfter));
  return { ...(rest as Rest), ...STAMP, requeueAfter };
}

/** What is wrong with a text that should be a duration. */
export function notADuration(text: string): string {
  return `${JSON.stringify(text)} is not a duration like 30s or 1m30s`;
}
