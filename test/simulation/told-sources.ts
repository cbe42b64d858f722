/** The sources of a process, and what each trigger is told of the objects that it watches. */
import type { Delta } from '../../forwarder/model/delta.ts';
import { type TriggerIdentity, triggerName } from '../../forwarder/model/trigger.ts';
import type { SourceKey } from '../../forwarder/source/source-key.ts';
import { SourceRegistry } from '../../forwarder/source/source-registry.ts';
import type { SourceSubscriber, Subscription } from '../../forwarder/source/source-subscriber.ts';

/** A trigger is told something, and has not acted on it yet. */
export type OnTold = (trigger: string, delta: Delta) => void;

const WATCHED = 'Widget';

export class ToldSources extends SourceRegistry {
  readonly #onTold: OnTold;
  #asking = '';

  constructor(options: ConstructorParameters<typeof SourceRegistry>[0] & { readonly onTold: OnTold }) {
    super(options);
    this.#onTold = options.onTold;
  }

  /** As whom a trigger reads; who asks subscribes next. */
  readonly identityOf = (trigger: TriggerIdentity): string => {
    this.#asking = triggerName(trigger);
    return 'forwarder';
  };

  override subscribe(key: SourceKey, subscriber: SourceSubscriber): Subscription {
    const trigger = this.#asking;
    if (key.kind !== WATCHED) return super.subscribe(key, subscriber);
    return super.subscribe(key, {
      resolved: (resource) => subscriber.resolved(resource),
      delta: (delta) => {
        this.#onTold(trigger, delta);
        subscriber.delta(delta);
      },
      synced: () => subscriber.synced(),
      health: (health) => subscriber.health(health),
    });
  }
}
