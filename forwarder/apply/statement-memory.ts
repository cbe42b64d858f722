/** What this process has stated last, per object: bounded, and safe to lose (then less is removed or saved). */

/** Objects remembered; the one stated longest ago goes first. */
const MAX_OBJECTS = 50_000;

/** A child as last applied. */
export interface RememberedChild {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** Of the manifest as sent. */
  readonly hash: string;
}

export interface RememberedChildren {
  /** Applied and not yet pruned, by key. */
  readonly known: ReadonlyMap<string, RememberedChild>;
  /** The kinds of which there can be no others, left by an earlier process. */
  readonly kinds: ReadonlySet<string>;
}

export class StatementMemory {
  readonly #generations: BoundedMap<number> = new BoundedMap();
  readonly #types: BoundedMap<readonly string[]> = new BoundedMap();
  readonly #children: BoundedMap<RememberedChildren> = new BoundedMap();

  /** Whether a newer generation than this one has been stated. */
  isOlder(uid: string, generation: number | undefined): boolean {
    return generation !== undefined && generation < (this.#generations.get(uid) ?? 0);
  }

  /** Types of conditions in the last statement; kept for atomic lists only. */
  statedTypes(uid: string): readonly string[] {
    return this.#types.get(uid) ?? [];
  }

  stated(uid: string, generation: number | undefined, types: readonly string[]): void {
    if (generation !== undefined) this.#generations.set(uid, generation);
    if (types.length > 0) this.#types.set(uid, types);
    else this.#types.delete(uid);
  }

  children(uid: string): RememberedChildren {
    return this.#children.get(uid) ?? { known: new Map(), kinds: new Set() };
  }

  setChildren(uid: string, children: RememberedChildren): void {
    this.#children.set(uid, children);
  }

  forget(uid: string): void {
    this.#generations.delete(uid);
    this.#types.delete(uid);
    this.#children.delete(uid);
  }
}

/** A map that lets the entry set longest ago go. */
class BoundedMap<V> {
  readonly #entries = new Map<string, V>();

  get(key: string): V | undefined {
    return this.#entries.get(key);
  }

  set(key: string, value: V): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    const [oldest] = this.#entries.size > MAX_OBJECTS ? this.#entries.keys() : [];
    if (oldest !== undefined) this.#entries.delete(oldest);
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }
}
