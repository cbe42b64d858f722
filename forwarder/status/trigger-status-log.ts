/** Triggers from a file have no status to write: what changes about them is logged. */
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { type TriggerIdentity, triggerName } from '../model/trigger.ts';
import type { ConditionChange } from './conditions.ts';
import { changed, type StatusState } from './status-state.ts';
import type { StatusChange, TriggerStatusSink } from './trigger-status.ts';

export interface TriggerStatusLogOptions {
  readonly logger: Logger;
  readonly clock: Pick<Clock, 'now'>;
}

/** A condition that turns False is a warning, one that turns True information; what stays as it was is not told. */
export class TriggerStatusLog implements TriggerStatusSink {
  readonly #logger: Logger;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #states = new Map<string, StatusState>();

  constructor({ logger, clock }: TriggerStatusLogOptions) {
    this.#logger = logger;
    this.#clock = clock;
  }

  adopt(): void {
    // A trigger from a file comes without a status.
  }

  checkpointOf({ uid }: TriggerIdentity): string | undefined {
    return this.#states.get(uid)?.checkpoint;
  }

  reasonOf({ uid }: TriggerIdentity, type: ConditionChange['type']): string | undefined {
    return this.#states.get(uid)?.conditions.find((one) => one.type === type)?.reason;
  }

  update(trigger: TriggerIdentity, change: StatusChange): void {
    const known = this.#states.get(trigger.uid);
    const state = changed(known, trigger, change, this.#clock.now());
    this.#states.set(trigger.uid, state);
    for (const { type, status, reason, message } of state.conditions) {
      const old = known?.conditions.find((one) => one.type === type);
      const isNew = old?.status !== status || (status === 'False' && old.message !== message);
      if (!isNew || status === 'Unknown') continue;
      const fields = { trigger: triggerName(trigger), reason, ...(message === '' ? {} : { error: message }) };
      if (status === 'False') this.#logger.warn(`trigger condition ${type} is False`, fields);
      else this.#logger.info(`trigger condition ${type} is True`, fields);
    }
  }

  forget({ uid }: TriggerIdentity): void {
    this.#states.delete(uid);
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }
}
