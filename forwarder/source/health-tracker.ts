import { type ApiError, foreignText } from '../lib/errors.ts';
import type { GroupVersionKind } from '../model/resource.ts';
import type { SourceHealth } from './source-subscriber.ts';

/** Failures in a row that are routine: while a synced source loses its server, or a server is not ready for a new kind. */
const TOLERATED_FAILURES = 2;

/** Turns what happens to a source into its health, and tells only changes. */
export class HealthTracker {
  readonly #kind: GroupVersionKind;
  readonly #onChange: (health: SourceHealth) => void;
  #health: SourceHealth;
  #synced = false;
  #failures = 0;

  constructor(kind: GroupVersionKind, onChange: (health: SourceHealth) => void) {
    this.#kind = kind;
    this.#onChange = onChange;
    this.#health = { state: 'Syncing', message: `listing "${kind.kind}" of "${kind.apiVersion}"` };
  }

  get current(): SourceHealth {
    return this.#health;
  }

  /** The server has answered as wanted. */
  healthy(): void {
    this.#failures = 0;
    if (this.#synced) this.#set({ state: 'Synced', message: 'every object is known' });
  }

  /** A list is complete. */
  synced(): void {
    this.#synced = true;
    this.healthy();
  }

  absent(): void {
    const { kind, apiVersion } = this.#kind;
    this.#synced = false;
    this.#failures = 0;
    this.#set({ state: 'ResourceNotFound', message: `kind "${kind}" is not served by "${apiVersion}"` });
  }

  failed(error: ApiError): void {
    switch (error.code) {
      case 'API_FORBIDDEN':
      case 'API_UNAUTHORIZED':
        this.#set({ state: 'Forbidden', message: foreignText(error.message) });
        return;
      case 'API_EXPIRED':
        return;
      default:
        this.#failures++;
        if ((this.#synced || error.code === 'API_THROTTLED') && this.#failures <= TOLERATED_FAILURES) return;
        this.#set({ state: 'Unavailable', message: foreignText(error.message) });
    }
  }

  #set(health: SourceHealth): void {
    if (health.state === this.#health.state && health.message === this.#health.message) return;
    this.#health = health;
    this.#onChange(health);
  }
}
