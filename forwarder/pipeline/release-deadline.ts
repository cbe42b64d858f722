/**
 * Which objects wait for their end, and for how long they may where their namespace is being deleted: nothing else ends
 * a wait, and a namespace must be able to go.
 */
import type { NamespaceState } from '../finalizer/namespace-state.ts';
import { Alarm } from '../lib/alarm.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import type { Entry } from './entry.ts';

/** How often a namespace is looked at while an object in it waits. */
const LOOK_EVERY_MS = 30_000;

export interface ReleaseDeadlineOptions {
  readonly namespace: NamespaceState;
  readonly clock: Clock;
  readonly deadlineMs: () => number;
  /** The namespace turned out to be on its way. */
  readonly onTerminating: () => void;
  /** The object has waited for too long. */
  readonly onOverdue: (entry: Entry) => void;
  readonly signal: AbortSignal;
}

export class ReleaseDeadline {
  readonly #options: ReleaseDeadlineOptions;
  /** With the monotonic time since when it is known to wait in a namespace that goes; oldest first. */
  readonly #waiting = new Map<Entry, number | undefined>();
  readonly #alarm: Alarm;
  #look: Timer | undefined;
  #stopped = false;

  constructor(options: ReleaseDeadlineOptions) {
    this.#options = options;
    this.#alarm = new Alarm(options.clock, () => this.#ring());
  }

  /** Whether an object waits may have changed. */
  note(entry: Entry, waits: boolean): void {
    if (!waits) this.forget(entry);
    else if (!this.#stopped && !this.#waiting.has(entry)) {
      this.#waiting.set(entry, undefined);
      this.look();
    }
  }

  forget(entry: Entry): void {
    if (!this.#waiting.delete(entry) || this.#waiting.size > 0) return;
    this.#look?.cancel();
    this.#look = undefined;
    this.#alarm.set(undefined);
  }

  /** Looks at the namespace, and again later for as long as something waits. */
  look(): void {
    const { namespace, clock, signal, onTerminating } = this.#options;
    if (namespace.terminating) {
      this.#arm();
      return;
    }
    this.#look ??= clock.after(LOOK_EVERY_MS, () => {
      this.#look = undefined;
      if (this.#waiting.size > 0) this.look();
    });
    void namespace.ask(signal).then(
      (terminating) => {
        if (!terminating || this.#stopped || this.#look === undefined) return;
        this.#look.cancel();
        this.#look = undefined;
        onTerminating();
        this.#arm();
      },
      () => undefined,
    );
  }

  /** The deadline may be another one. */
  edited(): void {
    if (this.#options.namespace.terminating) this.#arm();
  }

  stop(): void {
    this.#stopped = true;
    this.#look?.cancel();
    this.#alarm.stop();
  }

  #arm(): void {
    const nowMs = this.#options.clock.monotonic();
    for (const [entry, sinceMs] of this.#waiting) if (sinceMs === undefined) this.#waiting.set(entry, nowMs);
    const [oldestMs] = this.#waiting.values();
    this.#alarm.set(oldestMs === undefined ? undefined : oldestMs + this.#options.deadlineMs());
  }

  #ring(): void {
    const dueMs = this.#options.clock.monotonic() - this.#options.deadlineMs();
    for (const [entry, sinceMs] of this.#waiting) {
      if (sinceMs === undefined || sinceMs > dueMs) continue;
      this.#waiting.delete(entry);
      this.#options.onOverdue(entry);
    }
    this.#arm();
  }
}
