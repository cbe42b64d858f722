/**
 * Reads a reply as a FunctionResult: every known field must be as the wire contract says, unknown ones are left out and
 * named in a warning. A field that is null counts as absent. Numbers keep the text the function sent.
 */
import { parseDuration } from '../../protocol/duration.ts';
import {
  type FunctionResult,
  type Manifest,
  RESULT_API_VERSION,
  RESULT_KIND,
  type ResultCondition,
  type ResultError,
  type ResultEvent,
} from '../../protocol/result.ts';
import { foreignText } from '../lib/errors.ts';
import { parseExact } from '../lib/exact-json.ts';
import { BadField, Fields, flag, listOf, object, oneOf, type Read, text, textThat } from './fields.ts';
import { readCondition } from './read-condition.ts';
import { manifestIdentity, readManifest } from './read-manifest.ts';

/** Deeper replies are refused before they are parsed; what writes them out again recurses. */
const MAX_DEPTH = 200;
/** So many fields are named in warnings one by one. */
const MAX_WARNINGS = 10;
/** Limit of an Event's reason (events.k8s.io/v1). */
const MAX_EVENT_REASON = 128;

const duration = textThat((value) => parseDuration(value) !== undefined, 'a duration like 30s');
const eventReason = textThat(
  (value) => value !== '' && value.length <= MAX_EVENT_REASON,
  `a word of at most ${MAX_EVENT_REASON} characters`,
);

export interface ReadResult {
  /** Absent for replies that only say "done": nothing, `null` and `{}`. */
  readonly result?: FunctionResult;
  readonly warnings: readonly string[];
}

/** Throws BadField, or SyntaxError where the text is no JSON. */
export function readResult(reply: string): ReadResult {
  // A byte order mark is no whitespace to JSON, but some hosts write one.
  const json = reply.replace(/^\uFEFF/, '').trim();
  if (json === '') return { warnings: [] };
  if (isTooDeep(json)) throw new BadField('the reply', `is nested deeper than ${MAX_DEPTH} levels`);
  const value = parseExact(json);
  if (value === null) return { warnings: [] };
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new BadField('the reply', `must be empty or a JSON object with kind ${RESULT_KIND}`);
  }
  if (Object.keys(value).length === 0) return { warnings: [] };
  return readFields(new Fields(value, ''));
}

function readFields(fields: Fields): ReadResult {
  const ignored: string[] = [];
  const kind = fields.required('kind', oneOf(RESULT_KIND));
  const apiVersion = fields.optional('apiVersion', oneOf(RESULT_API_VERSION));
  const error = fields.optional('error', readError(ignored));
  const status = fields.optional('status', object);
  const conditions = fields.optional('conditions', readConditions(ignored));
  const apply = fields.optional('apply', readApply);
  const events = fields.optional('events', readEvents(ignored));
  const requeueAfter = fields.optional('requeueAfter', duration);
  const finalized = fields.optional('finalized', flag);
  ignored.unshift(...fields.unread());

  const warnings = unknownFields(ignored);
  if (error !== undefined && apply !== undefined) warnings.push('apply: ignored, because there is an error');
  const result: FunctionResult = {
    kind,
    ...(apiVersion !== undefined && { apiVersion }),
    ...(status !== undefined && { status }),
    ...(conditions !== undefined && { conditions }),
    ...(apply !== undefined && error === undefined && { apply }),
    ...(events !== undefined && { events }),
    ...(requeueAfter !== undefined && { requeueAfter }),
    ...(finalized !== undefined && { finalized }),
    ...(error !== undefined && { error }),
  };
  return { result, warnings };
}

function readError(ignored: string[]): Read<ResultError> {
  return (value, path) => {
    const fields = new Fields(value, path);
    const message = fields.required('message', text);
    const retryable = fields.optional('retryable', flag);
    const retryAfter = fields.optional('retryAfter', duration);
    ignored.push(...fields.unread());
    return {
      message,
      ...(retryable !== undefined && { retryable }),
      ...(retryAfter !== undefined && { retryAfter }),
    };
  };
}

function readConditions(ignored: string[]): Read<readonly ResultCondition[]> {
  return (value, path) => {
    const types = new Set<string>();
    return listOf((item, itemPath) => {
      const { condition, unread } = readCondition(item, itemPath);
      if (types.has(condition.type))
        throw new BadField(`${itemPath}.type`, 'stands in another condition too');
      types.add(condition.type);
      ignored.push(...unread);
      return condition;
    })(value, path);
  };
}

function readEvents(ignored: string[]): Read<readonly ResultEvent[]> {
  return listOf((value, path) => {
    const fields = new Fields(value, path);
    const event = {
      type: fields.required('type', oneOf('Normal', 'Warning')),
      reason: fields.required('reason', eventReason),
      message: fields.required('message', text),
    };
    ignored.push(...fields.unread());
    return event;
  });
}

const readApply: Read<readonly Manifest[]> = (value, path) => {
  const seen = new Set<string>();
  return listOf((item, itemPath) => {
    const manifest = readManifest(item, itemPath);
    const identity = manifestIdentity(manifest);
    if (seen.has(identity)) throw new BadField(itemPath, 'is the same object as an entry before it');
    seen.add(identity);
    return manifest;
  })(value, path);
};

function unknownFields(paths: readonly string[]): string[] {
  const warnings = paths
    .slice(0, MAX_WARNINGS)
    .map((path) => `${foreignText(path)}: ignored, a result has no such field`);
  if (paths.length > MAX_WARNINGS)
    warnings.push(`${paths.length - MAX_WARNINGS} more unknown fields: ignored`);
  return warnings;
}

function isTooDeep(json: string): boolean {
  let depth = 0;
  let inString = false;
  for (let index = 0; index < json.length; index++) {
    const char = json[index];
    if (inString) {
      if (char === '\\') index++;
      else if (char === '"') inString = false;
    } else if (char === '"') inString = true;
    else if (char === '{' || char === '[') {
      if (++depth > MAX_DEPTH) return true;
    } else if (char === '}' || char === ']') depth--;
  }
  return false;
}
