/**
 * Leaves out what a kind's schema does not declare: under server-side apply the API server answers such a field with
 * a 500 for the whole request, where any other write would just drop it.
 */
import { isRawNumber } from '../lib/exact-json.ts';
import type { SchemaNode } from '../model/kind-schema.ts';

export interface Declared<T> {
  readonly value: T;
  /** Paths that were left out, such as `status.items[].extra`; each once. */
  readonly dropped: readonly string[];
}

/** A copy of a value with the declared fields only. Without a schema everything stays. */
export function leaveOutUndeclared(
  value: unknown,
  schema: SchemaNode | undefined,
  path: string,
): Declared<unknown> {
  const dropped = new Set<string>();
  return { value: declaredPart(value, schema, path, dropped), dropped: [...dropped] };
}

function declaredPart(
  value: unknown,
  node: SchemaNode | undefined,
  path: string,
  dropped: Set<string>,
): unknown {
  if (node === undefined) return value;
  if (Array.isArray(value)) return value.map((item) => declaredPart(item, node.items, `${path}[]`, dropped));
  if (!isPlainObject(value)) return value;
  const kept: [string, unknown][] = [];
  for (const [key, item] of Object.entries(value)) {
    const field = declaredField(node, key);
    if (field === undefined) dropped.add(`${path}.${key}`);
    else kept.push([key, field === true ? item : declaredPart(item, field, `${path}.${key}`, dropped)]);
  }
  return Object.fromEntries(kept);
}

/** The schema of a field; `true` where anything goes, undefined where the field is not declared. */
export function declaredField(node: SchemaNode, key: string): SchemaNode | true | undefined {
  if (node.properties !== undefined && Object.hasOwn(node.properties, key)) return node.properties[key];
  if (typeof node.additionalProperties === 'object') return node.additionalProperties;
  if (node.additionalProperties === true || node.preserveUnknownFields === true) return true;
  // A node without a type takes any JSON (built-in kinds have such fields).
  return node.type === undefined && node.properties === undefined ? true : undefined;
}

export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawNumber(value);
}
