import type { ObjectHead } from '../model/delta.ts';
import { isOlder, type ObjectIndex } from './object-index.ts';

/** An object of which a list and the index say different things. */
export interface Suspect {
  /** `missing` and `older` in the index; `surplus`: in the index, and not in the list. */
  readonly kind: 'missing' | 'older' | 'surplus';
  /** What the list says; of a surplus object what the index said. */
  readonly head: ObjectHead;
  /** The version that the index had; undefined where it had none. */
  readonly known: string | undefined;
}

/**
 * Compares a consistent list with the index, while the watch goes on changing it. A difference proves nothing at first:
 * the watch may just not be there yet. What `remaining` says later, the watch has not told.
 */
export class Suspects {
  readonly #index: ObjectIndex;
  readonly #found = new Map<string, Suspect>();
  /** Known objects that the list shows. */
  #listed = new Set<string>();
  /** What the watch has deleted since the list began. */
  readonly #deleted = new Set<string>();

  constructor(index: ObjectIndex) {
    this.#index = index;
  }

  /** The list begins, or begins again. */
  begin(): void {
    this.#found.clear();
    this.#listed = new Set();
  }

  /** An object of the list. */
  see(head: ObjectHead): void {
    const known = this.#index.get(head.uid);
    if (known !== undefined) this.#listed.add(known.uid);
    if (known === undefined) this.#found.set(head.uid, { kind: 'missing', head, known });
    else if (isBehind(known.resourceVersion, head.resourceVersion)) {
      this.#found.set(head.uid, { kind: 'older', head, known: known.resourceVersion });
    }
  }

  /** The list is over; it tells what existed at this version. */
  end(resourceVersion: string): void {
    for (const head of this.#index.values()) {
      if (this.#listed.has(head.uid) || isOlder(resourceVersion, head.resourceVersion)) continue;
      if (this.#found.has(head.uid)) continue;
      this.#found.set(head.uid, { kind: 'surplus', head, known: head.resourceVersion });
    }
    this.#listed = new Set();
  }

  /** The watch says that an object is gone. */
  deleted(uid: string): void {
    this.#deleted.add(uid);
    this.#found.delete(uid);
  }

  /** Whether the watch has said so since the list began: what a list shows of it is over. */
  isDeleted(uid: string): boolean {
    return this.#deleted.has(uid);
  }

  /** Those of which the index still does not say what the list said. */
  remaining(): readonly Suspect[] {
    for (const [uid, suspect] of this.#found) if (!this.#stands(suspect)) this.#found.delete(uid);
    return [...this.#found.values()];
  }

  #stands({ kind, head, known }: Suspect): boolean {
    if (this.#deleted.has(head.uid)) return false;
    const now = this.#index.get(head.uid)?.resourceVersion;
    if (kind === 'missing') return now === undefined;
    if (now === undefined) return false;
    // Versions that cannot be compared: any movement is taken for the right one.
    return now === known || (kind === 'older' && isOlder(now, head.resourceVersion));
  }
}

/** Whether a list shows something newer than the index has, as far as versions can be compared. */
export function isBehind(known: string, listed: string): boolean {
  return known !== listed && !isOlder(listed, known);
}
