/**
 * Reads an object field by field, strictly: what is read must have its type, and what is not read was not known.
 * By hand rather than by a schema library, because it runs for every reply and its messages are ours.
 */
import { foreignText } from '../lib/errors.ts';
import { isRawNumber } from '../lib/exact-json.ts';

/** A field that is not as it must be; the message names it: `requeueAfter: must be a duration like 30s`. */
export class BadField extends Error {
  override readonly name = 'BadField';
  constructor(path: string, problem: string) {
    super(foreignText(`${path}: ${problem}`));
  }
}

/** Turns a value into what it must be, or throws BadField. */
export type Read<T> = (value: unknown, path: string) => T;

export class Fields {
  readonly #object: Readonly<Record<string, unknown>>;
  readonly #path: string;
  readonly #read = new Set<string>();

  /** `path` is '' for the outermost object. */
  constructor(value: unknown, path: string) {
    this.#object = object(value, path);
    this.#path = path;
  }

  /** The field as `read` makes it; undefined where it is absent or null. */
  optional<T>(name: string, read: Read<T>): T | undefined {
    this.#read.add(name);
    const value = Object.hasOwn(this.#object, name) ? this.#object[name] : undefined;
    return value === undefined || value === null ? undefined : read(value, this.#pathOf(name));
  }

  required<T>(name: string, read: Read<T>): T {
    const value = this.optional(name, read);
    if (value === undefined) throw new BadField(this.#pathOf(name), 'is missing');
    return value;
  }

  /** The paths of the fields that nobody asked for. */
  unread(): string[] {
    return Object.keys(this.#object)
      .filter((name) => !this.#read.has(name))
      .map((name) => this.#pathOf(name));
  }

  #pathOf(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`;
  }
}

export const object: Read<Readonly<Record<string, unknown>>> = (value, path) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || isRawNumber(value)) {
    throw new BadField(path, 'must be an object');
  }
  return value as Readonly<Record<string, unknown>>;
};

export const flag: Read<boolean> = (value, path) => {
  if (typeof value !== 'boolean') throw new BadField(path, 'must be true or false');
  return value;
};

export const text: Read<string> = (value, path) => {
  if (typeof value !== 'string') throw new BadField(path, 'must be a string');
  return value;
};

/** A string of which `isValid` holds; `mustBe` completes "must be …". */
export function textThat(isValid: (value: string) => boolean, mustBe: string): Read<string> {
  return (value, path) => {
    if (typeof value !== 'string' || !isValid(value)) throw new BadField(path, `must be ${mustBe}`);
    return value;
  };
}

export function oneOf<const T extends string>(...values: readonly T[]): Read<T> {
  return (value, path) => {
    const found = values.find((allowed) => allowed === value);
    if (found === undefined) throw new BadField(path, `must be one of ${values.join(', ')}`);
    return found;
  };
}

export function listOf<T>(read: Read<T>): Read<readonly T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) throw new BadField(path, 'must be a list');
    return value.map((item: unknown, index) => read(item, `${path}[${index}]`));
  };
}

export const stringMap: Read<Readonly<Record<string, string>>> = (value, path) => {
  for (const [key, item] of Object.entries(object(value, path)))
    text(item, `${path}[${JSON.stringify(key)}]`);
  return value as Readonly<Record<string, string>>;
};
