import { canonicalJson, type Json } from './json.ts';

/**
 * A set of fields of an object, which does not change once it is made. An element of a path reads as in `fieldsV1`: `f:<field>`, `k:<key fields>` for an item
 * of a list that merges by key, `v:<value>` for an item of a set.
 */
export class FieldSet {
  /** Whether the field itself is in the set, beside what is beneath it. */
  member: boolean = false;
  readonly children: Map<string, FieldSet> = new Map();
  #tree: Json | undefined;

  /** Of one `fieldsV1` tree. */
  static parse(tree: Json): FieldSet {
    const set = new FieldSet();
    for (const [element, beneath] of Object.entries(tree)) {
      if (element === '.') {
        set.member = true;
        continue;
      }
      const child = FieldSet.parse(beneath as Json);
      if (Object.keys(beneath as Json).length === 0) child.member = true;
      set.children.set(canonicalElement(element), child);
    }
    return set;
  }

  get isEmpty(): boolean {
    return !this.member && this.children.size === 0;
  }

  /** The same tree each time. */
  toFieldsV1(): Json {
    this.#tree ??= this.#makeTree();
    return this.#tree;
  }

  #makeTree(): Json {
    const tree: Json = {};
    if (this.member && this.children.size > 0) tree['.'] = {};
    const elements = [...this.children].toSorted(([a], [b]) => (a < b ? -1 : 1));
    for (const [element, child] of elements) tree[element] = child.toFieldsV1();
    return tree;
  }

  /** Adds the set beneath an element; nothing where that is empty. */
  put(element: string, child: FieldSet): void {
    if (!child.isEmpty) this.children.set(element, child);
  }

  union(other: FieldSet): FieldSet {
    if (other.isEmpty) return this;
    if (this.isEmpty) return other;
    const result = new FieldSet();
    result.member = this.member || other.member;
    for (const [element, child] of this.children) {
      result.children.set(element, child.union(other.children.get(element) ?? NOTHING));
    }
    for (const [element, child] of other.children) {
      if (!this.children.has(element)) result.children.set(element, child);
    }
    return result;
  }

  /** Without the members of the other set; what is beneath those stays. The same set where none of them are in it. */
  difference(other: FieldSet): FieldSet {
    if (other.isEmpty || this.isEmpty) return this;
    const result = new FieldSet();
    result.member = this.member && !other.member;
    let isSame = result.member === this.member;
    for (const [element, child] of this.children) {
      const left = child.difference(other.children.get(element) ?? NOTHING);
      isSame &&= left === child;
      result.put(element, left);
    }
    return isSame ? this : result;
  }

  intersection(other: FieldSet): FieldSet {
    const result = new FieldSet();
    result.member = this.member && other.member;
    for (const [element, child] of this.children) {
      const their = other.children.get(element);
      if (their !== undefined) result.put(element, child.intersection(their));
    }
    return result;
  }

  /** Only what is beneath the elements that pass. */
  filter(passes: (element: string) => boolean): FieldSet {
    const result = new FieldSet();
    for (const [element, child] of this.children) if (passes(element)) result.put(element, child);
    return result;
  }

  equals(other: FieldSet): boolean {
    if (this.member !== other.member || this.children.size !== other.children.size) return false;
    for (const [element, child] of this.children) {
      const their = other.children.get(element);
      if (their === undefined || !child.equals(their)) return false;
    }
    return true;
  }

  /** The members, as messages name them: `.spec.items[name="a"].size`; those of one level before what is beneath them. */
  paths(prefix: string = ''): string[] {
    const sorted = [...this.children].toSorted(([a], [b]) => (a < b ? -1 : 1));
    return [
      ...sorted.flatMap(([element, child]) => (child.member ? [prefix + spoken(element)] : [])),
      ...sorted.flatMap(([element, child]) => child.paths(prefix + spoken(element))),
    ];
  }
}

const NOTHING = new FieldSet();

/** The element that names a list item by its key fields. */
export function keyElement(keys: Json): string {
  return `k:${canonicalJson(keys)}`;
}

/** The element that names an item of a set. */
export function valueElement(value: unknown): string {
  return `v:${canonicalJson(value)}`;
}

function canonicalElement(element: string): string {
  if (!element.startsWith('k:') && !element.startsWith('v:')) return element;
  return element.slice(0, 2) + canonicalJson(JSON.parse(element.slice(2)));
}

function spoken(element: string): string {
  if (element.startsWith('f:')) return `.${element.slice(2)}`;
  const value = JSON.parse(element.slice(2)) as unknown;
  if (element.startsWith('v:')) return `[=${JSON.stringify(value)}]`;
  const keys = Object.entries(value as Json).map(([key, item]) => `${key}=${JSON.stringify(item)}`);
  return `[${keys.join(',')}]`;
}
