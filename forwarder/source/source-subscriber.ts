import type { Delta } from '../model/delta.ts';
import type { Resource } from '../model/resource.ts';

/** How a source is. */
export interface SourceHealth {
  readonly state: 'Syncing' | 'Synced' | 'ResourceNotFound' | 'Forbidden' | 'Unavailable';
  /** One line; the same for the same problem. */
  readonly message: string;
}

/**
 * Who listens to a source. Called one at a time, never from inside `subscribe`; what it throws is logged and changes
 * nothing for the source or for others.
 */
export interface SourceSubscriber {
  /** The kind is served, as this. Again when it comes back under another plural or scope. */
  resolved(resource: Resource): void;
  delta(delta: Delta): void;
  /** Every object that exists has been told: after the first list and after each later one. */
  synced(): void;
  /** The first time soon after subscribing, then on every change. */
  health(health: SourceHealth): void;
}

export interface Subscription {
  /** No call comes after this. */
  unsubscribe(): void;
  /** Asks for every object again, as `Listed`, and then `synced()`. The watch goes on meanwhile. */
  relist(): void;
}
