/** When a key is delivered: once it has been quiet, by its turn in the queue, or at a wake-up. */
import { Debouncer } from '../debounce/debouncer.ts';
import type { Clock } from '../lib/clock.ts';
import type { Random } from '../lib/random.ts';
import type { ObjectKey } from '../model/kube-object.ts';
import type { Meter } from '../model/metrics.ts';
import type { TriggerSpec } from '../model/trigger.ts';
import { TriggerQueue } from '../queue/trigger-queue.ts';
import { type Wakeup, Wakeups } from './wakeups.ts';

export interface ScheduleOptions {
  readonly clock: Clock;
  readonly meter: Meter;
  /** `namespace/name` of the trigger. */
  readonly name: string;
  readonly spec: Pick<TriggerSpec, 'debounce' | 'resyncMs'>;
  readonly random: Random;
  /** Something can be taken from the queue. */
  readonly onReady: () => void;
  readonly onWakeup: (key: ObjectKey, wakeup: Wakeup) => void;
}

export class Schedule {
  readonly queue: TriggerQueue;
  readonly #options: ScheduleOptions;
  readonly #wakeups: Wakeups;
  #debouncer: Debouncer;
  #resyncMs: number | undefined;

  constructor(options: ScheduleOptions) {
    this.#options = options;
    this.queue = new TriggerQueue(options);
    this.#wakeups = new Wakeups(options.clock, options.onWakeup);
    this.#debouncer = this.#newDebouncer(options.spec.debounce);
    this.#resyncMs = options.spec.resyncMs;
  }

  /** A change of that key matters. `immediate`: it does not wait for quiet; `background` then yields to fresh changes. */
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
    if (immediate && background && !this.settles(key)) this.queue.add(key, 'background');
    else this.#debouncer.add(key, { immediate });
  }

  /** Whether the key still waits for quiet. */
  settles(key: ObjectKey): boolean {
    return this.#debouncer.has(key);
  }

  /** From now on keys wait like this; those of `keys` that wait already go on waiting. */
  edit({ debounce, resyncMs }: Pick<TriggerSpec, 'debounce' | 'resyncMs'>, keys: Iterable<ObjectKey>): void {
    const before = this.#debouncer;
    const isSameResync = resyncMs === this.#resyncMs;
    this.#debouncer = this.#newDebouncer(debounce);
    this.#resyncMs = resyncMs;
    for (const key of keys) {
      if (before.has(key)) this.#debouncer.add(key);
      if (isSameResync || this.#wakeups.of(key)?.reason === 'Requeue') continue;
      this.resyncLater(key);
    }
    before.stop();
  }

  /** An invocation cancels the key's wake-up; the next one is the resync, unless its result asks for another. */
  resyncLater(key: ObjectKey): void {
    if (this.#resyncMs === undefined) this.#wakeups.cancel(key);
    else this.#wakeups.set(key, spread(this.#resyncMs, this.#options.random), 'Resync');
  }

  /** What the function asked for; replaces the key's wake-up. */
  requeue(key: ObjectKey, afterMs: number): void {
    this.#wakeups.set(key, afterMs, 'Requeue');
  }

  /** What the key waits for beside changes; a checkpoint keeps it. */
  wakeupOf(key: ObjectKey): Wakeup | undefined {
    return this.#wakeups.of(key);
  }

  /** Goes on with what an earlier process has left: its wake-up, where there was one. It waits for `resume`. */
  restore(key: ObjectKey, wakeup: Wakeup | undefined): void {
    if (wakeup === undefined || (wakeup.reason === 'Resync' && this.#resyncMs === undefined))
      this.resyncLater(key);
    else this.#wakeups.restore(key, wakeup);
  }

  /** The objects are known: what was restored may be due. */
  resume(): void {
    this.#wakeups.resume();
  }

  /** A call begins with all that is known of the key: no other is due for it, now or after its quiet. */
  covered(key: ObjectKey): void {
    this.#debouncer.forget(key);
    this.queue.forget(key);
  }

  forget(key: ObjectKey): void {
    this.covered(key);
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

/** An event's id names a wake-up by its second. */
const MIN_RESYNC_MS = 1000;

/** Resyncs are spread over a tenth around their time, so that objects that came together part. */
function spread(resyncMs: number, random: Random): number {
  return Math.max(MIN_RESYNC_MS, resyncMs * (0.9 + 0.2 * random()));
}
