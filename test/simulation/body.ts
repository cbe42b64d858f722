import type { KubeObject } from '../../forwarder/model/kube-object.ts';

/** A short digest of what a function is to get of an object: all but what only the API server needs. */
export function bodyOf({ metadata, ...rest }: KubeObject): string {
  const { managedFields: _managed, ...shown } = metadata;
  return fnv(sortedJson({ ...rest, metadata: shown }));
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
