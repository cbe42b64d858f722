/** One wake-up per object: what its function asked for (`requeueAfter`), or the trigger's resync. */
import { Alarm } from '../lib/alarm.ts';
import type { Clock } from '../lib/clock.ts';
import { DueTimes } from '../lib/due-times.ts';
import type { ObjectKey } from '../model/kube-object.ts';

export type WakeupReason = 'Requeue' | 'Resync';

export class Wakeups {
  readonly #clock: Clock;
  readonly #due: DueTimes<ObjectKey>;
  readonly #reasons = new Map<ObjectKey, WakeupReason>();
  readonly #alarm: Alarm;
  readonly #wake: (key: ObjectKey, reason: WakeupReason) => void;

  constructor(clock: Clock, wake: (key: ObjectKey, reason: WakeupReason) => void) {
    this.#clock = clock;
    this.#wake = wake;
    this.#due = new DueTimes();
    this.#alarm = new Alarm(clock, () => this.#ring());
  }

  /** Replaces the key's wake-up. */
  set(key: ObjectKey, afterMs: number, reason: WakeupReason): void {
    this.#due.set(key, this.#clock.monotonic() + afterMs);
    this.#reasons.set(key, reason);
    this.#arm();
  }

  /** What the key will be woken up for. */
  reasonOf(key: ObjectKey): WakeupReason | undefined {
    return this.#reasons.get(key);
  }

  cancel(key: ObjectKey): void {
    if (this.#reasons.delete(key)) this.#due.delete(key);
  }

  stop(): void {
    this.#alarm.stop();
  }

  #ring(): void {
    const nowMs = this.#clock.monotonic();
    for (let key = this.#due.pop(nowMs); key !== undefined; key = this.#due.pop(nowMs)) {
      const reason = this.#reasons.get(key);
      this.#reasons.delete(key);
      if (reason !== undefined) this.#wake(key, reason);
    }
    this.#arm();
  }

  #arm(): void {
    this.#alarm.set(this.#due.nextMs);
  }
}
