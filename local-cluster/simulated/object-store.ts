import type { Clock } from '../../forwarder/lib/clock.ts';
import type { Json } from './json.ts';

/** As kube-apiserver compacts etcd: every five minutes, up to where it was five minutes before. */
const COMPACTION_INTERVAL_MS = 300_000;

/** One version of one object. Neither it nor what it holds ever changes. */
export interface Stored {
  /** `<plural>.<group>`, as CRDs are named. */
  readonly resource: string;
  /** `<namespace>/<name>`. */
  readonly key: string;
  readonly revision: number;
  readonly object: Json;
  /** The object as JSON, written once. */
  readonly text: string;
}

/** One write. */
export interface Change {
  readonly revision: number;
  /** Monotonic. */
  readonly atMs: number;
  readonly resource: string;
  /** Absent: the object came. */
  readonly before: Stored | undefined;
  /** Absent: the object went. */
  readonly after: Stored | undefined;
  /** What a watch shows: the new state, or the last one under the deletion's version. */
  readonly shown: Stored;
}

/** A revision that was asked for is compacted away. */
export class CompactedError extends Error {}

/** What etcd is to an API server: every object under one counter of revisions, with the history up to a compaction. */
export class ObjectStore {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #resources = new Map<string, Map<string, Stored>>();
  readonly #sorted = new Map<string, readonly Stored[]>();
  readonly #listeners: ((change: Change) => void)[] = [];
  readonly #retained: (() => number)[] = [];
  #history: Change[] = [];
  /** Entries at the head of the history that are compacted away. */
  #skip = 0;
  #revision = 1;
  #compacted = 0;
  #checkpoint: { readonly atMs: number; readonly revision: number };

  constructor(options: {
    readonly clock: Clock;
    /** Infinity: only when told. @defaultValue 5 minutes */
    readonly compactionIntervalMs?: number | undefined;
  }) {
    this.#clock = options.clock;
    this.#intervalMs = options.compactionIntervalMs ?? COMPACTION_INTERVAL_MS;
    this.#checkpoint = { atMs: this.#clock.monotonic(), revision: this.#revision };
  }

  get revision(): number {
    return this.#revision;
  }

  /** History before this revision is gone. */
  get compacted(): number {
    return this.#compacted;
  }

  /** Called with every change, in the order of revisions, before the write returns. */
  subscribe(listener: (change: Change) => void): void {
    this.#listeners.push(listener);
  }

  get(resource: string, key: string): Stored | undefined {
    return this.#resources.get(resource)?.get(key);
  }

  /** Every object of a resource in the order of keys, now or as of a revision. Throws CompactedError. */
  list(resource: string, revision: number = this.#revision): readonly Stored[] {
    if (revision < this.#compacted) throw new CompactedError();
    return this.snapshot(resource, revision);
  }

  /** As `list`, also behind a compaction, as far back as somebody has asked to `retain`. */
  snapshot(resource: string, revision: number): readonly Stored[] {
    if (revision >= this.#revision) return this.#now(resource);
    const past = new Map(this.#resources.get(resource));
    for (let index = this.#history.length - 1; index >= this.#skip; index--) {
      const change = this.#history[index] as Change;
      if (change.revision <= revision) break;
      if (change.resource !== resource) continue;
      if (change.before === undefined) past.delete(change.shown.key);
      else past.set(change.before.key, change.before);
    }
    return sorted(past);
  }

  /** Every change after a revision. Throws CompactedError. */
  since(revision: number): readonly Change[] {
    if (revision < this.#compacted) throw new CompactedError();
    let low = this.#skip;
    let high = this.#history.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#history[middle] as Change).revision > revision) high = middle;
      else low = middle + 1;
    }
    return this.#history.slice(low);
  }

  /** Writes an object, whose resourceVersion it sets; undefined takes it away. */
  commit(resource: string, key: string, object: Json | undefined): Stored {
    const objects = this.#resources.get(resource) ?? new Map<string, Stored>();
    this.#resources.set(resource, objects);
    const before = objects.get(key);
    const subject = object ?? before?.object;
    if (subject === undefined) throw new Error(`there is no ${resource} ${key} to delete`);
    this.#compactInTime();
    this.#revision += 1;
    const shown = stored(resource, key, this.#revision, subject);
    const after = object === undefined ? undefined : shown;
    if (after === undefined) objects.delete(key);
    else objects.set(key, after);
    this.#sorted.delete(resource);
    const atMs = this.#clock.monotonic();
    const change: Change = { revision: this.#revision, atMs, resource, before, after, shown };
    this.#history.push(change);
    for (const listener of this.#listeners) listener(change);
    return shown;
  }

  /** Puts other content under the version it has: what reading through another schema does. No change, no event. */
  rewrite(resource: string, edit: (object: Json) => Json): void {
    const objects = this.#resources.get(resource);
    if (objects === undefined) return;
    for (const [key, { revision, object }] of objects) {
      objects.set(key, stored(resource, key, revision, edit(object)));
    }
    this.#sorted.delete(resource);
  }

  /** Keeps what happened after the revision that `revision` answers, whatever is compacted. */
  retain(revision: () => number): void {
    this.#retained.push(revision);
  }

  /** From now on nobody may ask for what was before a revision. */
  compact(revision: number = this.#revision): void {
    this.#compacted = Math.max(this.#compacted, Math.min(revision, this.#revision));
    const kept = Math.min(this.#compacted, ...this.#retained.map((one) => one()));
    while ((this.#history[this.#skip]?.revision ?? Infinity) <= kept) this.#skip++;
    if (this.#skip > this.#history.length / 2) {
      this.#history = this.#history.slice(this.#skip);
      this.#skip = 0;
    }
  }

  #compactInTime(): void {
    const atMs = this.#clock.monotonic();
    if (atMs - this.#checkpoint.atMs < this.#intervalMs) return;
    this.compact(this.#checkpoint.revision);
    this.#checkpoint = { atMs, revision: this.#revision };
  }

  #now(resource: string): readonly Stored[] {
    let list = this.#sorted.get(resource);
    if (list === undefined) {
      list = sorted(this.#resources.get(resource) ?? new Map<string, Stored>());
      this.#sorted.set(resource, list);
    }
    return list;
  }
}

function sorted(objects: ReadonlyMap<string, Stored>): readonly Stored[] {
  return [...objects.values()].toSorted((a, b) => (a.key < b.key ? -1 : 1));
}

function stored(resource: string, key: string, revision: number, subject: Json): Stored {
  const object = { ...subject, metadata: { ...subject['metadata'], resourceVersion: String(revision) } };
  return { resource, key, revision, object, text: JSON.stringify(object) };
}
