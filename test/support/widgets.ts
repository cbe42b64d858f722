/** A custom resource of a test file's own, and triggers for it. */
import { Pool } from 'undici';
import {
  applyCrds,
  applyYaml,
  type Cleanup,
  type SharedCluster,
  sharedLocalCluster,
  testNamespace,
  uniqueGroup,
} from './cluster.ts';
import { startForwarder, type ForwarderProcess } from './forwarder-process.ts';
import { type FunctionHost, startFunction } from './function-host.ts';

/** JSON is YAML, and writes itself. */
const yaml = (...documents: readonly unknown[]): string =>
  documents.map((document) => JSON.stringify(document)).join('\n---\n');

/** A CRD `Widget` with a status subresource; spec and status take anything that the given schemas declare. */
export function widgetCrd(
  group: string,
  options: { spec?: unknown; status?: unknown; version?: unknown } = {},
): unknown {
  const open = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  const status = {
    type: 'object',
    properties: {
      phase: { type: 'string' },
      count: { type: 'integer', format: 'int64' },
      observedGeneration: { type: 'integer', format: 'int64' },
      conditions: {
        type: 'array',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['type'],
        items: {
          type: 'object',
          required: ['type', 'status'],
          properties: {
            type: { type: 'string' },
            status: { type: 'string' },
            reason: { type: 'string' },
            message: { type: 'string' },
            lastTransitionTime: { type: 'string', format: 'date-time' },
            observedGeneration: { type: 'integer', format: 'int64' },
          },
        },
      },
    },
  };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `widgets.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural: 'widgets', singular: 'widget', kind: 'Widget' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          subresources: { status: {} },
          selectableFields: [{ jsonPath: '.spec.tier' }],
          schema: {
            openAPIV3Schema: {
              type: 'object',
              properties: {
                spec: options.spec ?? {
                  ...open,
                  properties: { tier: { type: 'string' }, size: { type: 'integer', format: 'int64' } },
                },
                status: options.status ?? status,
              },
            },
          },
          ...(options.version as object),
        },
      ],
    },
  };
}

export interface TriggerYaml {
  readonly name?: string;
  readonly url?: string;
  readonly watch?: Readonly<Record<string, unknown>>;
  readonly spec?: Readonly<Record<string, unknown>>;
}

/** Everything that a test of the whole forwarder needs: a namespace, a kind, a function and a forwarder. */
export interface Bench {
  readonly cluster: SharedCluster;
  readonly namespace: string;
  readonly group: string;
  readonly host: FunctionHost;
  readonly forwarder: ForwarderProcess;
  /** Applies a FunctionTrigger for Widgets that calls the host. */
  trigger(options?: TriggerYaml): Promise<void>;
  triggerObject(options?: TriggerYaml): Record<string, unknown>;
  /** Applies widgets in one go. */
  widgets(
    ...widgets: readonly {
      name: string;
      spec?: unknown;
      labels?: Record<string, string>;
      annotations?: Record<string, string>;
    }[]
  ): Promise<void>;
  /** Applies any objects. */
  apply(...objects: readonly unknown[]): Promise<void>;
  applyCrd(crd: unknown): Promise<void>;
  patch(name: string, patch: unknown, options?: { readonly subresource?: string }): Promise<void>;
  /** Edits `spec.size` to 1, 2, … `times` over one connection, as fast as the API server takes it. */
  editFast(name: string, times: number): Promise<void>;
  /** Creates widgets of that name, 16 at a time, over the API. */
  createMany(names: readonly string[], spec?: (index: number) => unknown): Promise<void>;
  get<T = Record<string, unknown>>(kind: string, name: string): Promise<T>;
  remove(name: string): Promise<void>;
  /** The condition of a trigger. */
  condition(
    trigger: string,
    type: string,
  ): Promise<{ status: string; reason: string; message: string } | undefined>;
}

export interface BenchOptions {
  /** The CRD of the kind; one that returns undefined installs none. @defaultValue widgetCrd */
  readonly crd?: (group: string) => unknown;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Whether the forwarder's own cloud credentials serve the triggers. @defaultValue true */
  readonly ambient?: boolean;
  /** @defaultValue that of the test run */
  readonly cluster?: SharedCluster;
  /** The forwarder's. @defaultValue the cluster's */
  readonly kubeconfigPath?: string;
}

export async function startBench(cleanup: Cleanup, options: BenchOptions = {}): Promise<Bench> {
  const cluster = options.cluster ?? (await sharedLocalCluster());
  await applyCrds(cluster);
  const group = uniqueGroup('widgets');
  const crd = options.crd === undefined ? widgetCrd(group) : options.crd(group);
  const apply = (text: string): Promise<void> => applyYaml(text, undefined, cluster);
  if (crd !== undefined) await apply(yaml(crd));
  const namespace = await testNamespace(cleanup, cluster);
  const host = await startFunction(cleanup);
  const { kubeconfigPath } = { ...cluster, ...options };
  const forwarder = await startForwarder(cleanup, {
    kubeconfigPath,
    namespaces: [namespace],
    args: [
      ...(options.ambient === false ? [] : ['--ambient-credentials-namespaces', namespace]),
      ...(options.args ?? []),
    ],
    env: options.env ?? {},
  });
  const kind = `widgets.${group}`;

  const triggerObject = ({
    name = 'widget',
    url = host.url,
    watch = {},
    spec = {},
  }: TriggerYaml = {}): Record<string, unknown> => ({
    apiVersion: 'statewire.dev/v1alpha1',
    kind: 'FunctionTrigger',
    metadata: { name, namespace },
    spec: {
      watch: { apiVersion: `${group}/v1`, kind: 'Widget', ...watch },
      target: { http: { url } },
      ...spec,
    },
  });
  const pool = new Pool(cluster.server, { connections: 16, connect: { ca: cluster.caPem } });
  cleanup.after(() => pool.close());
  const api = async (method: 'PATCH' | 'POST', path: string, body: unknown, type: string): Promise<void> => {
    const answer = await pool.request({
      method,
      path: `/apis/${group}/v1/namespaces/${namespace}/widgets${path}`,
      headers: { authorization: `Bearer ${cluster.token}`, 'content-type': type },
      body: JSON.stringify(body),
    });
    const text = await answer.body.text();
    if (answer.statusCode > 299) throw new Error(`${method} ${path}: ${answer.statusCode} ${text}`);
  };
  return {
    cluster,
    namespace,
    group,
    host,
    forwarder,
    triggerObject,
    apply: (...objects) => apply(yaml(...objects)),
    applyCrd: (changed) => apply(yaml(changed)),
    trigger: (trigger) => apply(yaml(triggerObject(trigger))),
    widgets: (...widgets) =>
      apply(
        yaml(
          ...widgets.map(({ name, spec = {}, labels, annotations }) => ({
            apiVersion: `${group}/v1`,
            kind: 'Widget',
            metadata: { name, namespace, labels, annotations },
            spec,
          })),
        ),
      ),
    patch: async (name, patch, { subresource } = {}) => {
      const sub = subresource === undefined ? [] : [`--subresource=${subresource}`];
      await cluster.kubectl([
        '-n',
        namespace,
        'patch',
        kind,
        name,
        '--type=merge',
        ...sub,
        '-p',
        JSON.stringify(patch),
      ]);
    },
    editFast: async (name, times) => {
      for (let size = 1; size <= times; size++) {
        await api('PATCH', `/${name}`, { spec: { size } }, 'application/merge-patch+json');
      }
    },
    createMany: async (names, spec = (size) => ({ size })) => {
      const queue = names.map((name, index) => ({ name, index }));
      await Promise.all(
        Array.from({ length: 16 }, async () => {
          for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
            const { name, index } = next;
            const widget = {
              apiVersion: `${group}/v1`,
              kind: 'Widget',
              metadata: { name, namespace },
              spec: spec(index),
            };
            await api('POST', '', widget, 'application/json');
          }
        }),
      );
    },
    get: async (what, name) =>
      JSON.parse(
        await cluster.kubectl([
          '-n',
          namespace,
          'get',
          what === 'widget' ? kind : what,
          name,
          '--show-managed-fields',
          '-o',
          'json',
        ]),
      ),
    remove: async (name) => {
      await cluster.kubectl(['-n', namespace, 'delete', kind, name]);
    },
    condition: async (trigger, type) => {
      const text = await cluster.kubectl(['-n', namespace, 'get', 'functiontrigger', trigger, '-o', 'json']);
      const { status } = JSON.parse(text) as {
        status?: { conditions?: { type: string; status: string; reason: string; message: string }[] };
      };
      return status?.conditions?.find((condition) => condition.type === type);
    },
  };
}
