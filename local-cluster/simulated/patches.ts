/** Merge patch (RFC 7386), JSON patch (RFC 6902), and what of strategic merge patch clients rely on. */
import { equalJson } from '../../forwarder/lib/equal-json.ts';
import { cloneJson, fieldOf, isObject, type Json, type Loose, setField } from './json.ts';
import { fieldSchema, type Schema } from './schema.ts';
import { StatusError } from './status-error.ts';

export const PATCH_TYPES = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
} as const;

/** The patched value; neither argument changes, and what nothing changes in is the same. */
export function mergePatch(value: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  let merged: Json = isObject(value) ? value : {};
  for (const key of Object.keys(patch)) {
    const was = fieldOf(merged, key) as unknown;
    const item = patch[key] === null ? undefined : mergePatch(was, patch[key]);
    if (item === was) continue;
    if (merged === value) merged = { ...merged };
    if (item === undefined) delete merged[key];
    else setField(merged, key, item);
  }
  return merged;
}

/** Merge patch that merges lists of objects by their keys. `$patch: delete` takes an item away; other directives are left out. */
export function strategicMergePatch(value: unknown, patch: unknown, schema: Schema): unknown {
  if (Array.isArray(patch) && Array.isArray(value) && schema['x-kubernetes-list-type'] === 'map') {
    const names = schema['x-kubernetes-list-map-keys']?.slice(0, 1) ?? [];
    const items: unknown[] = [...value];
    for (const item of patch as unknown[]) {
      const at = items.findIndex((one) =>
        names.every((name) => equalJson(fieldOf(one, name), fieldOf(item, name))),
      );
      if (fieldOf(item, '$patch') === 'delete') {
        if (at >= 0) items.splice(at, 1);
      } else if (at < 0) items.push(item);
      else items[at] = strategicMergePatch(items[at], item, schema.items ?? {});
    }
    return items;
  }
  if (!isObject(patch)) return patch;
  const merged: Json = isObject(value) ? { ...value } : {};
  for (const key of Object.keys(patch)) {
    if (key.startsWith('$')) continue;
    if (patch[key] === null) delete merged[key];
    else {
      setField(
        merged,
        key,
        strategicMergePatch(fieldOf(merged, key), patch[key], fieldSchema(schema, key) ?? {}),
      );
    }
  }
  return merged;
}

interface Operation {
  readonly op: string;
  readonly path: string;
  readonly from?: string;
  readonly value?: unknown;
}

/** Throws StatusError (422) where an operation cannot be done or a test fails. */
export function jsonPatch(value: unknown, operations: unknown): unknown {
  if (!Array.isArray(operations)) throw new StatusError(400, 'error decoding patch: not a list');
  const root: Json = { '': cloneJson(value) };
  for (const operation of operations as Operation[]) apply(root, operation);
  return root[''];
}

function apply(root: Json, { op, path, from, value }: Operation): void {
  const refuse = (why: string): StatusError =>
    new StatusError(
      422,
      `the server rejected our request due to an error in our request: ${op} ${path}: ${why}`,
      {
        reason: 'Invalid',
      },
    );
  const at = (pointer: string): { parent: Loose; key: string } => {
    const keys = pointer.split('/').map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
    const key = keys.pop() as string;
    const parent: Loose = keys.reduce<Loose>((node, name) => get(node, name), root);
    if (pointer !== '' && (typeof parent !== 'object' || parent === null))
      throw refuse('there is no such path');
    return { parent: pointer === '' ? root : parent, key };
  };
  const read = (pointer: string): unknown => {
    const { parent, key } = at(pointer);
    return get(parent, key);
  };
  const add = (pointer: string, item: unknown): void => {
    const { parent, key } = at(pointer);
    if (Array.isArray(parent)) {
      const index = key === '-' ? parent.length : Number(key);
      if (!(index >= 0 && index <= parent.length)) throw refuse('there is no such index');
      parent.splice(index, 0, item);
    } else setField(parent as Json, key, item);
  };
  const remove = (pointer: string): void => {
    const { parent, key } = at(pointer);
    if (get(parent, key) === undefined) throw refuse('there is no such path');
    if (Array.isArray(parent)) parent.splice(Number(key), 1);
    else delete parent[key];
  };
  switch (op) {
    case 'test':
      if (!equalJson(read(path) ?? null, value ?? null)) throw refuse('the test failed');
      return;
    case 'add':
      return add(path, value);
    case 'remove':
      return remove(path);
    case 'replace': {
      // Of an object, a field that is not there is added.
      const { parent, key } = at(path);
      if (Array.isArray(parent) && get(parent, key) === undefined) throw refuse('there is no such index');
      if (Array.isArray(parent)) parent[Number(key)] = value;
      else setField(parent as Json, key, value);
      return;
    }
    case 'copy':
      return add(path, cloneJson(read(from ?? '')));
    case 'move': {
      const item = read(from ?? '');
      remove(from ?? '');
      return add(path, item);
    }
    default:
      throw new StatusError(400, `unknown operation ${JSON.stringify(op)}`);
  }
}

function get(node: unknown, key: string): unknown {
  return Array.isArray(node) ? (node[Number(key)] as unknown) : fieldOf(node, key);
}
