/**
 * Which children an object has, and when one of them has changed.
 *
 * Holds names, versions and digests only; the children themselves are read when a delivery is built. What this trigger
 * applied itself is not a change: fields under its field manager are left out of the digest, and a version that our own
 * write returned is taken over silently.
 */
import { childDigest } from '../filter/child-digest.ts';
import { shortHash } from '../filter/digest.ts';
import { parseExact } from '../lib/exact-json.ts';
import { compareResourceVersions, type Delta } from '../model/delta.ts';
import { type KubeObject, type ObjectKey, objectKey } from '../model/kube-object.ts';
import { type GroupVersionKind, kindName } from '../model/resource.ts';
import type { OwnedKind } from '../model/trigger.ts';
import type { Entries } from './entry.ts';

/** Where one child can be read. */
export interface ChildRef extends GroupVersionKind {
  readonly namespace?: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
}

interface Child {
  ref: ChildRef;
  /** Empty until the watch shows it: then only the answer to our own write is known. */
  digest: string;
  owners: readonly string[];
  /** What a write of ours returned and the watch has not shown yet. */
  ownVersion: string | undefined;
}

const RECIPE_LENGTH = 6;
const DOUBT = '?';

export interface ChildTrackerOptions {
  readonly fieldManager: string;
  /** Called for each owner of a child that was changed by somebody else. */
  readonly changed: (owner: ObjectKey) => void;
  /** While a result of an owner is being written, what the watch shows waits for the reply. */
  readonly entries: Entries;
  /** What is known of that owner's children is another now, for whatever reason. */
  readonly noted: (owner: ObjectKey) => void;
  /** The children of a kind have been listed, or cannot be for now. */
  readonly listed: () => void;
}

export class ChildTracker {
  readonly #options: ChildTrackerOptions;
  readonly #children = new Map<string, Child>();
  readonly #byOwner = new Map<string, Set<string>>();
  /** The kinds that are watched, by name, with the children that a list under way has not shown yet. */
  #unlisted = new Map<string, Set<string>>();
  readonly #synced = new Set<string>();
  readonly #missing = new Set<string>();
  readonly #held = new Map<ObjectKey, (readonly [GroupVersionKind, Delta])[]>();
  #recipe = '';

  constructor(options: ChildTrackerOptions) {
    this.#options = options;
  }

  /** From now on these kinds are watched, and each is listed anew. */
  expect(kinds: readonly OwnedKind[]): void {
    const watched = kinds.map((kind) => `${kindName(kind)} ${kind.labelSelector ?? '-'}`).toSorted();
    this.#recipe = shortHash(JSON.stringify([watched, this.#options.fieldManager])).slice(0, RECIPE_LENGTH);
    this.#unlisted = new Map(kinds.map((kind) => [kindName(kind), new Set()]));
    this.#synced.clear();
    this.#missing.clear();
    this.#held.clear();
    for (const [uid, child] of this.#children) {
      const unlisted = this.#unlisted.get(kindName(child.ref));
      if (unlisted === undefined) this.#drop(uid, child);
      else unlisted.add(uid);
    }
  }

  /** Takes in what the source of one owned kind says. */
  delta(kind: GroupVersionKind, delta: Delta): void {
    const { uid } = delta.head;
    if (delta.type !== 'Deleted') this.#unlisted.get(kindName(kind))?.delete(uid);
    const known = this.#children.get(uid);
    if (delta.type === 'Deleted') {
      if (this.#hold(kind, delta, known?.owners ?? []) || known === undefined) return;
      this.#drop(uid, known);
      // A child that we pruned ourselves was forgotten before this arrived.
      this.#tell(known.owners);
      return;
    }
    if (known?.ref.resourceVersion === delta.head.resourceVersion && known.digest !== '') return;
    const object = parseExact(delta.raw) as KubeObject;
    const owners = ownersOf(object);
    if (!this.#hold(kind, delta, owners)) this.#seen(kind, delta.head, object, owners);
  }

  #seen(kind: GroupVersionKind, head: Delta['head'], object: KubeObject, owners: readonly string[]): void {
    const known = this.#children.get(head.uid);
    const order = compareResourceVersions(head.resourceVersion, known?.ref.resourceVersion ?? '');
    // Older than the answer to our write.
    if (order < 0) return;
    const digest = childDigest(object, this.#options.fieldManager);
    const isOwn = known?.ownVersion === head.resourceVersion;
    // A list may show a later version than that.
    const isStillToCome = compareResourceVersions(known?.ownVersion ?? '', head.resourceVersion) > 0;
    this.#put({
      ref: refOf(kind, head),
      digest,
      owners,
      ownVersion: isStillToCome ? known?.ownVersion : undefined,
    });
    if (isOwn || known?.digest === digest) return;
    if (known === undefined && !this.#synced.has(kindName(kind))) return;
    this.#tell(new Set([...owners, ...(known?.owners ?? [])]));
  }

  /** Keeps what a write under way may explain until its answer has come; in the order in which it was told. */
  #hold(kind: GroupVersionKind, delta: Delta, owners: readonly string[]): boolean {
    const { uid } = delta.head;
    const [before] = [...this.#held].find(([, held]) => held.some(([, { head }]) => head.uid === uid)) ?? [];
    const busy =
      before ?? owners.map(objectKey).find((owner) => (this.#options.entries.get(owner)?.writing ?? 0) > 0);
    if (busy === undefined) return false;
    this.#held.set(busy, [...(this.#held.get(busy) ?? []), [kind, delta]]);
    return true;
  }

  /** A list is complete: from now on a child that was not known before is news, and one that it lacks is gone. */
  synced(kind: GroupVersionKind): void {
    const name = kindName(kind);
    this.#synced.add(name);
    for (const uid of this.#unlisted.get(name) ?? []) {
      const child = this.#children.get(uid);
      if (child === undefined) continue;
      this.#drop(uid, child);
      this.#tell(child.owners);
    }
    this.#unlisted.get(name)?.clear();
    this.#options.listed();
  }

  /** A kind cannot be listed for now: its children are not waited for. */
  missing(kind: GroupVersionKind): void {
    this.#missing.add(kindName(kind));
    this.#options.listed();
  }

  /** Whether a call can be made: it has every child that can be known. */
  get isReady(): boolean {
    return this.#unlisted.keys().every((name) => this.#synced.has(name) || this.#missing.has(name));
  }

  /** Names what a fingerprint is made of. */
  get recipe(): string {
    return this.#recipe;
  }

  /** Whether all children of all kinds have been listed. */
  get isSynced(): boolean {
    return this.#synced.size === this.#unlisted.size;
  }

  /**
   * Of everything that somebody else may have changed in that owner's children, to be compared by `isAnotherFamily`; in
   * doubt until the watch has shown what a write of ours made of it. Undefined where no children are watched.
   */
  fingerprint(owner: ObjectKey): string | undefined {
    if (this.#unlisted.size === 0) return undefined;
    const digests: string[] = [];
    for (const uid of this.#byOwner.get(owner) ?? []) {
      const { digest = '', ownVersion } = this.#children.get(uid) ?? {};
      if (digest === '' || ownVersion !== undefined) return this.#recipe + DOUBT;
      digests.push(digest);
    }
    return this.#recipe + (digests.length === 0 ? '' : shortHash(digests.toSorted().join()));
  }

  /** A child was read for a call of that owner, which begins: what is like this is no news to it, and all else is. */
  sent(owner: ObjectKey, { ref, object }: { readonly ref: ChildRef; readonly object: KubeObject }): void {
    const known = this.#children.get(ref.uid);
    const { resourceVersion } = object.metadata;
    if (known === undefined || compareResourceVersions(resourceVersion, known.ref.resourceVersion) <= 0)
      return;
    const digest = childDigest(object, this.#options.fieldManager);
    const owners = ownersOf(object);
    this.#put({ ...known, ref: { ...ref, resourceVersion }, digest, owners });
    if (known.digest === digest) return;
    this.#tell([...new Set([...owners, ...known.owners])].filter((other) => objectKey(other) !== owner));
  }

  /** Takes over what a write of ours returned, so that its echo fires nothing. */
  applied(owner: ObjectKey, ref: ChildRef): void {
    if (!this.#unlisted.has(kindName(ref))) return;
    const known = this.#children.get(ref.uid);
    if (known?.ref.resourceVersion === ref.resourceVersion) return;
    if (known === undefined || known.digest === '') {
      this.#put({ ref, digest: '', owners: [owner], ownVersion: ref.resourceVersion });
    } else {
      known.ownVersion = ref.resourceVersion;
      this.#note(known.owners);
    }
  }

  /** A write of that owner's result has ended: what the watch showed meanwhile is taken in. */
  settled(owner: ObjectKey): void {
    const held = this.#held.get(owner) ?? [];
    this.#held.delete(owner);
    for (const [kind, delta] of held) this.delta(kind, delta);
  }

  /** Forgets a child that we removed ourselves. */
  pruned(uid: string): void {
    const known = this.#children.get(uid);
    if (known !== undefined) this.#drop(uid, known);
  }

  /** Those of the kinds of which every child that this trigger applied is known. */
  complete(kinds: readonly OwnedKind[]): readonly GroupVersionKind[] {
    return kinds.filter(
      (kind) =>
        this.#synced.has(kindName(kind)) && (kind.labelSelector === undefined || kind.labelSelector === ''),
    );
  }

  childrenOf(owner: ObjectKey): ChildRef[] {
    return [...(this.#byOwner.get(owner) ?? [])].flatMap((uid) => this.#children.get(uid)?.ref ?? []);
  }

  #put(child: Child): void {
    const { uid } = child.ref;
    const known = this.#children.get(uid);
    if (known !== undefined) this.#remove(uid, known);
    this.#children.set(uid, child);
    for (const owner of child.owners) {
      const uids = this.#byOwner.get(owner) ?? new Set();
      this.#byOwner.set(owner, uids.add(uid));
    }
    this.#note([...new Set([...(known?.owners ?? []), ...child.owners])]);
  }

  #drop(uid: string, child: Child): void {
    this.#remove(uid, child);
    this.#note(child.owners);
  }

  #remove(uid: string, child: Child): void {
    this.#children.delete(uid);
    for (const owner of child.owners) {
      const uids = this.#byOwner.get(owner);
      uids?.delete(uid);
      if (uids?.size === 0) this.#byOwner.delete(owner);
    }
  }

  #note(owners: readonly string[]): void {
    for (const owner of owners) this.#options.noted(objectKey(owner));
  }

  #tell(owners: Iterable<string>): void {
    for (const owner of owners) this.#options.changed(objectKey(owner));
  }
}

/**
 * Whether a function that knows the one must be told of the other. Not where they are not made of the same: then nothing can
 * be said.
 */
export function isAnotherFamily(before: string, now: string): boolean {
  const isSaid = before.slice(0, RECIPE_LENGTH) === now.slice(0, RECIPE_LENGTH);
  return isSaid && (before !== now || before.endsWith(DOUBT));
}

/** uids */
function ownersOf({ metadata }: KubeObject): readonly string[] {
  return (metadata.ownerReferences ?? []).map(({ uid }) => uid);
}

function refOf(kind: GroupVersionKind, head: Delta['head']): ChildRef {
  return {
    apiVersion: kind.apiVersion,
    kind: kind.kind,
    ...(head.namespace !== undefined && { namespace: head.namespace }),
    name: head.name,
    uid: head.uid,
    resourceVersion: head.resourceVersion,
  };
}
