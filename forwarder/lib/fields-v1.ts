/**
 * Reads `metadata.managedFields`: which manager owns which field of an object.
 *
 * A path is a list of elements in the form of fieldsV1: `f:<field>`, `k:<key fields as JSON>` for an item of a list
 * that merges by key, `v:<value as JSON>` for an item of a set.
 * https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
 */
import { isRawNumber } from './exact-json.ts';

/** One entry of `metadata.managedFields`. */
export interface ManagedEntry {
  readonly manager?: string;
  readonly operation?: string;
  readonly subresource?: string;
  readonly fieldsV1?: Readonly<Record<string, unknown>>;
}

export type FieldPath = readonly string[];

/** A set of fields. */
export class FieldSet {
  /** Whether the field itself is in the set, beside what is beneath it. */
  #member = false;
  readonly #children = new Map<string, FieldSet>();

  /** A set from one fieldsV1 tree. */
  static of(fieldsV1: Readonly<Record<string, unknown>>): FieldSet {
    const set = new FieldSet();
    set.#add(fieldsV1);
    return set;
  }

  /** Adds a fieldsV1 tree. */
  #add(tree: Readonly<Record<string, unknown>>): void {
    for (const [element, beneath] of Object.entries(tree)) {
      if (element === '.') {
        this.#member = true;
        continue;
      }
      const key = canonicalElement(element);
      const child = this.#children.get(key) ?? new FieldSet();
      this.#children.set(key, child);
      const subtree = isObject(beneath) ? beneath : {};
      // A field without anything beneath it stands for itself.
      if (Object.keys(subtree).length === 0) child.#member = true;
      else child.#add(subtree);
    }
  }

  /** The union of several sets. */
  static union(trees: Iterable<Readonly<Record<string, unknown>>>): FieldSet {
    const set = new FieldSet();
    for (const tree of trees) set.#add(tree);
    return set;
  }

  get isEmpty(): boolean {
    return !this.#member && this.#children.size === 0;
  }

  /** Whether the field itself is in the set. */
  get isMember(): boolean {
    return this.#member;
  }

  /** Whether anything beneath the field is in the set. */
  get hasChildren(): boolean {
    return this.#children.size > 0;
  }

  /** The elements directly beneath. */
  elements(): Iterable<readonly [string, FieldSet]> {
    return this.#children;
  }

  child(element: string): FieldSet | undefined {
    return this.#children.get(element);
  }

  /** What the set holds at and beneath a path. */
  at(path: FieldPath): FieldSet | undefined {
    const [first, ...rest] = path;
    return first === undefined ? this : this.#children.get(canonicalElement(first))?.at(rest);
  }

  /** Whether the field at this path itself is in the set. */
  has(path: FieldPath): boolean {
    return this.at(path)?.isMember ?? false;
  }

  /** Every path in the set, for messages and comparisons. */
  paths(): string[][] {
    const found: string[][] = [];
    for (const [element, child] of this.#children) {
      if (child.#member) found.push([element]);
      for (const rest of child.paths()) found.push([element, ...rest]);
    }
    return found;
  }
}

/** What the entries that satisfy `predicate` own together. */
export function ownedBy(
  managedFields: readonly ManagedEntry[] | undefined,
  predicate: (entry: ManagedEntry) => boolean,
): FieldSet {
  return FieldSet.union(
    (managedFields ?? []).filter((entry) => predicate(entry)).map((entry) => entry.fieldsV1 ?? {}),
  );
}

/**
 * A copy of a value without the fields of a set: parents that this empties go too, and so do list items that it owns
 * wholly. A field in the set goes with all that is in it (an atomic list or map), unless `others` holds something
 * beneath it: then it was owned only as an empty map, and what others put there stays. Never changes `value`.
 *
 * @returns undefined where nothing is left
 */
export function removeOwned(value: unknown, owned: FieldSet | undefined, others?: FieldSet): unknown {
  if (owned === undefined || owned.isEmpty) return value;
  if (!owned.hasChildren) return others?.hasChildren === true ? value : undefined;
  if (Array.isArray(value)) {
    const left = removeFromList(value, owned, others);
    return left.length === 0 && value.length > 0 ? undefined : left;
  }
  if (!isObject(value)) return value;
  const left: [string, unknown][] = [];
  for (const [key, item] of Object.entries(value)) {
    const element = `f:${key}`;
    const rest = removeOwned(item, owned.child(element), others?.child(element));
    if (rest !== undefined) left.push([key, rest]);
  }
  return left.length === 0 && Object.keys(value).length > 0 ? undefined : Object.fromEntries(left);
}

/** What is left of a list; one look per item, however many items are owned. */
function removeFromList(items: readonly unknown[], owned: FieldSet, others: FieldSet | undefined): unknown[] {
  const elementOf = itemElements(owned);
  return items.flatMap((item) => {
    const element = elementOf(item);
    const rest = removeOwned(item, owned.child(element), others?.child(element));
    return rest === undefined ? [] : [rest];
  });
}

/** How a set names the items of a list: by their key fields where it does so for one of them, else by value. */
export function itemElements(list: FieldSet): (item: unknown) => string {
  const keyNames = keyNamesOf(list);
  return (item) => {
    if (!isObject(item) || keyNames.length === 0) return `v:${canonicalJson(item)}`;
    const present = keyNames.filter((key) => Object.hasOwn(item, key));
    return keyElement(Object.fromEntries(present.map((key) => [key, item[key]])));
  };
}

/** The key fields of a list that merges by key: the same in every element. */
function keyNamesOf(list: FieldSet): string[] {
  for (const [element] of list.elements()) {
    const keys = element.startsWith('k:') ? parseJson(element.slice(2)) : undefined;
    if (isObject(keys)) return Object.keys(keys);
  }
  return [];
}

/** The element that names a list item by its key fields: `k:{"type":"Ready"}`. */
export function keyElement(keys: Readonly<Record<string, unknown>>): string {
  return `k:${canonicalJson(keys)}`;
}

function canonicalElement(element: string): string {
  if (!element.startsWith('k:') && !element.startsWith('v:')) return element;
  return element.slice(0, 2) + canonicalJson(parseJson(element.slice(2)));
}

/** JSON with sorted field names. */
function canonicalJson(value: unknown): string {
  if (!isObject(value)) return JSON.stringify(value) ?? '';
  const sorted = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${sorted.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`).join(',')}}`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawNumber(value);
}
