/**
 * Turns what a target returned or threw into an Outcome: one value that says what happened, for whoever decides.
 *
 * Whose failure an answer is, is known where it is made (target/); this only reads it off.
 */
import { parseDuration } from '../../protocol/duration.ts';
import type { ResultError } from '../../protocol/result.ts';
import { foreignText, TargetError } from '../lib/errors.ts';
import type { Failure, Outcome, Statement } from '../model/outcome.ts';
import type { Reply } from '../model/target.ts';
import type { DeliverySpec } from '../model/trigger.ts';
import { BadField } from './fields.ts';
import { type ReadResult, readResult } from './read-result.ts';

/** The code of a failure that the function stated itself, in `error`. */
const FUNCTION_ERROR = 'FUNCTION_ERROR';

export function classify(reply: Reply | TargetError, delivery: Pick<DeliverySpec, 'reply'>): Outcome {
  if (reply instanceof TargetError) return classifyError(reply);
  if (reply.kind !== 'body' || delivery.reply === 'Ignore') return { kind: 'success', warnings: [] };
  let read: ReadResult;
  try {
    read = readResult(reply.text);
  } catch (error) {
    return { kind: 'retry', failure: { code: 'TARGET_BAD_REPLY', message: badReply(error) }, warnings: [] };
  }
  return classifyResult(read);
}

function classifyError(error: TargetError): Outcome {
  const failure: Failure = {
    code: error.code,
    message: error.message,
    ...(error.retryAfterMs !== undefined && { retryAfterMs: error.retryAfterMs }),
    ...(error.minWaitMs > 0 && { minWaitMs: error.minWaitMs }),
  };
  const { suspect, conclusive } = error;
  if (error.blame === 'target') return { kind: 'target_unavailable', failure, conclusive, warnings: [] };
  if (error.permanent || suspect) return { kind: 'permanent', failure, suspect, warnings: [] };
  return { kind: 'retry', failure, warnings: [] };
}

function classifyResult({ result, warnings }: ReadResult): Outcome {
  if (result === undefined) return { kind: 'success', warnings };
  const statement: Statement = { result, warnings };
  if (result.error !== undefined) return classifyStatedError(result.error, statement);
  const requeueAfterMs = parseOptional(result.requeueAfter);
  return { kind: 'success', ...statement, ...(requeueAfterMs !== undefined && { requeueAfterMs }) };
}

function classifyStatedError(error: ResultError, statement: Statement): Outcome {
  const message = foreignText(error.message) || 'the function named no reason';
  if (error.retryable === false) {
    return { kind: 'permanent', failure: { code: FUNCTION_ERROR, message }, suspect: false, ...statement };
  }
  const retryAfterMs = parseOptional(error.retryAfter);
  const failure = { code: FUNCTION_ERROR, message, ...(retryAfterMs !== undefined && { retryAfterMs }) };
  return { kind: 'retry', failure, ...statement };
}

function badReply(error: unknown): string {
  // The parser's own message quotes the reply, which may hold anything.
  return error instanceof BadField ? error.message : 'the reply is not JSON';
}

function parseOptional(duration: string | undefined): number | undefined {
  return duration === undefined ? undefined : parseDuration(duration);
}
