import type { KubeObject } from '../../forwarder/model/kube-object.ts';
import { SECRET_ANNOTATIONS, SECRET_SPEC } from './canary.ts';

/** A short digest of what a function is to get of an object: all but the secret parts, and what only the API server needs. */
export function bodyOf({ metadata, ...rest }: KubeObject): string {
  const { managedFields: _managed, annotations, ...shown } = metadata;
  const { spec } = rest as { readonly spec?: object };
  return fnv(
    sortedJson({
      ...rest,
      ...(spec !== undefined && { spec: without(spec, SECRET_SPEC) }),
      metadata: { ...shown, annotations: without(annotations ?? {}, SECRET_ANNOTATIONS) },
    }),
  );
}

function without(fields: object, secret: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !Object.hasOwn(secret, name)));
}

/** JSON with keys in order, so that only what is said counts. */
function sortedJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(sortedJson).join()}]`;
  const fields = value as Readonly<Record<string, unknown>>;
  const names = Object.keys(fields).filter((name) => fields[name] !== undefined);
  return `{${names
    .sort()
    .map((name) => `${JSON.stringify(name)}:${sortedJson(fields[name])}`)
    .join()}}`;
}

function fnv(text: string): string {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return (hash >>> 0).toString(16);
}
