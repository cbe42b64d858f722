/** What the demo sees of the cluster: watches of its own, independent of the forwarder's. */
import { Discovery } from '../../forwarder/kube/discovery.ts';
import { HttpKubeClient } from '../../forwarder/kube/kube-client.ts';
import { loadAccess } from '../../forwarder/kube/load-access.ts';
import { StreamTransport } from '../../forwarder/kube/stream-transport.ts';
import { systemClock } from '../../forwarder/lib/clock.ts';
import { ApiError } from '../../forwarder/lib/errors.ts';
import { silentLogger } from '../../forwarder/lib/logger.ts';
import { systemRandom } from '../../forwarder/lib/random.ts';
import type { KubeObject } from '../../forwarder/model/kube-object.ts';
import { noMeter } from '../../forwarder/model/metrics.ts';
import { SourceRegistry } from '../../forwarder/source/source-registry.ts';

/** An object as the watch last showed it. */
export interface Sight {
  readonly object: KubeObject;
  /** On the clock of `performance.now`. */
  readonly atMs: number;
}

export class ClusterView implements AsyncDisposable {
  readonly #client: HttpKubeClient;
  readonly #transport: StreamTransport;
  readonly #sources: SourceRegistry;
  readonly #sights = new Map<string, Sight>();
  readonly #ready = new Set<string>();

  private constructor(client: HttpKubeClient, transport: StreamTransport, sources: SourceRegistry) {
    this.#client = client;
    this.#transport = transport;
    this.#sources = sources;
  }

  static async connect(kubeconfig: string): Promise<ClusterView> {
    const clock = systemClock;
    const access = await loadAccess({ kubeconfig, clock, logger: silentLogger });
    const client = new HttpKubeClient({ access, clock });
    const transport = new StreamTransport({ access, clock });
    const discovery = new Discovery(client);
    const sources = new SourceRegistry({
      connect: () => ({ transport, discovery }),
      clock,
      random: systemRandom,
      logger: silentLogger,
      meter: noMeter,
    });
    return new ClusterView(client, transport, sources);
  }

  /** Watches a kind in a namespace. */
  watch(apiVersion: string, kind: string, namespace: string): void {
    this.#sources.subscribe(
      { apiVersion, kind, namespace, identity: 'demo' },
      {
        resolved: () => undefined,
        synced: () => void this.#ready.add(kind),
        health: () => undefined,
        delta: (delta) => {
          const id = `${kind}/${delta.head.name}`;
          if (delta.type === 'Deleted') this.#sights.delete(id);
          else
            this.#sights.set(id, {
              object: JSON.parse(delta.raw) as KubeObject,
              atMs: performance.now(),
            });
        },
      },
    );
  }

  /** Whether the kind has been listed. */
  watches(kind: string): boolean {
    return this.#ready.has(kind);
  }

  see(kind: string, name: string): Sight | undefined {
    return this.#sights.get(`${kind}/${name}`);
  }

  /** Server-side applies a manifest as `statewire-demo`. */
  async apply(path: string, manifest: object): Promise<KubeObject> {
    const { text } = await this.#client.request({
      method: 'PATCH',
      path,
      query: { fieldManager: 'statewire-demo', force: 'true' },
      contentType: 'application/apply-patch+yaml',
      body: JSON.stringify(manifest),
    });
    return JSON.parse(text) as KubeObject;
  }

  async get<T>(path: string): Promise<T | undefined> {
    try {
      return JSON.parse((await this.#client.request({ method: 'GET', path })).text) as T;
    } catch (error) {
      if (error instanceof ApiError && error.code === 'API_NOT_FOUND') return undefined;
      throw error;
    }
  }

  async remove(path: string): Promise<void> {
    try {
      await this.#client.request({ method: 'DELETE', path });
    } catch (error) {
      if (!(error instanceof ApiError && error.code === 'API_NOT_FOUND')) throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sources.stop();
    this.#transport.close();
    await this.#client[Symbol.asyncDispose]();
  }
}
