/**
 * Leaves out what other triggers own: a trigger takes fields by force from everybody but its siblings, since two
 * triggers that take one field from each other in turn would never come to rest.
 */
import { type FieldSet, itemElements } from '../lib/fields-v1.ts';
import type { SchemaNode } from '../model/kind-schema.ts';
import { declaredField, isPlainObject } from './declared-fields.ts';

/** Managers of triggers begin with one of these. */
const TRIGGER_MANAGERS = ['statewire/', 'statewire-cluster/'];

export function isTriggerManager(manager: string | undefined): boolean {
  return TRIGGER_MANAGERS.some((prefix) => manager?.startsWith(prefix) === true);
}

export interface Uncontested {
  /** undefined: nothing is left. */
  readonly value: unknown;
  /** Paths that were left out. */
  readonly contested: readonly string[];
}

/** @param theirs what the other triggers own at and beneath this value */
export function leaveOutContested(
  value: unknown,
  theirs: FieldSet | undefined,
  schema: SchemaNode | undefined,
  path: string,
): Uncontested {
  const contested: string[] = [];
  return { value: uncontestedPart(value, theirs, schema, path, contested), contested };
}

function uncontestedPart(
  value: unknown,
  theirs: FieldSet | undefined,
  schema: SchemaNode | undefined,
  path: string,
  contested: string[],
): unknown {
  if (theirs === undefined || theirs.isEmpty) return value;
  const granular = schema?.mapType !== 'atomic';
  if (isPlainObject(value) && granular) {
    const kept: [string, unknown][] = [];
    for (const [key, item] of Object.entries(value)) {
      const rest = uncontestedPart(
        item,
        theirs.child(`f:${key}`),
        fieldSchema(schema, key),
        `${path}.${key}`,
        contested,
      );
      if (rest !== undefined) kept.push([key, rest]);
    }
    return kept.length === 0 && Object.keys(value).length > 0 ? undefined : Object.fromEntries(kept);
  }
  if (Array.isArray(value) && theirs.hasChildren) {
    const elementOf = itemElements(theirs);
    const kept = value.filter((item) => {
      const element = elementOf(item);
      const free = theirs.child(element) === undefined || isSharedItem(item, theirs.child(element), element);
      if (!free) contested.push(`${path}[${itemName(item)}]`);
      return free;
    });
    return kept.length === 0 && value.length > 0 ? undefined : kept;
  }
  contested.push(path);
  return undefined;
}

/** Items of sets, and items of which they state the key fields only, may be stated by several. */
function isSharedItem(item: unknown, theirs: FieldSet | undefined, element: string): boolean {
  if (element.startsWith('v:')) return true;
  if (theirs === undefined || !isPlainObject(item)) return false;
  const keys: unknown = JSON.parse(element.slice(2));
  const isKey = (field: string): boolean => isPlainObject(keys) && Object.hasOwn(keys, field);
  return Object.keys(item).every((field) => isKey(field) || theirs.child(`f:${field}`) === undefined);
}

function itemName(item: unknown): string {
  const name = isPlainObject(item) ? (item['type'] ?? item['name'] ?? '') : '';
  return typeof name === 'string' ? name : '';
}

function fieldSchema(schema: SchemaNode | undefined, key: string): SchemaNode | undefined {
  const field = schema === undefined ? undefined : declaredField(schema, key);
  return field === true ? undefined : field;
}
