/** Whose records a checkpoint does not tell rightly: noted and waiting, or being written just now. */
import type { ObjectKey } from '../model/kube-object.ts';

export class UnsavedKeys {
  #waiting = new Set<ObjectKey>();
  #underWay = new Set<ObjectKey>();

  /** Waiting. */
  get size(): number {
    return this.#waiting.size;
  }

  add(key: ObjectKey): void {
    this.#waiting.add(key);
  }

  has(key: ObjectKey): boolean {
    return this.#waiting.has(key) || this.#underWay.has(key);
  }

  /** Those that wait are written now: `stored` or `failed` follows. */
  take(): ReadonlySet<ObjectKey> {
    this.#underWay = this.#waiting;
    this.#waiting = new Set();
    return this.#underWay;
  }

  stored(): void {
    this.#underWay = new Set();
  }

  failed(): void {
    for (const key of this.#underWay) this.#waiting.add(key);
    this.#underWay = new Set();
  }
}
