/** What one trigger watches: the kind as it is served, how its objects are judged, and whether all have been seen. */
import type { Rules } from '../filter/rules.ts';
import type { Delta } from '../model/delta.ts';
import { apiVersionOf, type Resource } from '../model/resource.ts';
import type { SourceHealth } from '../source/source-subscriber.ts';
import { rulesOf, type Setup } from './setup.ts';
import type { Watches } from './watches.ts';

export interface ScopeOptions {
  readonly watches: Watches;
  readonly setup: () => Setup;
  readonly delta: (delta: Delta) => void;
  /** A list is complete. */
  readonly synced: () => void;
  readonly health: (health: SourceHealth) => void;
  /** The kind is not this trigger's to see: the reason and message of its `Accepted` condition. */
  readonly refused: (reason: string, message: string) => void;
}

export class Scope {
  readonly #options: ScopeOptions;
  #resource: Resource | undefined;
  #rules: Rules | undefined;
  #synced = false;
  #leaving = false;

  constructor(options: ScopeOptions) {
    this.#options = options;
  }

  /** The kind as it is served; undefined until that is known. */
  get resource(): Resource | undefined {
    return this.#resource;
  }

  /** Undefined until the kind is known, and where it is not the trigger's to see. */
  get rules(): Rules | undefined {
    return this.#rules;
  }

  /** Throws before the kind is known. */
  get currentRules(): Rules {
    if (this.#rules === undefined) throw new Error('an object arrived before its kind was resolved');
    return this.#rules;
  }

  /** Whether the first list of the selection has been taken in, or cannot be had for now. */
  get settled(): boolean {
    return this.#synced;
  }

  /** Begins to watch, or begins anew with another selection. */
  open(): void {
    const { watches, setup, delta, synced, health } = this.#options;
    this.#synced = false;
    watches.close();
    watches.open(setup().trigger, {
      resolved: (resource) => this.#resolved(resource),
      delta,
      synced: () => {
        this.#synced = true;
        synced();
      },
      health: (state) => {
        if (state.state !== 'Syncing') this.#synced = true;
        if (this.#resource?.namespaced !== false) health(state);
      },
    });
  }

  /** The trigger was edited. */
  edited(): void {
    if (this.#resource !== undefined) this.#resolved(this.#resource);
  }

  /** The trigger is going: only what is being deleted and held is still told. */
  leave(): void {
    this.#leaving = true;
    this.edited();
  }

  relist(): void {
    this.#options.watches.relist();
  }

  close(): void {
    this.#options.watches.close();
  }

  #resolved(resource: Resource): void {
    this.#resource = resource;
    if (resource.namespaced) {
      this.#rules = { ...rulesOf(this.#options.setup(), resource), leaving: this.#leaving };
      return;
    }
    // A trigger watches its own namespace; what belongs to the whole cluster is not its to see.
    this.#rules = undefined;
    const kind = `kind "${resource.kind}" of "${apiVersionOf(resource)}"`;
    this.#options.refused(
      'ClusterScoped',
      `spec.watch.kind: ${kind} is cluster-scoped; a FunctionTrigger watches its own namespace`,
    );
  }
}
