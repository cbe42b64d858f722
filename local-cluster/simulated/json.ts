/** JSON values as the simulated API server keeps them. No value in here is ever changed once it is stored. */
import { isRawNumber, parseExact } from '../../forwarder/lib/exact-json.ts';

// oxlint-disable-next-line typescript/no-explicit-any -- JSON of any shape, taken apart by the kind's schema
export type Loose = any;
export type Json = Record<string, Loose>;

/** Parses a body; integers keep all their digits. Throws SyntaxError. */
export function readJson(text: string): unknown {
  return parseExact(text);
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawNumber(value);
}

/** A copy that may be changed. */
export function cloneJson<T>(value: T): T {
  if (Array.isArray(value)) return value.map((item: unknown) => cloneJson(item)) as T;
  if (!isObject(value)) return value;
  const copy: Json = {};
  for (const key of Object.keys(value)) setField(copy, key, cloneJson(value[key]));
  return copy as T;
}

/** Sets a field under any name: assigned, `__proto__` would be none. */
export function setField(target: Json, key: string, value: unknown): void {
  if (key !== '__proto__') target[key] = value;
  else Object.defineProperty(target, key, { value, enumerable: true, writable: true, configurable: true });
}

/** The value of a field, never of what every object inherits. */
export function fieldOf(value: unknown, key: string): Loose {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

/** The item of a list; undefined where there is none. */
export function itemOf(value: unknown, index: number): unknown {
  return Array.isArray(value) ? (value[index] as unknown) : undefined;
}

/** JSON with sorted field names, for keys. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item)).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value) ?? 'null';
  const keys = Object.keys(value).toSorted();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key])}`).join(',')}}`;
}
