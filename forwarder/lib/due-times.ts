/**
 * Keys with the time at which each is due, the earliest first; keys due at the same time leave in the order in which
 * they were set. A binary heap that knows where each key stands, so a time can be moved or dropped in O(log n).
 */
interface Entry<K> {
  readonly key: K;
  readonly atMs: number;
  readonly order: number;
  index: number;
}

export class DueTimes<K> {
  readonly #entries = new Map<K, Entry<K>>();
  readonly #heap: Entry<K>[] = [];
  #order = 0;

  get size(): number {
    return this.#heap.length;
  }

  /** The time at which the first key is due; undefined where there is none. */
  get nextMs(): number | undefined {
    return this.#heap[0]?.atMs;
  }

  has(key: K): boolean {
    return this.#entries.has(key);
  }

  /** When `key` is due; undefined where it is not here. */
  get(key: K): number | undefined {
    return this.#entries.get(key)?.atMs;
  }

  /** Puts `key` at `atMs`, whatever it had before. */
  set(key: K, atMs: number): void {
    this.delete(key);
    const entry = { key, atMs, order: this.#order++, index: this.#heap.length };
    this.#entries.set(key, entry);
    this.#heap.push(entry);
    this.#rise(entry);
  }

  delete(key: K): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    this.#entries.delete(key);
    const last = this.#heap.pop();
    if (last !== undefined && last !== entry) {
      this.#place(last, entry.index);
      this.#rise(last);
      this.#sink(last);
    }
    return true;
  }

  /** Takes out the first key if it is due at `nowMs`. */
  pop(nowMs: number): K | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.atMs > nowMs) return undefined;
    this.delete(first.key);
    return first.key;
  }

  /** All keys, those due first in front. */
  keys(): K[] {
    return this.#heap.toSorted((a, b) => (isBefore(a, b) ? -1 : 1)).map(({ key }) => key);
  }

  /** The key due first among those that pass the filter, in time linear in their number. */
  first(filter: (key: K) => boolean): K | undefined {
    let first: Entry<K> | undefined;
    for (const entry of this.#heap) {
      if ((first === undefined || isBefore(entry, first)) && filter(entry.key)) first = entry;
    }
    return first?.key;
  }

  clear(): void {
    this.#entries.clear();
    this.#heap.length = 0;
  }

  #place(entry: Entry<K>, index: number): void {
    entry.index = index;
    this.#heap[index] = entry;
  }

  #rise(entry: Entry<K>): void {
    while (entry.index > 0) {
      const parentIndex = (entry.index - 1) >> 1;
      const parent = this.#heap[parentIndex];
      if (parent === undefined || !isBefore(entry, parent)) return;
      this.#place(parent, entry.index);
      this.#place(entry, parentIndex);
    }
  }

  #sink(entry: Entry<K>): void {
    for (;;) {
      const left = this.#heap[2 * entry.index + 1];
      const right = this.#heap[2 * entry.index + 2];
      const child = left !== undefined && right !== undefined && isBefore(right, left) ? right : left;
      if (child === undefined || !isBefore(child, entry)) return;
      const { index } = child;
      this.#place(child, entry.index);
      this.#place(entry, index);
    }
  }
}

function isBefore(a: Entry<unknown>, b: Entry<unknown>): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
