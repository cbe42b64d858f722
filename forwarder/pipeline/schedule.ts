/** When a key is delivered: once it has been quiet, by its turn in the queue, or at a wake-up. */
import { Debouncer } from '../debounce/debouncer.ts';
import type { Clock } from '../lib/clock.ts';
import type { Random } from '../lib/random.ts';
import type { ObjectKey } from '../model/kube-object.ts';
import type { Meter } from '../model/metrics.ts';
import type { TriggerSpec } from '../model/trigger.ts';
import { TriggerQueue } from '../queue/trigger-queue.ts';
import { type WakeupReason, Wakeups } from './wakeups.ts';

export interface ScheduleOptions {
  readonly clock: Clock;
  readonly meter: Meter;
  /** `namespace/name` of the trigger. */
  readonly name: string;
  readonly debounce: TriggerSpec['debounce'];
  /** Something can be taken from the queue. */
  readonly onReady: () => void;
  readonly onWakeup: (key: ObjectKey, reason: WakeupReason) => void;
}

export class Schedule {
  readonly queue: TriggerQueue;
  readonly #options: ScheduleOptions;
  readonly #wakeups: Wakeups;
  #debouncer: Debouncer;

  constructor(options: ScheduleOptions) {
    this.#options = options;
    this.queue = new TriggerQueue(options);
    this.#wakeups = new Wakeups(options.clock, options.onWakeup);
    this.#debouncer = this.#newDebouncer(options.debounce);
  }

  /** A change of that key matters. `background` work yields to fresh changes and does not wait for quiet. */
  pass(
    key: ObjectKey,
    {
      immediate = false,
      background = false,
    }: { readonly immediate?: boolean; readonly background?: boolean } = {},
  ): void {
    if (this.settles(key) || this.queue.isReady(key)) {
      this.#options.meter.count('statewire_coalesced_total', { trigger: this.#options.name });
    }
    if (background && !this.settles(key)) this.queue.add(key, 'background');
    else this.#debouncer.add(key, { immediate });
  }

  /** Whether the key still waits for quiet. */
  settles(key: ObjectKey): boolean {
    return this.#debouncer.has(key);
  }

  /** From now on keys wait like this; those of `keys` that wait already go on waiting. */
  setDebounce(debounce: TriggerSpec['debounce'], keys: Iterable<ObjectKey>): void {
    const before = this.#debouncer;
    this.#debouncer = this.#newDebouncer(debounce);
    for (const key of keys) if (before.has(key)) this.#debouncer.add(key);
    before.stop();
  }

  /** Replaces the key's wake-up; without a time it is cancelled. */
  wakeUp(key: ObjectKey, reason: WakeupReason, afterMs: number | undefined): void {
    if (afterMs === undefined) this.#wakeups.cancel(key);
    else this.#wakeups.set(key, afterMs, reason);
  }

  forget(key: ObjectKey): void {
    this.#debouncer.forget(key);
    this.queue.forget(key);
    this.#wakeups.cancel(key);
  }

  stop(): void {
    this.#debouncer.stop();
    this.queue.stop();
    this.#wakeups.stop();
  }

  #newDebouncer({ quietMs, maxWaitMs }: TriggerSpec['debounce']): Debouncer {
    const { clock } = this.#options;
    return new Debouncer({ clock, quietMs, maxWaitMs, release: (key) => this.queue.add(key, 'fresh') });
  }
}

/** A time within a tenth around the given one, so that objects that came together part. */
export function spread(afterMs: number, random: Random): number {
  return afterMs * (0.9 + 0.2 * random());
}
