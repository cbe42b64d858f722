/** Checks an object against a structural schema. CEL rules and formats are not looked at. */
import { equalJson } from '../../forwarder/lib/equal-json.ts';
import { isRawNumber } from '../../forwarder/lib/exact-json.ts';
import { fieldOf, isObject, itemOf } from './json.ts';
import { fieldSchema, type Schema } from './schema.ts';

export interface FieldCause {
  readonly reason: string;
  readonly message: string;
  readonly field: string;
}

const patterns = new WeakMap<Schema, RegExp>();

/**
 * What is wrong with a value, field by field; nothing where it is right.
 * @param known one that is right: parts that both share are not looked at
 */
export function invalidFields(value: unknown, schema: Schema, known?: unknown): FieldCause[] {
  const causes: FieldCause[] = [];
  check(value, schema, known, '', causes);
  return causes;
}

function check(value: unknown, schema: Schema, known: unknown, path: string, causes: FieldCause[]): void {
  if (value === known && known !== undefined) return;
  const field = path === '' ? '<nil>' : path;
  const wrong = (why: string, reason = 'FieldValueInvalid'): void => {
    causes.push({ reason, message: `Invalid value: ${shown(value)}: ${why}`, field });
  };
  if (value === null && schema.nullable === true) return;
  const type = typeOf(value);
  if (!hasType(value, type, schema)) {
    const message = `Invalid value: "${type}": ${path} in body must be of type ${schema.type}: "${type}"`;
    causes.push({ reason: 'FieldValueTypeInvalid', message, field });
  }
  if (schema.enum !== undefined && !schema.enum.some((one) => equalJson(one, value))) {
    const message = `Unsupported value: ${shown(value)}: supported values: ${schema.enum.map((one) => JSON.stringify(one)).join(', ')}`;
    causes.push({ reason: 'FieldValueNotSupported', message, field });
  }
  if (typeof value === 'string') {
    const { pattern, minLength, maxLength } = schema;
    if (minLength !== undefined && lengthOf(value) < minLength)
      wrong(`${path} in body should be at least ${minLength} chars long`);
    if (maxLength !== undefined && lengthOf(value) > maxLength)
      wrong(`may not be more than ${maxLength} bytes`, 'FieldValueTooLong');
    if (pattern !== undefined && !matches(value, pattern, schema))
      wrong(`${path} in body should match '${pattern}'`);
  } else if (type === 'integer' || type === 'number') {
    const number = Number(isRawNumber(value) ? value.rawJSON : value);
    const { minimum = -Infinity, maximum = Infinity } = schema;
    if (number < minimum) wrong(`${path} in body should be greater than or equal to ${minimum}`);
    if (number > maximum) wrong(`${path} in body should be less than or equal to ${maximum}`);
  } else if (Array.isArray(value)) {
    checkList(value, schema, known, { path, field, wrong, causes });
  } else if (isObject(value)) {
    for (const name of schema.required ?? []) {
      if (fieldOf(value, name) === undefined) {
        causes.push({
          reason: 'FieldValueRequired',
          message: 'Required value',
          field: path === '' ? name : `${path}.${name}`,
        });
      }
    }
    for (const key of Object.keys(value)) {
      const beneath = fieldSchema(schema, key);
      // metadata has rules of its own.
      if (beneath === undefined || (path === '' && key === 'metadata')) continue;
      check(value[key], beneath, fieldOf(known, key), path === '' ? key : `${path}.${key}`, causes);
    }
  }
}

function lengthOf(text: string): number {
  return Array.from(text).length;
}

function matches(text: string, pattern: string, schema: Schema): boolean {
  const compiled = patterns.get(schema) ?? new RegExp(pattern, 'u');
  patterns.set(schema, compiled);
  return compiled.test(text);
}

function checkList(
  list: readonly unknown[],
  schema: Schema,
  known: unknown,
  {
    path,
    field,
    wrong,
    causes,
  }: {
    readonly path: string;
    readonly field: string;
    readonly wrong: (why: string, reason?: string) => void;
    readonly causes: FieldCause[];
  },
): void {
  const { items, minItems = 0, maxItems = Infinity } = schema;
  if (list.length < minItems) wrong(`${path} in body should have at least ${minItems} items`);
  if (list.length > maxItems) wrong(`must have at most ${maxItems} items`, 'FieldValueTooMany');
  if (schema['x-kubernetes-list-type'] === 'map') {
    const names = schema['x-kubernetes-list-map-keys'] ?? [];
    const seen = new Set<string>();
    list.forEach((item, index) => {
      const key = JSON.stringify(names.map((name) => fieldOf(item, name) as unknown));
      if (seen.has(key)) {
        const message = `Duplicate value: ${JSON.stringify(Object.fromEntries(names.map((name) => [name, fieldOf(item, name)])))}`;
        causes.push({ reason: 'FieldValueDuplicate', message, field: `${field}[${index}]` });
      }
      seen.add(key);
    });
  }
  if (items === undefined) return;
  list.forEach((item, index) => check(item, items, itemOf(known, index), `${path}[${index}]`, causes));
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  if (isRawNumber(value)) return /^-?\d+$/.test(value.rawJSON) ? 'integer' : 'number';
  return typeof value;
}

function hasType(value: unknown, type: string, schema: Schema): boolean {
  if (schema['x-kubernetes-int-or-string'] === true) return type === 'integer' || type === 'string';
  if (schema.type === undefined) return true;
  return schema.type === type || (schema.type === 'number' && type === 'integer');
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'null';
  return isObject(value) || Array.isArray(value) ? text.slice(0, 100) : text;
}
