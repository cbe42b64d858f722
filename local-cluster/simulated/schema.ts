/** Structural schemas, as CRDs write them, and what the API server does by them: pruning, defaults, list and map types. */
import { cloneJson, fieldOf, isObject, itemOf, type Json, setField } from './json.ts';

export interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly default?: unknown;
  readonly nullable?: boolean;
  readonly required?: readonly string[];
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-embedded-resource'?: boolean;
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-map-type'?: 'atomic' | 'granular';
}

/** Any value: of undeclared fields that are kept. */
export const ANYTHING: Schema = { 'x-kubernetes-preserve-unknown-fields': true };

const STRINGS: Schema = { type: 'object', additionalProperties: { type: 'string' } };

/** `metadata` as every kind has it. */
const METADATA: Schema = {
  type: 'object',
  properties: {
    name: { type: 'string' },
    generateName: { type: 'string' },
    namespace: { type: 'string' },
    uid: { type: 'string' },
    resourceVersion: { type: 'string' },
    generation: { type: 'integer' },
    creationTimestamp: { type: 'string' },
    deletionTimestamp: { type: 'string' },
    deletionGracePeriodSeconds: { type: 'integer' },
    selfLink: { type: 'string' },
    labels: STRINGS,
    annotations: STRINGS,
    finalizers: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
    ownerReferences: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['uid'],
      items: {
        type: 'object',
        'x-kubernetes-map-type': 'atomic',
        properties: {
          apiVersion: { type: 'string' },
          kind: { type: 'string' },
          name: { type: 'string' },
          uid: { type: 'string' },
          controller: { type: 'boolean' },
          blockOwnerDeletion: { type: 'boolean' },
        },
      },
    },
    managedFields: { type: 'array', items: ANYTHING, 'x-kubernetes-list-type': 'atomic' },
  },
};

/** A kind's schema with what every object has. */
export function objectSchema(schema: Schema): Schema {
  return {
    ...schema,
    type: 'object',
    properties: {
      ...schema.properties,
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: METADATA,
    },
  };
}

/** The schema of a field; undefined where it is not declared. */
export function fieldSchema(schema: Schema | undefined, key: string): Schema | undefined {
  if (schema === undefined) return ANYTHING;
  const declared = fieldOf(schema.properties, key) as Schema | undefined;
  if (declared !== undefined) return declared;
  if (isObject(schema.additionalProperties)) return schema.additionalProperties;
  const open =
    schema.additionalProperties === true || schema['x-kubernetes-preserve-unknown-fields'] === true;
  return open ? ANYTHING : undefined;
}

/** Whether a field is declared by name, not only allowed. */
export function isNamed(schema: Schema | undefined, key: string): boolean {
  return schema?.properties !== undefined && Object.hasOwn(schema.properties, key);
}

/**
 * The value without fields that the schema does not declare. The same value where there are none.
 * @param known one without such fields: parts that both share are not looked at
 */
export function prune(value: unknown, schema: Schema, known?: unknown): unknown {
  if (value === known) return value;
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items === undefined) return value;
    const pruned = value.map((item, index) => prune(item, items, itemOf(known, index)));
    return pruned.every((item, index) => item === value[index]) ? value : pruned;
  }
  if (!isObject(value)) return value;
  let changed = false;
  const kept: Json = {};
  for (const key of Object.keys(value)) {
    const beneath = fieldSchema(schema, key);
    if (beneath === undefined) {
      changed = true;
      continue;
    }
    const item = prune(value[key], beneath, fieldOf(known, key));
    changed ||= item !== value[key];
    setField(kept, key, item);
  }
  return changed ? kept : value;
}

/**
 * The value with the schema's defaults; nulls that may not be null take them too. The same value where none apply.
 * @param known one that has them: parts that both share are not looked at
 */
export function withDefaults(value: unknown, schema: Schema, known?: unknown): unknown {
  if (value === known) return value;
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items === undefined) return value;
    const filled = value.map((item, index) => withDefaults(item, items, itemOf(known, index)));
    return filled.every((item, index) => item === value[index]) ? value : filled;
  }
  if (!isObject(value)) return value;
  let filled = value;
  for (const [key, beneath] of Object.entries(schema.properties ?? {})) {
    const present = fieldOf(value, key);
    const missing = present === undefined || (present === null && beneath.nullable !== true);
    if (missing && beneath.default === undefined) continue;
    const item = withDefaults(missing ? cloneJson(beneath.default) : present, beneath, fieldOf(known, key));
    if (item === present) continue;
    if (filled === value) filled = { ...value };
    setField(filled, key, item);
  }
  if (isObject(schema.additionalProperties)) {
    for (const key of Object.keys(value)) {
      if (isNamed(schema, key)) continue;
      const item = withDefaults(value[key], schema.additionalProperties, fieldOf(known, key));
      if (item === value[key]) continue;
      if (filled === value) filled = { ...value };
      setField(filled, key, item);
    }
  }
  return filled;
}
