import type { Clock } from '../../forwarder/lib/clock.ts';
import type { Random } from '../../forwarder/lib/random.ts';
import type { Json } from './json.ts';
import { CRD_RESOURCE, KindRegistry } from './kinds.ts';
import { ObjectStore } from './object-store.ts';
import { ObjectWriter } from './object-writer.ts';
import { storeKey } from './request.ts';
import { withDefaults } from './schema.ts';
import { CRD_FINALIZER } from './strategy.ts';

const FIRST_NAMESPACES = ['default', 'kube-system', 'kube-public'];

/** What the API servers of one cluster share: etcd, the kinds that CRDs define, and the rules of writing. */
export class ClusterState {
  readonly store: ObjectStore;
  readonly kinds: KindRegistry = new KindRegistry();
  readonly writer: ObjectWriter;

  constructor(options: {
    readonly clock: Clock;
    readonly random: Random;
    readonly compactionIntervalMs?: number | undefined;
    readonly namespaces?: readonly string[] | undefined;
  }) {
    this.store = new ObjectStore(options);
    this.writer = new ObjectWriter({ store: this.store, clock: options.clock, random: options.random });
    this.store.subscribe(({ resource, shown, before, after }) => {
      if (resource === CRD_RESOURCE) this.#define(shown.object, before?.object, after?.object);
    });
    const kind = this.kinds.find('v1', 'namespaces');
    for (const name of [...FIRST_NAMESPACES, ...(options.namespaces ?? [])]) {
      if (kind === undefined || this.store.get('namespaces', storeKey('', name)) !== undefined) continue;
      const at = { kind, namespace: '', name: '', subresource: undefined };
      this.writer.create(at, { metadata: { name } }, { fieldManager: 'kube-apiserver' });
    }
  }

  /** Does what becomes due by a write: what belongs to a CRD goes before the CRD itself. */
  settle(): void {
    for (const { key, object } of this.store.list(CRD_RESOURCE)) {
      const { metadata, spec } = object as { metadata: Json; spec: Json };
      if (metadata['deletionTimestamp'] === undefined) continue;
      if (!(metadata['finalizers'] as string[] | undefined)?.includes(CRD_FINALIZER)) continue;
      const resource = `${spec['names'].plural}.${spec['group']}`;
      const [kind] = this.kinds.versionsOf(resource);
      for (const { object: one } of kind === undefined ? [] : this.store.list(resource)) {
        const { name, namespace = '' } = one['metadata'] as Json;
        if (kind) this.writer.delete({ kind, namespace, name, subresource: undefined }, {});
      }
      if (this.store.list(resource).length === 0) this.store.commit(CRD_RESOURCE, key, undefined);
    }
  }

  #define(crd: Json, before: Json | undefined, after: Json | undefined): void {
    if (before !== undefined && before['spec'] === after?.['spec']) return;
    const name = crd['metadata'].name as string;
    this.kinds.define(name, after);
    const [kind] = this.kinds.versionsOf(`${crd['spec'].names.plural}.${crd['spec'].group}`);
    // Objects read from now on have the defaults of today, under the versions they have.
    if (kind && before)
      this.store.rewrite(kind.resource, (object) => withDefaults(object, kind.schema) as Json);
  }
}
