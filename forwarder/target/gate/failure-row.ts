/**
 * The failures of different objects in a row: what tells a broken target from a poison object.
 *
 * A call that proves the target ends the row. An object whose delivery failed before such a proof, and which has not
 * been handled since, is known to fail by itself: its further delivery failures say nothing about the target. So poison
 * objects among healthy ones never look like a broken target, not even when only they are left to be tried.
 */
import type { ObjectKey } from '../../model/kube-object.ts';

/** So many different objects make a row. */
const ROW_LENGTH = 3;

export type FailureKind = 'delivery' | 'target';

export class FailureRow {
  /** The objects of the row; 'delivery' where any of their failures in it was taken for the delivery's. */
  readonly #row = new Map<ObjectKey, FailureKind>();
  readonly #failingByThemselves = new Set<ObjectKey>();

  /** Whether enough different objects failed in a row. */
  get isFull(): boolean {
    return this.#row.size >= ROW_LENGTH;
  }

  /** The objects of the row that had a failure which was taken for the delivery's. */
  get deliveryFailures(): ObjectKey[] {
    return [...this.#row].filter(([, kind]) => kind === 'delivery').map(([key]) => key);
  }

  /** Notes a failed call. */
  fail(key: ObjectKey, kind: FailureKind): void {
    if (kind === 'target') this.#row.set(key, this.#row.get(key) ?? kind);
    else if (!this.#failingByThemselves.has(key)) this.#row.set(key, kind);
  }

  /** Notes a call that proves the target. `handled`: the object's own trouble, if it had one, is over. */
  prove(key: ObjectKey, handled: boolean): void {
    for (const failed of this.deliveryFailures) this.#failingByThemselves.add(failed);
    this.#row.clear();
    if (handled) this.#failingByThemselves.delete(key);
  }

  /** The object is gone. */
  forget(key: ObjectKey): void {
    this.#row.delete(key);
    this.#failingByThemselves.delete(key);
  }
}
