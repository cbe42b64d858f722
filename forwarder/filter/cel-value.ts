/**
 * Binds JSON to CEL: integers become int, exact to 64 bit, other numbers double; objects become Maps, so that no field
 * name means anything special. Only what an expression looks at is converted.
 */
import { isRawNumber } from '../lib/exact-json.ts';

/** Which parts of a value an expression looks at: all of it, or single fields. */
export type Uses = 'all' | Map<string, Uses>;

export interface Bound {
  readonly value: unknown;
  /** Size of the largest list or map. */
  readonly largest: number;
  /** Length of the longest string. */
  readonly longest: number;
}

const MAX_INT = 2n ** 63n - 1n;
const MIN_INT = -(2n ** 63n);

export function bindToCel(json: unknown, uses: Uses): Bound {
  let largest = 0;
  let longest = 0;
  const convert = (value: unknown, used: Uses): unknown => {
    if (typeof value === 'string') {
      longest = Math.max(longest, value.length);
      return value;
    }
    if (typeof value === 'number') return numberOf(String(value));
    if (typeof value !== 'object' || value === null) return value;
    if (isRawNumber(value)) return numberOf(value.rawJSON);
    if (Array.isArray(value)) {
      largest = Math.max(largest, value.length);
      return value.map((item) => convert(item, 'all'));
    }
    const fields = value as Readonly<Record<string, unknown>>;
    const map = new Map<string, unknown>();
    if (used === 'all') {
      for (const name of Object.keys(fields)) map.set(name, convert(fields[name], 'all'));
    } else {
      for (const [name, beneath] of used) {
        if (Object.hasOwn(fields, name)) map.set(name, convert(fields[name], beneath));
      }
    }
    largest = Math.max(largest, map.size);
    return map;
  };
  return { value: convert(json, uses), largest, longest };
}

/** As Kubernetes reads JSON: an integer that fits 64 bit is an int, anything else a double. */
function numberOf(text: string): bigint | number {
  if (!/^-?\d+$/.test(text)) return Number(text);
  const integer = BigInt(text);
  return integer >= MIN_INT && integer <= MAX_INT ? integer : Number(text);
}
