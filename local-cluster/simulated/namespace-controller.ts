import type { ControllerOptions } from './garbage-collector.ts';
import type { Json } from './json.ts';
import { storeKey } from './request.ts';

const NAMESPACES = 'namespaces';

/** Empties a namespace that is to go, and lets it go once nothing is left in it. */
export class NamespaceController {
  readonly #options: ControllerOptions;

  constructor(options: ControllerOptions) {
    this.#options = options;
  }

  start(): void {
    const { state, clock, delayMs } = this.#options;
    state.store.subscribe(({ resource, after, shown }) => {
      const { name, namespace = '' } = shown.object['metadata'] as Json;
      const concerned =
        resource === NAMESPACES ? (after === undefined ? '' : name) : after === undefined ? namespace : '';
      if (concerned !== '' && this.#isGoing(concerned)) clock.after(delayMs, () => this.#empty(concerned));
    });
  }

  #isGoing(name: string): boolean {
    const found = this.#options.state.store.get(NAMESPACES, storeKey('', name));
    return found?.object['metadata'].deletionTimestamp !== undefined;
  }

  #empty(name: string): void {
    if (!this.#isGoing(name)) return;
    const { store, kinds, writer } = this.#options.state;
    let left = 0;
    for (const resource of new Set(kinds.all().map((kind) => kind.resource))) {
      const [kind] = kinds.versionsOf(resource);
      if (kind?.namespaced !== true) continue;
      for (const { key, object } of store.list(resource)) {
        if (!key.startsWith(storeKey(name, ''))) continue;
        const at = { kind, namespace: name, name: object['metadata'].name as string, subresource: undefined };
        if (writer.delete(at, {}) !== undefined) left++;
      }
    }
    const key = storeKey('', name);
    const finalizers =
      (store.get(NAMESPACES, key)?.object['metadata'].finalizers as string[] | undefined) ?? [];
    if (left === 0 && finalizers.length === 0) store.commit(NAMESPACES, key, undefined);
  }
}
