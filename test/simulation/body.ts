import type { KubeObject } from '../../forwarder/model/kube-object.ts';

/** A short digest of what a function is to get of an object: all but what only the API server needs. */
export function bodyOf({ metadata, ...rest }: KubeObject): string {
  const { managedFields: _managed, ...shown } = metadata;
  return fnv(JSON.stringify({ ...rest, metadata: shown }, sorted));
}

/** Keys in order, so that only what is said counts. */
function sorted(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function fnv(text: string): string {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return (hash >>> 0).toString(16);
}
