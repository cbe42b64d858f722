import type { Clock } from '../../forwarder/lib/clock.ts';
import type { ClusterState } from './cluster-state.ts';
import type { Json } from './json.ts';
import type { Change, Stored } from './object-store.ts';

export interface ControllerOptions {
  readonly state: ClusterState;
  readonly clock: Clock;
  /** How long after a change it acts. */
  readonly delayMs: number;
}

/** Deletes in the background what has lost all of its owners. */
export class GarbageCollector {
  readonly #options: ControllerOptions;
  /** Uids of all objects there are. */
  readonly #alive = new Set<string>();
  /** By the uid of an owner. */
  readonly #dependents = new Map<string, Map<string, Stored>>();

  constructor(options: ControllerOptions) {
    this.#options = options;
  }

  /** From now on. What there is already is left alone. */
  start(): void {
    this.#options.state.store.subscribe((change) => this.#note(change));
  }

  #note({ before, after, shown }: Change): void {
    const uid = shown.object['metadata'].uid as string;
    const id = `${shown.resource} ${shown.key}`;
    for (const owner of ownersOf(before)) this.#dependents.get(owner.uid)?.delete(id);
    const owners = ownersOf(after);
    for (const owner of owners) {
      const dependents = this.#dependents.get(owner.uid) ?? new Map<string, Stored>();
      this.#dependents.set(owner.uid, dependents);
      dependents.set(id, shown);
    }
    if (after !== undefined) {
      this.#alive.add(uid);
      if (owners.some((owner) => !this.#alive.has(owner.uid))) this.#later(() => this.#collect(after));
      return;
    }
    this.#alive.delete(uid);
    if (!this.#dependents.has(uid)) return;
    this.#later(() => {
      for (const dependent of this.#dependents.get(uid)?.values() ?? []) this.#collect(dependent);
      if (this.#dependents.get(uid)?.size === 0) this.#dependents.delete(uid);
    });
  }

  #later(act: () => void): void {
    this.#options.clock.after(this.#options.delayMs, act);
  }

  /** Deletes an object without owners; takes the dead ones off one that has others. */
  #collect({ resource, key }: Stored): void {
    const { store, kinds, writer } = this.#options.state;
    const stored = store.get(resource, key);
    const [kind] = kinds.versionsOf(resource);
    if (stored === undefined || kind === undefined) return;
    const owners = ownersOf(stored);
    const living = owners.filter(({ uid }) => this.#alive.has(uid));
    if (living.length === owners.length) return;
    const { name, namespace = '' } = stored.object['metadata'] as Json;
    const at = { kind, namespace, name, subresource: undefined };
    if (living.length === 0) writer.delete(at, {});
    else {
      const metadata = { ...stored.object['metadata'], ownerReferences: living };
      writer.update(at, { ...stored.object, metadata }, { fieldManager: 'kube-controller-manager' });
    }
  }
}

interface Owner {
  readonly uid: string;
}

function ownersOf(stored: Stored | undefined): readonly Owner[] {
  return (stored?.object['metadata'].ownerReferences as Owner[] | undefined) ?? [];
}
