import type { ControllerOptions } from './garbage-collector.ts';
import type { Json } from './json.ts';
import type { Stored } from './object-store.ts';
import { PATCH_TYPES } from './patches.ts';

const RESOURCE = 'deployments.apps';

/** Lets Deployments become available, without Pods: replicas are seen first, and available a moment later. */
export class DeploymentController {
  readonly #options: ControllerOptions;

  constructor(options: ControllerOptions) {
    this.#options = options;
  }

  start(): void {
    const { state, clock, delayMs } = this.#options;
    state.store.subscribe(({ resource, before, after }) => {
      if (resource !== RESOURCE || after === undefined) return;
      if (before !== undefined && before.object['spec'] === after.object['spec']) return;
      clock.after(delayMs, () => this.#state(after.key, false));
      clock.after(2 * delayMs, () => this.#state(after.key, true));
    });
  }

  #state(key: string, isAvailable: boolean): void {
    const { store, kinds, writer } = this.#options.state;
    const stored = store.get(RESOURCE, key);
    const kind = kinds.find('apps/v1', 'deployments');
    if (stored === undefined || kind === undefined) return;
    const { name, namespace } = stored.object['metadata'] as Json;
    const status = this.#status(stored, isAvailable);
    const at = { kind, namespace, name, subresource: 'status' };
    writer.patch(at, PATCH_TYPES.merge, { status }, { fieldManager: 'kube-controller-manager' });
  }

  #status({ object }: Stored, isAvailable: boolean): Json {
    const wanted = (object['spec'].replicas as number | undefined) ?? 1;
    const before = object['status'] as Json | undefined;
    const had = (before?.['availableReplicas'] as number | undefined) ?? 0;
    const available = isAvailable ? wanted : Math.min(had, wanted);
    const missing = wanted - available;
    const type = { type: 'Available', status: missing === 0 ? 'True' : 'False' };
    const reason = missing === 0 ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable';
    const known = (before?.['conditions'] as Json[] | undefined)?.[0];
    const lastTransitionTime =
      known?.['status'] === type.status
        ? (known['lastTransitionTime'] as string)
        : `${new Date(this.#options.clock.now()).toISOString().slice(0, 19)}Z`;
    return {
      observedGeneration: object['metadata'].generation,
      replicas: wanted,
      updatedReplicas: wanted,
      readyReplicas: available,
      availableReplicas: available,
      unavailableReplicas: missing === 0 ? null : missing,
      conditions: [{ ...type, reason, message: '', lastTransitionTime }],
    };
  }
}
