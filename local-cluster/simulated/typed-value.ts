/**
 * What server-side apply does with values by their schema: which fields a value states, what differs between two, one
 * merged into another, fields taken out. After sigs.k8s.io/structured-merge-diff.
 */
import { equalJson } from '../../forwarder/lib/equal-json.ts';
import { isRawNumber } from '../../forwarder/lib/exact-json.ts';
import { FieldSet, keyElement, valueElement } from './field-set.ts';
import { fieldOf, isObject, type Json, setField } from './json.ts';
import { fieldSchema, isNamed, type Schema } from './schema.ts';

/** The value does not fit the schema; the message names the field. */
export class TypedValueError extends Error {}

/** Throws TypedValueError where a value has fields that the schema does not declare, or a wrong type. */
export function checkTyped(value: unknown, schema: Schema, path: string = ''): void {
  if (value === null || value === undefined) return;
  const { type } = schema;
  if (Array.isArray(value)) {
    if (type !== undefined && type !== 'array') throw wrongType(path, type, value);
    if (schema.items === undefined) return;
    const elements = elementsOf(value, schema, path);
    value.forEach((item, index) =>
      checkTyped(item, schema.items as Schema, `${path}[${elements?.[index]?.slice(2) ?? index}]`),
    );
  } else if (isObject(value)) {
    if (type !== undefined && type !== 'object') throw wrongType(path, type, value);
    for (const key of Object.keys(value)) {
      const beneath = fieldSchema(schema, key);
      if (beneath === undefined) throw new TypedValueError(`${path}.${key}: field not declared in schema`);
      checkTyped(value[key], beneath, `${path}.${key}`);
    }
  } else if (type !== undefined && schema['x-kubernetes-int-or-string'] !== true && !fits(value, type)) {
    throw wrongType(path, type, value);
  }
}

function fits(value: unknown, type: string): boolean {
  switch (type) {
    case 'integer':
    case 'number':
      return typeof value === 'number' || isRawNumber(value);
    default:
      return typeof value === type;
  }
}

function wrongType(path: string, type: string, value: unknown): TypedValueError {
  const expected: Readonly<Record<string, string>> = {
    integer: 'numeric (int or float)',
    number: 'numeric (int or float)',
    object: 'map',
    array: 'list',
  };
  const got = Array.isArray(value) ? 'list' : typeof value;
  return new TypedValueError(`${path}: expected ${expected[type] ?? type}, got ${got}`);
}

function isAtomic(schema: Schema, value: unknown): boolean {
  if (Array.isArray(value)) {
    const listType = schema['x-kubernetes-list-type'];
    return listType !== 'map' && listType !== 'set';
  }
  return schema['x-kubernetes-map-type'] === 'atomic';
}

/** The elements that name a list's items; undefined for an atomic one. Throws TypedValueError for missing keys. */
function elementsOf(list: readonly unknown[], schema: Schema, path: string): string[] | undefined {
  if (isAtomic(schema, list)) return undefined;
  if (schema['x-kubernetes-list-type'] === 'set') return list.map((item) => valueElement(item));
  const names = schema['x-kubernetes-list-map-keys'] ?? [];
  return list.map((item, index) => {
    const keys: Json = {};
    for (const name of names) {
      const key = fieldOf(item, name) ?? schema.items?.properties?.[name]?.default;
      if (key !== undefined) keys[name] = key;
    }
    if (Object.keys(keys).length === 0) {
      throw new TypedValueError(
        `${path}: element ${index}: associative list with keys has an element that omits all keys`,
      );
    }
    return keyElement(keys);
  });
}

/** Every field beneath a value that it states, each list item and map entry with it. */
export function statedFields(value: unknown, schema: Schema): FieldSet {
  const set = new FieldSet();
  if (Array.isArray(value) && !isAtomic(schema, value)) {
    (elementsOf(value, schema, '') ?? []).forEach((element, index) => {
      const child = statedFields(value[index], schema.items ?? {});
      child.member = true;
      set.children.set(element, child);
    });
  } else if (isObject(value) && !isAtomic(schema, value)) {
    for (const key of Object.keys(value)) {
      const item: unknown = value[key];
      const child = statedFields(item, fieldSchema(schema, key) ?? {});
      if (item === null || (isObject(item) && Object.keys(item).length === 0) || !isNamed(schema, key)) {
        child.member = true;
      }
      set.put(`f:${key}`, child);
    }
  } else {
    set.member = true;
  }
  return set;
}

export interface Comparison {
  /** Fields that came or got another value. */
  readonly changed: FieldSet;
  readonly removed: FieldSet;
}

const NO_DIFFERENCE: Comparison = { changed: new FieldSet(), removed: new FieldSet() };
/** Null beside a list or map stands for an empty one. */
const NO_ITEMS: ReadonlyMap<string, unknown> = new Map();

/** What differs between two values. */
export function compareTyped(before: unknown, after: unknown, schema: Schema): Comparison {
  if (before === after) return NO_DIFFERENCE;
  const changed = new FieldSet();
  const removed = new FieldSet();
  const compare = (element: string, was: unknown, is: unknown): void => {
    if (was === is) return;
    const part = compareTyped(was, is, schemaAt(schema, element));
    changed.put(element, part.changed);
    removed.put(element, part.removed);
  };
  if (isObject(before) && isObject(after) && !isAtomic(schema, after)) {
    for (const key of Object.keys(before))
      if (before[key] !== after[key]) compare(`f:${key}`, before[key], fieldOf(after, key));
    for (const key of Object.keys(after))
      if (!Object.hasOwn(before, key)) compare(`f:${key}`, undefined, after[key]);
    return { changed, removed };
  }
  const oldItems = before === null && after !== undefined ? NO_ITEMS : itemsOf(before, schema);
  const newItems = after === null && before !== undefined ? NO_ITEMS : itemsOf(after, schema);
  const isScalar =
    (before !== undefined && oldItems === undefined) || (after !== undefined && newItems === undefined);
  if (isScalar || (oldItems?.size ?? 0) + (newItems?.size ?? 0) === 0) {
    if (after === undefined) removed.member = true;
    else if (!equalJson(before, after)) changed.member = true;
    return { changed, removed };
  }
  if (before === undefined) changed.member = true;
  if (after === undefined) removed.member = true;
  for (const [element, was] of oldItems ?? NO_ITEMS) compare(element, was, newItems?.get(element));
  for (const [element, is] of newItems ?? NO_ITEMS)
    if (oldItems?.has(element) !== true) compare(element, undefined, is);
  return { changed, removed };
}

/** The fields or items of a value by their elements; undefined for scalars and what is atomic. */
function itemsOf(value: unknown, schema: Schema): ReadonlyMap<string, unknown> | undefined {
  if (Array.isArray(value)) {
    const elements = elementsOf(value, schema, '');
    return elements && new Map(elements.map((element, index) => [element, value[index] as unknown]));
  }
  if (!isObject(value) || isAtomic(schema, value)) return undefined;
  return new Map(Object.keys(value).map((key) => [`f:${key}`, value[key] as unknown]));
}

function schemaAt(schema: Schema, element: string): Schema {
  return element.startsWith('f:') ? (fieldSchema(schema, element.slice(2)) ?? {}) : (schema.items ?? {});
}

/** A value merged into another, which stays as it is; what nothing changes in is the same. */
export function mergeTyped(live: unknown, stated: unknown, schema: Schema): unknown {
  if (isObject(stated) && isObject(live) && !isAtomic(schema, stated)) {
    let merged = live;
    for (const key of Object.keys(stated)) {
      const item = mergeTyped(fieldOf(live, key), stated[key], fieldSchema(schema, key) ?? {});
      if (item === fieldOf(live, key)) continue;
      if (merged === live) merged = { ...live };
      setField(merged, key, item);
    }
    return merged;
  }
  if (!Array.isArray(stated) || !Array.isArray(live) || isAtomic(schema, stated)) return stated;
  return mergeLists(live, stated, schema);
}

/** What is stated keeps its order; what only the live list has stays where it stood between the items of both. */
function mergeLists(
  live: readonly unknown[],
  stated: readonly unknown[],
  schema: Schema,
): readonly unknown[] {
  const left = elementsOf(live, schema, '') as string[];
  const right = elementsOf(stated, schema, '') as string[];
  const ours = new Map(left.map((element, index) => [element, live[index]]));
  const theirs = new Map(right.map((element, index) => [element, stated[index]]));
  const shared = right.filter((element) => ours.has(element));
  const taken = new Set<string>();
  const merged: unknown[] = [];
  const take = (element: string): void => {
    taken.add(element);
    const item = theirs.get(element);
    merged.push(ours.has(element) ? mergeTyped(ours.get(element), item, schema.items ?? {}) : item);
    if (shared[0] === element) shared.shift();
  };
  let at = 0;
  let to = 0;
  while (at < left.length || to < right.length) {
    const mine = left[at];
    const wanted = right[to];
    if (mine !== undefined && mine === wanted) {
      take(mine);
      at++;
      to++;
    } else if (
      mine !== undefined &&
      wanted !== undefined &&
      theirs.has(mine) &&
      shared.length > 0 &&
      shared[0] !== mine
    ) {
      at++;
    } else if (mine !== undefined && !theirs.has(mine)) {
      merged.push(live[at++]);
    } else {
      if (mine !== undefined && taken.has(mine)) at++;
      if (wanted !== undefined) {
        take(wanted);
        to++;
      }
    }
  }
  const isSame = merged.length === live.length && merged.every((item, index) => item === live[index]);
  return isSame ? live : merged;
}

/** A value without the members of a set and all that is in them; null where nothing is left of a list or map. */
function removeItems(value: unknown, gone: FieldSet, schema: Schema): unknown {
  const items = itemsOf(value, schema);
  if (items === undefined || items.size === 0) return null;
  const left: [string, unknown][] = [];
  for (const [element, item] of items) {
    const beneath = gone.children.get(element);
    if (beneath?.member === true) continue;
    left.push([
      element,
      beneath === undefined ? item : removeItems(item, beneath, schemaAt(schema, element)),
    ]);
  }
  if (left.length === 0) return null;
  if (Array.isArray(value)) return left.map(([, item]) => item);
  const object: Json = {};
  for (const [element, item] of left) setField(object, element.slice(2), item);
  return object;
}

/** The set in which a field that the schema names is a member too where something beneath it is. */
function withNamedParents(set: FieldSet, schema: Schema): FieldSet {
  const result = new FieldSet();
  result.member = set.member;
  for (const [element, child] of set.children) {
    const copy = withNamedParents(child, schemaAt(schema, element));
    const isField = element.startsWith('f:') && isNamed(schema, element.slice(2));
    copy.member ||= isField && child.children.size > 0;
    result.children.set(element, copy);
  }
  return result;
}

/**
 * A merged value without what a manager stated before (`last`), and nobody states now (`managed`); what is beneath it
 * and belongs to nobody goes with it, what was in no statement stays.
 */
export function pruneUnstated(merged: unknown, last: FieldSet, managed: FieldSet, schema: Schema): unknown {
  if (last.difference(managed).isEmpty) return merged;
  const before = withNamedParents(last, schema);
  const now = withNamedParents(managed, schema);
  if (before.difference(now).isEmpty) return merged;
  const all = (value: unknown): FieldSet => withNamedParents(statedFields(value, schema), schema);
  const mergedSet = all(merged);
  const first = removeItems(merged, before, schema);
  const second = removeItems(merged, mergedSet.difference(all(first).union(now)), schema);
  const gone = mergedSet.difference(all(second)).intersection(before);
  return gone.isEmpty ? merged : removeItems(merged, gone, schema);
}
