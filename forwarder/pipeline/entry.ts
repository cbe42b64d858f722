/** What one trigger holds of one object: the record of what was handled, and bytes only while something is pending. */
import { isOver, type ObjectRecord } from '../filter/record.ts';
import { parseExact } from '../lib/exact-json.ts';
import { compareResourceVersions, type Delta, type ObjectHead } from '../model/delta.ts';
import { type KubeObject, type ObjectKey, objectKey, qualifiedName } from '../model/kube-object.ts';

/** An object is there. */
export type SeenDelta = Exclude<Delta, { readonly type: 'Deleted' }>;

export class Entry {
  readonly key: ObjectKey;
  readonly record: ObjectRecord;
  /** Newest state, only while a delivery of it is pending. */
  raw: string | undefined = undefined;
  /** Last state delivered successfully, only with `payload.previous`. */
  previousRaw: string | undefined = undefined;
  /** Monotonic time at which the oldest change that waits arrived. */
  waitingSinceMs: number | undefined = undefined;
  /** How often somebody has changed one of its children. */
  childChanges = 0;
  /** Consecutive target failures of this state. */
  targetFailures = 0;
  /** How often in a row the function has said that it is not done with the object's end. */
  unfinished = 0;
  /** Whether the last call failed and another attempt waits for its backoff. */
  retrying = false;
  /** Wall clock, of the first failed attempt since the last success; target failures are none. */
  failingSinceMs: number | undefined = undefined;
  /** Tries to write results that are under way; what the watch shows meanwhile waits for the reply: newest state only. */
  writing = 0;
  held: SeenDelta | undefined = undefined;

  constructor(key: ObjectKey, record: ObjectRecord) {
    this.key = key;
    this.record = record;
  }

  get name(): string {
    return qualifiedName(this.record);
  }

  get gone(): boolean {
    return this.record.gone !== undefined;
  }

  /** Whether its next call is one for the storm guard: requeues that the function asked for are not, nor deletions. */
  get countsAsStorm(): boolean {
    const { wish, sending } = this.record;
    return !isOver(this.record) && (sending ?? wish)?.reason !== 'Requeue';
  }
}

export function parseObject(raw: string): KubeObject {
  return parseExact(raw) as KubeObject;
}

/** What a list or the watch would have said of an object. */
export function headOf({ metadata }: KubeObject): ObjectHead {
  return {
    key: objectKey(metadata.uid),
    uid: metadata.uid,
    ...(metadata.namespace !== undefined && { namespace: metadata.namespace }),
    name: metadata.name,
    resourceVersion: metadata.resourceVersion,
    ...(metadata.generation !== undefined && { generation: metadata.generation }),
    deleting: metadata.deletionTimestamp !== undefined,
  };
}

/** What lags does so by seconds; this is more than are written to and forgotten in those. */
const MAX_WRITTEN = 10_000;

/**
 * All entries of one trigger. Two lives of one name are two entries: their calls never overlap, and a later one waits
 * until the earlier, which is gone, has been delivered, so that `deleted` comes before `created`.
 */
export class Entries implements Iterable<Entry> {
  readonly #byKey = new Map<ObjectKey, Entry>();
  /** Lives that are over but not delivered yet, by name, oldest first. */
  readonly #buried = new Map<string, Entry[]>();
  /** Which life of a name is being delivered. */
  readonly #delivering = new Map<string, Entry>();
  readonly #waiting = new Map<string, Set<ObjectKey>>();
  /** `writtenAt` of those that were forgotten last, oldest first. */
  readonly #written = new Map<ObjectKey, string>();

  get size(): number {
    return this.#byKey.size;
  }

  get(key: ObjectKey): Entry | undefined {
    return this.#byKey.get(key);
  }

  add(entry: Entry): void {
    this.#byKey.set(entry.key, entry);
  }

  /** Remembers that this life is over but not yet delivered. */
  bury(entry: Entry): void {
    const lives = this.#buried.get(entry.name) ?? [];
    if (lives.includes(entry)) return;
    // One that was passed over may come back.
    this.#buried.set(entry.name, [...lives, entry].toSorted(byDeath));
  }

  /** Whether another life of the same name, or a write to this one, comes first; it is then named when that is over. */
  mustWait(entry: Entry): boolean {
    const first = this.#buried.get(entry.name)?.[0] ?? entry;
    const other = this.#delivering.get(entry.name) ?? entry;
    if (first === entry && other === entry && entry.writing === 0) return false;
    this.#waiting.set(entry.name, (this.#waiting.get(entry.name) ?? new Set()).add(entry.key));
    return true;
  }

  /** Its delivery begins. */
  enter(entry: Entry): void {
    this.#delivering.set(entry.name, entry);
  }

  /** Its delivery has ended; returns the keys that waited for it. */
  leave(entry: Entry): readonly ObjectKey[] {
    if (this.#delivering.get(entry.name) !== entry) return [];
    this.#delivering.delete(entry.name);
    return this.#takeWaiting(entry.name);
  }

  /** A write to it has ended; returns the keys that waited for it. */
  written({ name }: Entry): readonly ObjectKey[] {
    return this.#takeWaiting(name);
  }

  /** Forgets an entry; returns the keys that waited for it. */
  delete(entry: Entry): readonly ObjectKey[] {
    const { key, record } = entry;
    if (this.#byKey.get(key) === entry) this.#byKey.delete(key);
    if (record.writtenAt !== undefined) this.#remember(key, record.writtenAt);
    return this.passOver(entry);
  }

  /** Whether an object that was forgotten is seen as it was before our last write to it. */
  isBeforeOurs({ key, resourceVersion }: Pick<ObjectHead, 'key' | 'resourceVersion'>): boolean {
    const writtenAt = this.#written.get(key);
    return writtenAt !== undefined && compareResourceVersions(resourceVersion, writtenAt) < 0;
  }

  /** Later lives need not wait for the end of this one any more; returns their keys. */
  passOver(entry: Entry): readonly ObjectKey[] {
    const lives = this.#buried.get(entry.name)?.filter((other) => other !== entry) ?? [];
    if (lives.length > 0) this.#buried.set(entry.name, lives);
    else this.#buried.delete(entry.name);
    return this.#takeWaiting(entry.name);
  }

  keys(): Iterable<ObjectKey> {
    return [...this.#byKey.keys()];
  }

  [Symbol.iterator](): Iterator<Entry> {
    return this.#byKey.values();
  }

  #remember(key: ObjectKey, writtenAt: string): void {
    this.#written.delete(key);
    this.#written.set(key, writtenAt);
    const [oldest] = this.#written.keys();
    if (oldest !== undefined && this.#written.size > MAX_WRITTEN) this.#written.delete(oldest);
  }

  #takeWaiting(name: string): readonly ObjectKey[] {
    const waiting = [...(this.#waiting.get(name) ?? [])];
    this.#waiting.delete(name);
    return waiting;
  }
}

function byDeath({ record: a }: Entry, { record: b }: Entry): number {
  return compareResourceVersions(a.gone?.resourceVersion ?? '', b.gone?.resourceVersion ?? '');
}
