import { safeParse } from 'zod/v4/core';
import * as z from 'zod/mini';
import { DURATION_PATTERN } from '../../protocol/duration.ts';
import { RESULT_API_VERSION, RESULT_KIND, type FunctionResult } from '../../protocol/result.ts';
import type { CustomResource } from './custom-resource.ts';
import { describeIssues } from './describe-issues.ts';
import { looseStatus } from './read-object.ts';

/** A handler returned what is no result. A mistake of the function: retried like any error it throws. */
class InvalidResult extends Error {
  override readonly name = 'InvalidResult';
}

/** The forwarder reads no more of a reply. */
const MAX_RESULT_BYTES = 1024 * 1024;

const text = z.string().check(z.minLength(1));
const duration = z.string().check(z.regex(DURATION_PATTERN, 'expected a duration like 30s or 1m30s'));

/** Strict where the forwarder is lenient: a misspelt field would be ignored there, here it is found by the first test. */
const schema = z.strictObject({
  apiVersion: z.optional(z.literal(RESULT_API_VERSION)),
  kind: z.optional(z.literal(RESULT_KIND)),
  status: z.optional(z.record(z.string(), z.unknown())),
  conditions: z.optional(
    z.array(
      z.strictObject({
        type: text,
        status: z.enum(['True', 'False', 'Unknown']),
        // The pattern of metav1.Condition.
        reason: z
          .string()
          .check(z.regex(/^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/, 'expected a word in CamelCase')),
        message: z.optional(z.string()),
      }),
    ),
  ),
  apply: z.optional(
    z.array(z.looseObject({ apiVersion: text, kind: text, metadata: z.looseObject({ name: text }) })),
  ),
  events: z.optional(
    z.array(z.strictObject({ type: z.enum(['Normal', 'Warning']), reason: text, message: text })),
  ),
  requeueAfter: z.optional(duration),
  finalized: z.optional(z.boolean()),
  error: z.optional(
    z.strictObject({ message: text, retryable: z.optional(z.boolean()), retryAfter: z.optional(duration) }),
  ),
});

/**
 * A handler's answer as it leaves: checked, stamped, and what JSON makes of it. Nothing returned is an empty result.
 *
 * `status` is checked against the schema of the kind and sent as it is. Throws InvalidResult.
 */
export function readResult(returned: unknown, resource: CustomResource): FunctionResult {
  if (returned === undefined || returned === null)
    return { apiVersion: RESULT_API_VERSION, kind: RESULT_KIND };
  const json = asJson(returned);
  const checked = z.safeParse(schema, json);
  if (!checked.success) throw invalid(describeIssues(checked.error.issues));
  const result = json as FunctionResult;
  if (result.error !== undefined && result.apply !== undefined) {
    throw invalid('apply: not beside error, nothing would be applied');
  }
  const statusSchema = looseStatus(resource);
  if (result.status !== undefined && statusSchema !== undefined) {
    const status = safeParse(statusSchema, result.status);
    if (!status.success) throw invalid(describeIssues(status.error.issues, 'status'));
  }
  const stamped: FunctionResult = { ...result, apiVersion: RESULT_API_VERSION, kind: RESULT_KIND };
  const bytes = Buffer.byteLength(JSON.stringify(stamped));
  if (bytes > MAX_RESULT_BYTES)
    throw invalid(`${bytes} bytes, more than the ${MAX_RESULT_BYTES} that are read`);
  return stamped;
}

function asJson(returned: unknown): unknown {
  try {
    return JSON.parse(JSON.stringify(returned)) as unknown;
  } catch (cause) {
    throw invalid('not JSON', cause);
  }
}

function invalid(problem: string, cause?: unknown): InvalidResult {
  return new InvalidResult(`the handler returned an invalid result: ${problem}`, { cause });
}
