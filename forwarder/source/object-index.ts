import { compareResourceVersions, type Delta, type ObjectHead } from '../model/delta.ts';

const DECIMAL = /^[1-9]\d*$/;

/** Far more than the watch is ever behind with. */
const MAX_LOST = 1000;

/**
 * What a source knows of its objects: identity and version of each, nothing else. It turns what lists and watches say
 * into deltas that are true: no object goes back in time, none that is gone is forgotten, and a name that has a new uid
 * is told as the end of the old object before the beginning of the new one.
 */
export class ObjectIndex {
  readonly #heads = new Map<string, ObjectHead>();
  /** namespace ('' for none) → name → uid. */
  readonly #names = new Map<string, Map<string, string>>();
  /** Uids that the list being read has shown; undefined while none is read. */
  #listed: Set<string> | undefined;
  /** Objects that a read found gone ahead of the watch, and as of which version. */
  readonly #lost = new Map<string, string>();

  get size(): number {
    return this.#heads.size;
  }

  get(uid: string): ObjectHead | undefined {
    return this.#heads.get(uid);
  }

  values(): IterableIterator<ObjectHead> {
    return this.#heads.values();
  }

  /** A list begins; one that was being read is void. */
  beginList(): void {
    this.#listed = new Set();
  }

  /** An object of the list or the watch. Empty where it is older than what is known under its uid or its name. */
  put(type: 'Listed' | 'Added' | 'Modified', head: ObjectHead, raw: string): Delta[] {
    this.#listed?.add(head.uid);
    const known = this.#heads.get(head.uid);
    if (known !== undefined) {
      if (isOlder(head.resourceVersion, known.resourceVersion)) return [];
      const merged = withKnownStrings(head, known);
      this.#heads.set(head.uid, merged);
      return [{ type, head: merged, raw }];
    }
    const lost = this.#lost.get(head.uid);
    // A watch that lags behind that read shows what was before.
    if (lost !== undefined && isOlder(head.resourceVersion, lost)) return [];
    this.#lost.delete(head.uid);
    const deltas: Delta[] = [];
    const holder = this.holderOf(head);
    if (holder !== undefined) {
      // A watch that lags behind a list shows an earlier life of the name; its end is on its way, too.
      if (isOlder(head.resourceVersion, holder.resourceVersion)) return [];
      this.#remove(holder);
      deltas.push({ type: 'Deleted', head: { ...holder, resourceVersion: head.resourceVersion } });
    }
    this.#add(head);
    deltas.push({ type, head, raw });
    return deltas;
  }

  /** The watch says that an object is gone, or no longer selected. Empty where it is not known. */
  delete(head: ObjectHead, raw: string): Delta[] {
    const known = this.#heads.get(head.uid);
    if (known === undefined || isOlder(head.resourceVersion, known.resourceVersion)) return [];
    this.#remove(known);
    return [{ type: 'Deleted', head: withKnownStrings(head, known), raw }];
  }

  /** A later read says that an object is gone, or no longer selected. Empty where something newer is known. */
  lose(uid: string, resourceVersion: string): Delta[] {
    const known = this.#heads.get(uid);
    if (known === undefined || isOlder(resourceVersion, known.resourceVersion)) return [];
    this.#remove(known);
    this.#lost.set(uid, resourceVersion);
    const [oldest] = this.#lost.size > MAX_LOST ? this.#lost.keys() : [];
    if (oldest !== undefined) this.#lost.delete(oldest);
    return [{ type: 'Deleted', head: { ...known, resourceVersion } }];
  }

  /** The list is over: one delta for each known object that it did not show. */
  *endList(resourceVersion: string): IterableIterator<Delta> {
    const listed = this.#listed;
    this.#listed = undefined;
    if (listed === undefined) return;
    this.#lost.clear();
    for (const head of this.#heads.values()) {
      if (listed.has(head.uid)) continue;
      this.#remove(head);
      yield { type: 'Deleted', head: { ...head, resourceVersion } };
    }
  }

  /** Another object that is known under this one's name. */
  holderOf({ namespace = '', name, uid }: ObjectHead): ObjectHead | undefined {
    const holder = this.#names.get(namespace)?.get(name);
    return holder === undefined || holder === uid ? undefined : this.#heads.get(holder);
  }

  #add(head: ObjectHead): void {
    const { namespace = '', name, uid } = head;
    let names = this.#names.get(namespace);
    if (names === undefined) {
      names = new Map();
      this.#names.set(namespace, names);
    }
    names.set(name, uid);
    this.#heads.set(uid, head);
  }

  #remove({ namespace = '', name, uid }: ObjectHead): void {
    this.#heads.delete(uid);
    const names = this.#names.get(namespace);
    if (names?.get(name) === uid) names.delete(name);
    if (names?.size === 0) this.#names.delete(namespace);
  }
}

/** Whether the first version is certainly older. Versions that are no decimals cannot be compared. */
export function isOlder(a: string, b: string): boolean {
  return DECIMAL.test(a) && DECIMAL.test(b) && compareResourceVersions(a, b) < 0;
}

/** The new head with the strings that are in memory already. */
function withKnownStrings(head: ObjectHead, known: ObjectHead): ObjectHead {
  return {
    key: known.key,
    uid: known.uid,
    ...(known.namespace !== undefined && { namespace: known.namespace }),
    name: known.name,
    resourceVersion: head.resourceVersion,
    ...(head.generation !== undefined && { generation: head.generation }),
    deleting: head.deleting,
  };
}
