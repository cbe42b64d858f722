/** A control plane of its own with a kind to watch, and a quick client for it. */
import { randomBytes } from 'node:crypto';
import { Pool } from 'undici';
import { type LocalCluster, startLocalCluster } from '../local-cluster/start.ts';
import { type BenchFunction, startFunction } from './bench-function.ts';
import { Forwarder } from './forwarder.ts';

const GROUP = 'bench.statewire.test';
const API_VERSION = `${GROUP}/v1`;
/** Writes under way at once; more only queue in the API server. */
const CONNECTIONS = 32;
/** A Widget as stored takes about this many bytes of JSON, managedFields included. */
export const OBJECT_BYTES = 2048;
const PADDING = OBJECT_BYTES - 700;

export interface TriggerOptions {
  /** @defaultValue that of the world's function */
  readonly url?: string;
  /** Only objects with these. */
  readonly labels?: Readonly<Record<string, string>>;
}

export interface World extends AsyncDisposable {
  readonly function: BenchFunction;
  createNamespace(name: string): Promise<void>;
  /** Widgets `w0`, `w1`, … of 2 KB each. */
  createWidgets(
    namespace: string,
    from: number,
    to: number,
    labels?: (index: number) => Readonly<Record<string, string>>,
  ): Promise<void>;
  /** How many widgets have that `status.phase`. */
  countPhase(namespace: string, phase: string): Promise<number>;
  /** Sets `spec.size`; resolves with the time at which the answer's head came, on performance.now(). */
  edit(namespace: string, name: string, size: number): Promise<number>;
  createTrigger(
    namespace: string,
    name: string,
    delivery: Readonly<Record<string, unknown>>,
    options?: TriggerOptions,
  ): Promise<void>;
  deleteTrigger(namespace: string, name: string): Promise<void>;
  startForwarder(namespace: string): Promise<Forwarder>;
}

export async function openWorld(): Promise<World> {
  const stack = new AsyncDisposableStack();
  const cluster = stack.use(await startLocalCluster({ components: 'api' }));
  const host = stack.use(await startFunction());
  const pool = new Pool(cluster.server, { connections: CONNECTIONS, connect: { ca: cluster.caPem } });
  stack.defer(() => pool.close());
  await cluster.kubectl(['apply', '-f', 'deploy/crds']);
  await cluster.kubectl(['apply', '-f', '-'], JSON.stringify(widgetCrd()));
  await cluster.kubectl(['wait', '--for=condition=Established', '--timeout=30s', 'crd', '--all']);
  const api = apiOf(pool, cluster);
  const widgets = (namespace: string): string => `/apis/${API_VERSION}/namespaces/${namespace}/widgets`;
  const triggers = (namespace: string): string =>
    `/apis/statewire.dev/v1alpha1/namespaces/${namespace}/functiontriggers`;
  const object = (
    apiVersion: string,
    kind: string,
    namespace: string,
    name: string,
    spec: unknown,
    labels: Readonly<Record<string, string>> = {},
  ): unknown => ({
    apiVersion,
    kind,
    metadata: { name, namespace, labels },
    spec,
  });

  return {
    function: host,
    createNamespace: async (name) => {
      await cluster.kubectl(['create', 'namespace', name]);
    },
    createWidgets: async (namespace, from, to, labels = () => ({})) => {
      let next = from;
      const one = async (): Promise<void> => {
        while (next < to) {
          const index = next++;
          const spec = { size: 0, padding: randomBytes(PADDING / 2).toString('hex') };
          const widget = object(API_VERSION, 'Widget', namespace, `w${index}`, spec, labels(index));
          await api('POST', widgets(namespace), widget);
        }
      };
      await Promise.all(Array.from({ length: CONNECTIONS }, one));
    },
    countPhase: async (namespace, phase) => {
      const jsonpath = `jsonpath={.items[?(@.status.phase=="${phase}")].metadata.uid}`;
      const uids = await cluster.kubectl(['get', '-n', namespace, `widgets.${GROUP}`, '-o', jsonpath]);
      return uids.split(' ').filter((uid) => uid !== '').length;
    },
    edit: (namespace, name, size) => api('PATCH', `${widgets(namespace)}/${name}`, { spec: { size } }),
    createTrigger: async (namespace, name, delivery, { url = host.url, labels } = {}) => {
      const selected = labels === undefined ? {} : { labelSelector: { matchLabels: labels } };
      const spec = {
        watch: { apiVersion: API_VERSION, kind: 'Widget', ...selected },
        debounce: { quiet: '0s', maxWait: '0s' },
        target: { http: { url } },
        delivery: { perObject: { burst: 1000, every: '1ms' }, ...delivery },
      };
      await api(
        'POST',
        triggers(namespace),
        object('statewire.dev/v1alpha1', 'FunctionTrigger', namespace, name, spec),
      );
    },
    deleteTrigger: async (namespace, name) => {
      await api('DELETE', `${triggers(namespace)}/${name}`);
    },
    startForwarder: (namespace) => Forwarder.start(cluster.kubeconfigPath, namespace),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

type Api = (method: 'DELETE' | 'PATCH' | 'POST', path: string, body?: unknown) => Promise<number>;

function apiOf(pool: Pool, { token }: LocalCluster): Api {
  return async (method, path, body) => {
    const answer = await pool.request({
      method,
      path,
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
      },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const answeredMs = performance.now();
    if (answer.statusCode > 299) throw new Error(`${method} ${path}: ${await answer.body.text()}`);
    await answer.body.dump({ limit: 1024 * 1024 });
    return answeredMs;
  };
}

function widgetCrd(): unknown {
  const integer = { type: 'integer', format: 'int64' };
  const openAPIV3Schema = {
    type: 'object',
    properties: {
      spec: { type: 'object', properties: { size: integer, padding: { type: 'string' } } },
      status: { type: 'object', properties: { phase: { type: 'string' }, observedGeneration: integer } },
    },
  };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `widgets.${GROUP}` },
    spec: {
      group: GROUP,
      scope: 'Namespaced',
      names: { plural: 'widgets', singular: 'widget', kind: 'Widget' },
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
