/**
 * Which children an object has, and when one of them has changed.
 *
 * Holds names, versions and digests only; the children themselves are read when a delivery is built. What this trigger
 * applied itself is not a change: fields under its field manager are left out of the digest, and a version that our own
 * write returned is taken over silently.
 */
import { childDigest } from '../filter/child-digest.ts';
import { parseExact } from '../lib/exact-json.ts';
import type { Delta } from '../model/delta.ts';
import { type KubeObject, type ObjectKey, objectKey } from '../model/kube-object.ts';
import { type GroupVersionKind, kindName } from '../model/resource.ts';
import type { OwnedKind } from '../model/trigger.ts';

/** Where one child can be read. */
export interface ChildRef extends GroupVersionKind {
  readonly namespace?: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
}

interface Child {
  ref: ChildRef;
  digest: string;
  owners: readonly string[];
}

export interface ChildTrackerOptions {
  readonly fieldManager: string;
  /** Called for each owner of a child that was changed by somebody else. */
  readonly changed: (owner: ObjectKey) => void;
  /** Whether a result of that owner is being written right now; what the watch shows meanwhile waits for the reply. */
  readonly writing: (owner: ObjectKey) => boolean;
}

export class ChildTracker {
  readonly #options: ChildTrackerOptions;
  readonly #children = new Map<string, Child>();
  readonly #byOwner = new Map<string, Set<string>>();
  /** Versions that our own writes returned and the watch has not shown yet: child uid → resourceVersion. */
  readonly #ownVersions = new Map<string, string>();
  readonly #synced = new Set<string>();
  readonly #held = new Map<ObjectKey, (readonly [GroupVersionKind, Delta])[]>();

  constructor(options: ChildTrackerOptions) {
    this.#options = options;
  }

  /** Takes in what the source of one owned kind says. */
  delta(kind: GroupVersionKind, delta: Delta): void {
    const { uid } = delta.head;
    const known = this.#children.get(uid);
    if (delta.type === 'Deleted') {
      if (known === undefined) return;
      this.#drop(uid, known);
      // A child that we pruned ourselves was forgotten before this arrived.
      this.#tell(known.owners);
      return;
    }
    if (known?.ref.resourceVersion === delta.head.resourceVersion && known.digest !== '') return;
    const object = parseExact(delta.raw) as KubeObject;
    const owners = (object.metadata.ownerReferences ?? []).map((owner) => owner.uid);
    const busy = owners.map(objectKey).find((owner) => this.#options.writing(owner));
    if (busy !== undefined) {
      this.#held.set(busy, [...(this.#held.get(busy) ?? []), [kind, delta]]);
      return;
    }
    const digest = childDigest(object, this.#options.fieldManager);
    const own = this.#ownVersions.get(uid) === delta.head.resourceVersion;
    if (own) this.#ownVersions.delete(uid);
    this.#put({ ref: refOf(kind, delta.head), digest, owners });
    const first = known === undefined && !this.#synced.has(kindName(kind));
    if (own || first || known?.digest === digest || known?.digest === '') return;
    this.#tell(new Set([...owners, ...(known?.owners ?? [])]));
  }

  /** From now on a child that was not known before is news. */
  synced(kind: GroupVersionKind): void {
    this.#synced.add(kindName(kind));
  }

  /** Takes over what a write of ours returned, so that its echo fires nothing. */
  applied(owner: ObjectKey, ref: ChildRef): void {
    const known = this.#children.get(ref.uid);
    if (known?.ref.resourceVersion === ref.resourceVersion) return;
    this.#ownVersions.set(ref.uid, ref.resourceVersion);
    // Without a digest yet: the first state that the watch shows becomes the one to compare with.
    if (known === undefined) this.#put({ ref, digest: '', owners: [owner] });
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
    if (known !== undefined) this.#drop(uid, known);
    this.#children.set(uid, child);
    for (const owner of child.owners) {
      const uids = this.#byOwner.get(owner) ?? new Set();
      this.#byOwner.set(owner, uids.add(uid));
    }
  }

  #drop(uid: string, child: Child): void {
    this.#children.delete(uid);
    for (const owner of child.owners) {
      const uids = this.#byOwner.get(owner);
      uids?.delete(uid);
      if (uids?.size === 0) this.#byOwner.delete(owner);
    }
  }

  #tell(owners: Iterable<string>): void {
    for (const owner of owners) this.#options.changed(objectKey(owner));
  }
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
