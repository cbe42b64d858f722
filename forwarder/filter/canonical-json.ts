/** JSON that is the same for the same value: field names sorted, no spaces, numbers by the text the server sent. */
import { isRawNumber } from '../lib/exact-json.ts';

/** Canonical JSON of a parsed JSON value. */
export function canonicalJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) {
    let text = '[';
    for (const item of value) text += text === '[' ? canonicalJson(item) : `,${canonicalJson(item)}`;
    return `${text}]`;
  }
  if (isRawNumber(value)) return value.rawJSON;
  return canonicalFields(value as Readonly<Record<string, unknown>>, Object.keys(value));
}

/** Canonical JSON of some fields of an object. */
export function canonicalFields(object: Readonly<Record<string, unknown>>, names: string[]): string {
  let text = '{';
  for (const name of names.sort()) {
    if (object[name] === undefined) continue;
    text += `${text === '{' ? '' : ','}${JSON.stringify(name)}:${canonicalJson(object[name])}`;
  }
  return `${text}}`;
}
