/**
 * Checks a value against the schema of a CRD, as the API server would, and fills in defaults. Knows the keywords that
 * our CRDs use and refuses others, so that a rule in a CRD is never silently left out here.
 */
import { foreignText } from '../lib/errors.ts';
import { isRawNumber } from '../lib/exact-json.ts';
import type { Schema } from './schema.ts';
import { childPath, problem, type TriggerProblem, type TriggerProblemReason } from './trigger-problem.ts';

/** What a CEL rule of the CRD says, in TypeScript; found by the rule's message. */
export interface RuleCheck {
  /** `value` is valid but for rules, with defaults filled in. */
  readonly holds: (value: never) => boolean;
  readonly reason?: TriggerProblemReason;
  /** Where the rule's own path cannot say it. */
  readonly field?: string;
}

export interface SchemaOptions {
  readonly rules: Readonly<Record<string, RuleCheck>>;
  /** Fields that the schema does not know: an API server prunes them, a file has nobody who would. */
  readonly unknownFields: 'refuse' | 'ignore';
}

type Fields = Readonly<Record<string, unknown>>;

/** Returns the value with defaults; problems are collected, and the value is of no use where there are any. */
export function readBySchema(
  schema: Schema,
  value: unknown,
  path: string,
  options: SchemaOptions,
  problems: TriggerProblem[],
): unknown {
  const before = problems.length;
  const fail = (text: string, field = path, reason: TriggerProblemReason = 'Invalid'): void => {
    problems.push(problem(field, reason, text));
  };
  const read = readers[schema.type](schema, value, { path, options, problems, fail });
  if (problems.length > before) return undefined;
  for (const { message, fieldPath } of schema['x-kubernetes-validations'] ?? []) {
    const check = options.rules[message];
    if (check === undefined) throw new Error(`no check for the rule "${message}" of the schema`);
    if (!check.holds(read as never)) fail(message, check.field ?? path + (fieldPath ?? ''), check.reason);
  }
  return read;
}

interface Place {
  readonly path: string;
  readonly options: SchemaOptions;
  readonly problems: TriggerProblem[];
  readonly fail: (text: string, field?: string, reason?: TriggerProblemReason) => void;
}

type Reader = (schema: Schema, value: unknown, place: Place) => unknown;

const readers: Readonly<Record<Schema['type'], Reader>> = {
  object: readObject,
  array: readArray,
  string: readString,
  integer: readInteger,
  boolean(_schema, value, { fail }) {
    if (typeof value !== 'boolean') fail(`must be true or false, not ${show(value)}`);
    return value;
  },
};

function readObject(schema: Schema, value: unknown, { path, options, problems, fail }: Place): unknown {
  if (!isFields(value)) return fail(`must be an object, not ${show(value)}`);
  const { properties, additionalProperties: others } = schema;
  if (properties === undefined && others === undefined) return value;
  const size = Object.keys(value).length;
  if (schema.maxProperties !== undefined && size > schema.maxProperties) {
    fail(`must have at most ${schema.maxProperties} ${plural(schema.maxProperties, 'entry', 'entries')}`);
  }
  if (schema.minProperties !== undefined && size < schema.minProperties) {
    fail(`must have at least ${schema.minProperties} ${plural(schema.minProperties, 'entry', 'entries')}`);
  }
  const read: Record<string, unknown> = {};
  for (const [name, property] of Object.entries(properties ?? {})) {
    const given = Object.hasOwn(value, name) ? (value[name] ?? property.default) : property.default;
    if (given !== undefined) {
      read[name] = readBySchema(property, given, childPath(path, name), options, problems);
    } else if (schema.required?.includes(name) === true) {
      fail('is required', childPath(path, name), 'Required');
    }
  }
  for (const [name, entry] of Object.entries(value)) {
    if (properties !== undefined && Object.hasOwn(properties, name)) continue;
    if (others !== undefined) {
      read[name] = readBySchema(others, entry, childPath(path, name), options, problems);
    } else if (options.unknownFields === 'refuse') {
      fail('unknown field', childPath(path, name), 'UnknownField');
    }
  }
  return read;
}

function readArray(schema: Schema, value: unknown, { path, options, problems, fail }: Place): unknown {
  if (!Array.isArray(value)) return fail(`must be a list, not ${show(value)}`);
  const { items, minItems = 0, maxItems = Infinity } = schema;
  if (value.length < minItems) fail(`must have at least ${minItems} ${plural(minItems, 'entry', 'entries')}`);
  if (value.length > maxItems) return fail(`must have at most ${maxItems} entries`);
  const before = problems.length;
  const read = value.map((item: unknown, index) =>
    items === undefined ? item : readBySchema(items, item, `${path}[${index}]`, options, problems),
  );
  if (problems.length > before) return undefined;
  const seen = new Set<string>();
  const keys = schema['x-kubernetes-list-map-keys'];
  for (const [index, item] of read.entries()) {
    if (schema['x-kubernetes-list-type'] === 'atomic') break;
    const identity = JSON.stringify(keys === undefined ? item : keys.map((key) => (item as Fields)[key]));
    if (seen.has(identity)) fail(`stands there twice: ${foreignText(identity)}`, `${path}[${index}]`);
    seen.add(identity);
  }
  return read;
}

function readString(schema: Schema, value: unknown, { fail }: Place): unknown {
  if (typeof value !== 'string') return fail(`must be a text, not ${show(value)}`);
  const { minLength = 0, maxLength = Infinity, pattern } = schema;
  // The API server counts code points.
  const length = value.length > maxLength ? Array.from(value).length : value.length;
  if (length > maxLength) fail(`must be at most ${maxLength} characters long`);
  else if (value.length < minLength) fail('must not be empty');
  else if (schema.enum?.includes(value) === false) {
    fail(`must be ${list(schema.enum)}, not ${show(value)}`);
  } else if (pattern !== undefined && !compiled(pattern).test(value)) {
    // Only what cannot hold a secret is repeated; the query of a path can.
    const words = PATTERNS_IN_WORDS[pattern];
    fail(words === undefined ? `does not match ${pattern}` : `${show(value)} ${words}`);
  }
  return value;
}

function readInteger(schema: Schema, value: unknown, { fail }: Place): unknown {
  const number = isRawNumber(value) ? Number(value.rawJSON) : value;
  if (typeof number !== 'number' || !Number.isInteger(number)) {
    return fail(`must be a whole number, not ${show(value)}`);
  }
  const { minimum = -Infinity, maximum = Infinity } = schema;
  if (number < minimum) fail(`must be at least ${minimum}, not ${number}`);
  if (number > maximum) fail(`must be at most ${maximum}, not ${number}`);
  return number;
}

const patterns = new Map<string, RegExp>();

function compiled(pattern: string): RegExp {
  const known = patterns.get(pattern) ?? new RegExp(pattern);
  patterns.set(pattern, known);
  return known;
}

const PATTERNS_IN_WORDS: Readonly<Record<string, string>> = {
  '^([0-9]{1,5}(h|m|s|ms)){1,4}$': 'is no duration like 100ms, 30s or 1h30m',
};

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value as far as it helps its author; never the whole of something long. */
function show(value: unknown): string {
  if (typeof value === 'string') return `"${foreignText(value.slice(0, 80))}"`;
  if (Array.isArray(value)) return 'a list';
  if (isRawNumber(value)) return value.rawJSON;
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}

function list(words: readonly string[]): string {
  return words.length < 2 ? (words[0] ?? '') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

function plural(count: number, one: string, many: string): string {
  return count === 1 ? one : many;
}
