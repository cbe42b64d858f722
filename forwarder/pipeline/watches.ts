/** What one trigger watches: its objects, and the kinds that they own. */
import type { Logger } from '../lib/logger.ts';
import { type OwnedKind, TRIGGER_LABEL, type Trigger, triggerLabelValue } from '../model/trigger.ts';
import type { SourceSubscriber, Subscription } from '../source/source-subscriber.ts';
import type { ChildTracker } from './child-tracker.ts';
import type { Services } from './services.ts';

export class Watches {
  readonly #services: Pick<Services, 'sources' | 'identityOf'>;
  readonly #children: ChildTracker;
  readonly #logger: Logger;
  #objects: Subscription | undefined;
  #owned: Subscription[] = [];

  constructor(services: Pick<Services, 'sources' | 'identityOf'>, children: ChildTracker, logger: Logger) {
    this.#services = services;
    this.#children = children;
    this.#logger = logger;
  }

  open({ identity, spec }: Trigger, objects: SourceSubscriber): void {
    const { sources, identityOf } = this.#services;
    const { apiVersion, kind, labelSelector, fieldSelector, owns } = spec.watch;
    const scope = { namespace: identity.namespace, identity: identityOf(identity) };
    this.#objects = sources.subscribe({ ...scope, apiVersion, kind, labelSelector, fieldSelector }, objects);
    this.#children.expect(owns);
    const applied = `${TRIGGER_LABEL}=${triggerLabelValue(identity)}`;
    this.#owned = owns.map((owned) =>
      sources.subscribe(
        {
          ...scope,
          apiVersion: owned.apiVersion,
          kind: owned.kind,
          labelSelector: owned.labelSelector ?? applied,
        },
        this.#childSubscriber(owned),
      ),
    );
  }

  /** Asks for every object again. */
  relist(): void {
    this.#objects?.relist();
  }

  close(): void {
    this.#objects?.unsubscribe();
    this.#objects = undefined;
    for (const subscription of this.#owned.splice(0)) subscription.unsubscribe();
  }

  #childSubscriber(kind: OwnedKind): SourceSubscriber {
    return {
      resolved: () => undefined,
      delta: (delta) => this.#children.delta(kind, delta),
      synced: () => this.#children.synced(kind),
      health: ({ state, message }) => {
        if (state === 'Synced' || state === 'Syncing') return;
        this.#logger.warn('children cannot be watched', { reason: state, error: message });
        this.#children.missing(kind);
      },
    };
  }
}
