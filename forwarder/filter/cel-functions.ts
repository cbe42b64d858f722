/**
 * String functions as Kubernetes has them: those the library lacks, and those of its own that differ. An own one stands
 * beside the library's under another name, as the library lets none be replaced; the guard says where it is called.
 */
import type { Environment } from '@marcbachmann/cel-js';
import { WhenError } from './when-error.ts';

/** Longest string that one call builds. */
const MAX_BUILT = 10_000_000;

/**
 * The library's patterns can take exponential time, its case mapping is Unicode's where CEL's is ASCII's, and it counts
 * UTF-16 units where CEL counts code points.
 */
export const RENAMED: ReadonlySet<string> = new Set([
  'matches',
  'lowerAscii',
  'upperAscii',
  'indexOf',
  'lastIndexOf',
  'substring',
]);

/** No expression can call it itself: the guard knows no such name. */
export function ownName(name: string): string {
  return `${name}_`;
}

export type Patterns = ReadonlyMap<string, { test(text: string): boolean }>;

/** Adds the functions; the patterns of `matches` may be filled in later. */
export function registerFunctions(environment: Environment, patterns: Patterns): void {
  const method = (signature: string, handler: (...args: never[]) => unknown): void => {
    environment.registerFunction(`string.${signature}`, handler as (...args: unknown[]) => unknown);
  };
  method('matches_(string): bool', (text: string, pattern: string) => {
    const compiled = patterns.get(pattern);
    if (compiled === undefined) throw new WhenError('pattern is not known');
    return compiled.test(text);
  });
  method('lowerAscii_(): string', (text: string) => text.replaceAll(/[A-Z]+/g, (s) => s.toLowerCase()));
  method('upperAscii_(): string', (text: string) => text.replaceAll(/[a-z]+/g, (s) => s.toUpperCase()));
  method('charAt(int): string', (text: string, at: bigint) => {
    const chars = Array.from(text);
    return chars[index(at, chars.length)] ?? '';
  });
  method('substring_(int): string', (text: string, from: bigint) => substring(text, from, undefined));
  method('substring_(int, int): string', substring);
  method('indexOf_(string): int', (text: string, part: string) => indexOf(text, part, 0n));
  method('indexOf_(string, int): int', indexOf);
  method('lastIndexOf_(string): int', (text: string, part: string) => lastIndexOf(text, part, undefined));
  method('lastIndexOf_(string, int): int', lastIndexOf);
  method('replace(string, string): string', (text: string, from: string, to: string) =>
    replace(text, from, to, -1n),
  );
  method('replace(string, string, int): string', replace);
}

function index(at: bigint, max: number): number {
  if (at < 0n || at > BigInt(max)) throw new WhenError(`index out of range: ${at}`);
  return Number(at);
}

function substring(text: string, from: bigint, to: bigint | undefined): string {
  const chars = Array.from(text);
  const end = to === undefined ? chars.length : index(to, chars.length);
  const start = index(from, chars.length);
  if (start > end) throw new WhenError(`invalid range: ${start} to ${end}`);
  return chars.slice(start, end).join('');
}

function indexOf(text: string, part: string, from: bigint): bigint {
  if (part === '') return from;
  const chars = Array.from(text);
  const start = chars.slice(0, index(from, chars.length)).join('').length;
  return codePoints(text, text.indexOf(part, start));
}

function lastIndexOf(text: string, part: string, from: bigint | undefined): bigint {
  const chars = Array.from(text);
  if (part === '') return from ?? BigInt(chars.length);
  const start = from === undefined ? text.length : chars.slice(0, index(from, chars.length)).join('').length;
  return codePoints(text, text.lastIndexOf(part, start));
}

/** How many code points stand before a UTF-16 index; -1 for -1. */
function codePoints(text: string, at: number): bigint {
  return at < 0 ? -1n : BigInt(Array.from(text.slice(0, at)).length);
}

/** Replaces the first `limit` occurrences, all where it is negative. */
function replace(text: string, from: string, to: string, limit: bigint): string {
  const parts = from === '' ? ['', ...Array.from(text), ''] : text.split(from);
  const found = parts.length - 1;
  const count = limit < 0n || limit > BigInt(found) ? found : Number(limit);
  if (text.length + count * to.length > MAX_BUILT) throw new WhenError('replace() builds too long a string');
  return (
    parts.slice(0, count + 1).join(to) +
    parts
      .slice(count + 1)
      .map((part) => from + part)
      .join('')
  );
}
