import type { Clock, Timer } from '../../forwarder/lib/clock.ts';
import type { Change, ObjectStore, Stored } from './object-store.ts';

/** How long the API server waits for its cache to catch up with a version that a request names. */
const FRESH_TIMEOUT_MS = 3000;

/**
 * What one API server knows of etcd: everything up to some revision, which may lag behind. Watches, and reads that
 * allow old data, see this.
 */
export class WatchCache {
  readonly #store: ObjectStore;
  readonly #clock: Clock;
  readonly #watchers = new Map<string, Set<(change: Change) => void>>();
  /** Written, and not yet seen. */
  #pending: Change[] = [];
  #waiting: { readonly revision: number; readonly run: () => void }[] = [];
  #revision: number;
  #lagMs = 0;
  #timer: Timer | undefined;

  constructor(options: { readonly store: ObjectStore; readonly clock: Clock }) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#revision = options.store.revision;
    options.store.retain(() => this.#revision);
    options.store.subscribe((change) => {
      this.#pending.push(change);
      this.#advance();
    });
  }

  /** Everything up to here is seen. */
  get revision(): number {
    return this.#revision;
  }

  get lagMs(): number {
    return this.#lagMs;
  }

  /** Infinity: nothing more is seen, until it is set again. */
  set lagMs(value: number) {
    this.#lagMs = value;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#advance();
  }

  list(resource: string): readonly Stored[] {
    return this.#store.snapshot(resource, this.#revision);
  }

  get(resource: string, key: string): Stored | undefined {
    if (this.#revision === this.#store.revision) return this.#store.get(resource, key);
    return this.list(resource).find((stored) => stored.key === key);
  }

  /** Calls back with every change of a resource once it is seen. The returned function ends that. */
  subscribe(resource: string, watcher: (change: Change) => void): () => void {
    const watchers = this.#watchers.get(resource) ?? new Set();
    this.#watchers.set(resource, watchers);
    watchers.add(watcher);
    return () => void watchers.delete(watcher);
  }

  /** Runs at once, or as soon as a revision is seen; `late` instead where that takes more than three seconds. */
  whenAt(revision: number, run: () => void, late: () => void): void {
    if (revision <= this.#revision) {
      run();
      return;
    }
    const waiting = {
      revision,
      run: () => {
        timer.cancel();
        run();
      },
    };
    const timer = this.#clock.after(FRESH_TIMEOUT_MS, () => {
      this.#waiting = this.#waiting.filter((one) => one !== waiting);
      late();
    });
    this.#waiting.push(waiting);
  }

  #advance(): void {
    const seenMs = this.#clock.monotonic() - this.#lagMs;
    let count = 0;
    for (const change of this.#pending) {
      if (change.atMs > seenMs) break;
      count++;
    }
    const seen = this.#pending.splice(0, count);
    for (const change of seen) {
      this.#revision = change.revision;
      for (const watcher of this.#watchers.get(change.resource) ?? []) watcher(change);
    }
    const due = this.#waiting.filter(({ revision }) => revision <= this.#revision);
    if (due.length > 0) {
      this.#waiting = this.#waiting.filter(({ revision }) => revision > this.#revision);
      for (const { run } of due) run();
    }
    const [next] = this.#pending;
    if (next === undefined || this.#timer !== undefined || this.#lagMs === Infinity) return;
    this.#timer = this.#clock.after(next.atMs - seenMs, () => {
      this.#timer = undefined;
      this.#advance();
    });
  }
}
