/** Sources on a real API server of a test file's own, kinds that it installs, and subscribers that keep what they are told. */
import { systemClock } from '../../forwarder/lib/clock.ts';
import { silentLogger } from '../../forwarder/lib/logger.ts';
import { systemRandom } from '../../forwarder/lib/random.ts';
import type { Delta } from '../../forwarder/model/delta.ts';
import { type Meter, noMeter } from '../../forwarder/model/metrics.ts';
import { Discovery } from '../../forwarder/kube/discovery.ts';
import type { KubeAccess } from '../../forwarder/kube/kube-access.ts';
import { HttpKubeClient } from '../../forwarder/kube/kube-client.ts';
import { loadAccess } from '../../forwarder/kube/load-access.ts';
import { StreamTransport } from '../../forwarder/kube/stream-transport.ts';
import { SourceRegistry } from '../../forwarder/source/source-registry.ts';
import type { SourceKey } from '../../forwarder/source/source-key.ts';
import type { SourceSubscriber } from '../../forwarder/source/source-subscriber.ts';
import { type LocalCluster, startLocalCluster } from '../../local-cluster/start.ts';
import { eventually } from './eventually.ts';

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

function crd(plural: string, kind: string): object {
  const any = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  const openAPIV3Schema = { type: 'object', properties: { spec: any, status: any } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.reflector.test` },
    spec: {
      group: 'reflector.test',
      scope: 'Namespaced',
      names: { plural, singular: kind.toLowerCase(), kind, listKind: `${kind}List` },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          subresources: { status: {} },
          schema: { openAPIV3Schema },
        },
      ],
    },
  };
}

/** Keeps what a source tells. */
export class Follower implements SourceSubscriber {
  readonly deltas: Delta[] = [];
  readonly log: string[] = [];
  readonly #objects = new Map<string, string>();

  resolved({ plural }: { readonly plural: string }): void {
    this.log.push(`resolved ${plural}`);
  }
  delta(delta: Delta): void {
    this.deltas.push(delta);
    this.log.push(`${delta.type} ${delta.head.name}`);
    if (delta.type === 'Deleted') this.#objects.delete(delta.head.uid);
    else this.#objects.set(delta.head.uid, delta.head.name);
  }
  synced(): void {
    this.log.push('synced');
  }
  health({ state }: { readonly state: string }): void {
    this.log.push(state);
  }

  /** Names of what exists, as far as it was told. */
  get names(): string {
    return [...this.#objects.values()].sort().join();
  }

  async has(line: string, times = 1): Promise<void> {
    const seen = (): number => this.log.filter((entry) => entry === line).length;
    await eventually(`${times} × ${line} in ${this.log.join(', ')}`, () => seen() >= times);
  }
}

export interface Following {
  readonly follower: Follower;
  /** Reasons of the lists made. */
  readonly relists: readonly string[];
  /** One more on the same sources. */
  readonly join: () => Follower;
}

export interface Items {
  readonly create: (name: string, labels?: Record<string, string>) => Promise<void>;
  readonly remove: (name: string) => Promise<void>;
  readonly patch: (name: string, body: object) => Promise<void>;
}

/** An API server whose process may be killed and whose history may be compacted. */
export class SourceStage implements AsyncDisposable {
  readonly cluster: LocalCluster;
  readonly access: KubeAccess;
  readonly client: HttpKubeClient;

  private constructor(cluster: LocalCluster, access: KubeAccess) {
    this.cluster = cluster;
    this.access = access;
    this.client = new HttpKubeClient({ access, clock: systemClock });
  }

  static async open(): Promise<SourceStage> {
    const cluster = await startLocalCluster({ components: 'api' });
    const { kubeconfigPath: kubeconfig } = cluster;
    return new SourceStage(
      cluster,
      await loadAccess({ kubeconfig, clock: systemClock, logger: silentLogger }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]();
    await this.cluster[Symbol.asyncDispose]();
  }

  async install(plural: string, kind: string): Promise<void> {
    await this.client.request({ method: 'POST', path: CRDS, body: JSON.stringify(crd(plural, kind)) });
    await eventually(`${plural} served`, async () => {
      const { text } = await this.client.request({ method: 'GET', path: '/apis' });
      return text.includes('reflector.test') && (await this.served(plural));
    });
  }

  async uninstall(plural: string): Promise<void> {
    await this.client.request({ method: 'DELETE', path: `${CRDS}/${plural}.reflector.test` });
  }

  async served(plural: string): Promise<boolean> {
    const path = `/apis/reflector.test/v1/${plural}`;
    return this.client.request({ method: 'GET', path }).then(
      () => true,
      () => false,
    );
  }

  /** Follows a kind with sources of its own, gone with the test. */
  follow(
    t: { after(action: () => Promise<void>): void },
    key: Partial<SourceKey> & { readonly kind: string },
    as: KubeAccess = this.access,
  ): Following {
    const relists: string[] = [];
    const meter: Meter = {
      ...noMeter,
      count: (name, labels) => {
        if (name === 'statewire_relists_total') relists.push(labels['reason'] ?? '');
      },
    };
    const transport = new StreamTransport({ access: as, clock: systemClock });
    const own = new HttpKubeClient({ access: as, clock: systemClock });
    const sources = new SourceRegistry({
      connect: () => ({ transport, discovery: new Discovery(own) }),
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
      meter,
    });
    const join = (): Follower => {
      const follower = new Follower();
      sources.subscribe({ apiVersion: 'reflector.test/v1', identity: 'test', ...key }, follower);
      return follower;
    };
    t.after(async () => {
      await sources.stop();
      transport.close();
      await own[Symbol.asyncDispose]();
    });
    return { follower: join(), relists, join };
  }

  /** Objects of an installed kind. */
  items(plural: string, kind: string): Items {
    const { client } = this;
    const root = `/apis/reflector.test/v1/namespaces/default/${plural}`;
    return {
      async create(name, labels = {}) {
        const body = {
          apiVersion: 'reflector.test/v1',
          kind,
          metadata: { name, labels },
          spec: { text: 'ü{"' },
        };
        await client.request({ method: 'POST', path: root, body: JSON.stringify(body) });
      },
      async remove(name) {
        await client.request({ method: 'DELETE', path: `${root}/${name}` });
      },
      async patch(name, body) {
        const contentType = 'application/merge-patch+json';
        await client.request({
          method: 'PATCH',
          path: `${root}/${name}`,
          body: JSON.stringify(body),
          contentType,
        });
      },
    };
  }
}
