/** One wake-up per object: what its function asked for (`requeueAfter`), or the trigger's resync. */
import { Alarm } from '../lib/alarm.ts';
import type { Clock } from '../lib/clock.ts';
import { DueTimes } from '../lib/due-times.ts';
import type { ObjectKey } from '../model/kube-object.ts';

export type WakeupReason = 'Requeue' | 'Resync';

export interface Wakeup {
  readonly reason: WakeupReason;
  /** Wall clock: names the wake-up in event ids, also after a restart. */
  readonly dueUnixSeconds: number;
}

export class Wakeups {
  readonly #clock: Clock;
  readonly #due: DueTimes<ObjectKey>;
  readonly #wakeups = new Map<ObjectKey, Wakeup>();
  readonly #alarm: Alarm;
  readonly #wake: (key: ObjectKey, wakeup: Wakeup) => void;
  #isHeld = false;

  constructor(clock: Clock, wake: (key: ObjectKey, wakeup: Wakeup) => void) {
    this.#clock = clock;
    this.#wake = wake;
    this.#due = new DueTimes();
    this.#alarm = new Alarm(clock, () => this.#ring());
  }

  /** Replaces the key's wake-up. */
  set(key: ObjectKey, afterMs: number, reason: WakeupReason): void {
    this.#set(key, afterMs, { reason, dueUnixSeconds: Math.floor((this.#clock.now() + afterMs) / 1000) });
  }

  /** Goes on with a wake-up of an earlier process; one that was due meanwhile is due now. None rings until `resume`. */
  restore(key: ObjectKey, wakeup: Wakeup): void {
    this.#isHeld = true;
    this.#set(key, Math.max(0, wakeup.dueUnixSeconds * 1000 - this.#clock.now()), wakeup);
  }

  /** Everything is known that a wake-up may be about. */
  resume(): void {
    this.#isHeld = false;
    this.#arm();
  }

  /** What the key will be woken up for. */
  of(key: ObjectKey): Wakeup | undefined {
    return this.#wakeups.get(key);
  }

  cancel(key: ObjectKey): void {
    if (this.#wakeups.delete(key)) this.#due.delete(key);
  }

  stop(): void {
    this.#alarm.stop();
  }

  #set(key: ObjectKey, afterMs: number, wakeup: Wakeup): void {
    this.#due.set(key, this.#clock.monotonic() + afterMs);
    this.#wakeups.set(key, wakeup);
    this.#arm();
  }

  #ring(): void {
    const nowMs = this.#clock.monotonic();
    for (let key = this.#due.pop(nowMs); key !== undefined; key = this.#due.pop(nowMs)) {
      const wakeup = this.#wakeups.get(key);
      this.#wakeups.delete(key);
      if (wakeup !== undefined) this.#wake(key, wakeup);
    }
    this.#arm();
  }

  #arm(): void {
    if (!this.#isHeld) this.#alarm.set(this.#due.nextMs);
  }
}
