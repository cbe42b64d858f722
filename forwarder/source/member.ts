import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { Delta } from '../model/delta.ts';
import type { Resource } from '../model/resource.ts';
import type { SourceHealth, SourceSubscriber } from './source-subscriber.ts';

/** One subscriber: its calls, with what it throws kept from everybody else. */
export class Member {
  readonly #subscriber: SourceSubscriber;
  readonly #logger: Logger;
  #gone = false;
  /** A list that shows it everything is still owed and not under way. */
  waiting = true;

  constructor(subscriber: SourceSubscriber, logger: Logger) {
    this.#subscriber = subscriber;
    this.#logger = logger;
  }

  leave(): void {
    this.#gone = true;
    this.waiting = false;
  }

  resolved(resource: Resource): void {
    this.#call(() => this.#subscriber.resolved(resource));
  }

  delta(delta: Delta): void {
    this.#call(() => this.#subscriber.delta(delta));
  }

  /** A list that it asked for is over; it may have asked for another one meanwhile. */
  synced(): void {
    this.#call(() => this.#subscriber.synced());
  }

  health(health: SourceHealth): void {
    this.#call(() => this.#subscriber.health(health));
  }

  #call(act: () => void): void {
    if (this.#gone) return;
    try {
      act();
    } catch (error) {
      this.#logger.error('a subscriber of a source failed', { error: messageOf(error) });
    }
  }
}
