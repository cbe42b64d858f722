/** An example of functions/ as somebody runs it: its manifests in a namespace, its functions on HTTP, a forwarder. */
import { globSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { StatewireFunction } from '@statewire/functions';
import { toFetch } from '@statewire/functions/fetch';
import { loadAll } from 'js-yaml';
import type { KubeObject } from '../../forwarder/model/kube-object.ts';
import {
  applyCrds,
  applyYaml,
  type Cleanup,
  type SharedCluster,
  sharedLocalCluster,
  testNamespace,
} from './cluster.ts';
import { eventually } from './eventually.ts';
import { connectApi, type KubeApi } from './kube-api.ts';
import { type ForwarderProcess, startForwarder } from './forwarder-process.ts';

export interface ExampleObject extends KubeObject {
  readonly spec: Readonly<Record<string, unknown>>;
  readonly status?: Readonly<Record<string, unknown>> & { readonly conditions?: readonly ExampleCondition[] };
}

export interface ExampleCondition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

export interface ExampleCall {
  readonly trigger: string;
  /** created, updated, deleted */
  readonly type: string;
  readonly name: string;
  /** What was answered. */
  readonly status: number;
}

/** Answers calls. */
export type Host = (request: Request) => Promise<Response>;

/** A host that listens somewhere else. */
export function hostAt(url: string): Host {
  return async (request) =>
    await fetch(url, { method: 'POST', headers: request.headers, body: await request.text() });
}

export interface ExampleOptions {
  /** Below functions/. */
  readonly folder: string;
  /** By name of the trigger, what it calls: a function, or the host that one runs on. */
  readonly functions: Readonly<Record<string, StatewireFunction | Host>>;
  /** A target that reaches `url`. @defaultValue http */
  readonly target?: (trigger: string, origin: string) => object;
  /**
   * The functions reach the API server by `payload.token`, as the ServiceAccount of this manifest, by its path from the
   * root, with the roles that it has there: what their pods have otherwise.
   */
  readonly access?: string;
  /** Values for what manifests leave to whoever installs them. */
  readonly replace?: Readonly<Record<string, string>>;
}

const BUILT_IN: Readonly<Record<string, string>> = {
  configmap: 'api/v1/configmaps',
  service: 'api/v1/services',
  deployment: 'apis/apps/v1/deployments',
  hpa: 'apis/autoscaling/v2/horizontalpodautoscalers',
};

/** Manifests name the namespace `default`; here they have one of their own. */
export class Example {
  readonly cluster: SharedCluster;
  readonly namespace: string;
  readonly api: KubeApi;
  readonly calls: ExampleCall[] = [];
  /** While set, every call is answered with this status, and no function runs. */
  outage: number | undefined;
  readonly #options: ExampleOptions;
  #forwarder: ForwarderProcess | undefined;
  #origin = '';
  #account: string | undefined;

  constructor(cluster: SharedCluster, api: KubeApi, namespace: string, options: ExampleOptions) {
    this.cluster = cluster;
    this.api = api;
    this.namespace = namespace;
    this.#options = options;
  }

  /** The example's CRDs, its triggers on functions of this process, and a forwarder that has read them. */
  async open(cleanup: Cleanup): Promise<void> {
    const { folder } = this.#options;
    for (const file of globSync(`functions/${folder}/crd*.yaml`)) {
      await applyYaml(readFileSync(file, 'utf8'), undefined, this.cluster);
    }
    // As they are in the repository; what they call need not be there for that.
    for (const file of globSync(`functions/${folder}/trigger*.yaml`)) await this.#dryRun(file);
    this.#origin = await this.#serve(cleanup);
    const { access } = this.#options;
    if (access !== undefined) this.#account = await this.#accountOf(access);
    await this.apply(this.trigger());
    await this.#startForwarder(cleanup);
  }

  /** Ends the forwarder, lets something happen without one, and starts another. */
  async without(cleanup: Cleanup, signal: NodeJS.Signals, act: () => Promise<void>): Promise<void> {
    await this.forwarder.stop(signal);
    await act();
    await this.#startForwarder(cleanup);
  }

  async #startForwarder(cleanup: Cleanup): Promise<void> {
    this.#forwarder = await startForwarder(cleanup, {
      kubeconfigPath: this.cluster.kubeconfigPath,
      namespaces: [this.namespace],
    });
  }

  /** Where the functions are: each at its trigger's name. */
  get origin(): string {
    return this.#origin;
  }

  get forwarder(): ForwarderProcess {
    if (this.#forwarder === undefined) throw new Error('not open yet');
    return this.#forwarder;
  }

  /** A file of the example. */
  file(name: string): string {
    let text = readFileSync(path.join('functions', this.#options.folder, name), 'utf8');
    for (const [from, to] of Object.entries(this.#options.replace ?? {})) text = text.replaceAll(from, to);
    return text.replaceAll('namespace: default', `namespace: ${this.namespace}`);
  }

  /** trigger.yaml as it is, but for functions that are here. */
  trigger(): string {
    return loadAll(this.file('trigger.yaml'))
      .map((document) => {
        const { spec, ...rest } = document as KubeObject & { spec: Record<string, unknown> };
        const { name } = rest.metadata;
        const target = this.#options.target?.(name, this.#origin) ?? {
          http: { url: `${this.#origin}/${name}` },
        };
        const token = this.#account !== undefined && {
          payload: { token: true },
          serviceAccountName: this.#account,
        };
        return JSON.stringify({ ...rest, spec: { ...spec, ...token, target } });
      })
      .join('\n---\n');
  }

  async apply(yaml: string): Promise<void> {
    await applyYaml(yaml, this.namespace, this.cluster);
  }

  sample(name: string): Promise<void> {
    return this.apply(this.file(`samples/${name}.yaml`));
  }

  kubectl(...args: string[]): Promise<string> {
    return this.cluster.kubectl(['-n', this.namespace, ...args]);
  }

  /** @param kind as kubectl takes it: `deployment`, or `plural.group` */
  async get<T = ExampleObject>(kind: string, name: string): Promise<T> {
    return await this.api.call<T>('GET', this.#path(kind, name));
  }

  async merge(kind: string, name: string, patch: unknown): Promise<void> {
    await this.api.call('PATCH', this.#path(kind, name), patch);
  }

  #path(kind: string, name: string): string {
    const [plural = '', ...group] = kind.split('.');
    const resource = BUILT_IN[kind] ?? `apis/${group.join('.')}/v1/${plural}`;
    const at = resource.lastIndexOf('/');
    return `/${resource.slice(0, at)}/namespaces/${this.namespace}${resource.slice(at)}/${name}`;
  }

  /** The object once `holds` says so of it. */
  until(
    what: string,
    kind: string,
    name: string,
    holds: (object: ExampleObject) => boolean | undefined,
  ): Promise<ExampleObject> {
    const ask = async (): Promise<ExampleObject> => {
      const object = await this.get(kind, name);
      if (holds(object) === true) return object;
      throw new Error(JSON.stringify(object.status));
    };
    // Controllers of a busy computer take their time, each with a limit of its own.
    return eventually(what, ask, { everyMs: 100, withinMs: 90_000 }).catch(async (error: unknown) => {
      const around = await this.kubectl('get', 'deployments,pods,events.events.k8s.io', '-o', 'wide');
      throw new Error(`${String(error)}\n${around}\n${this.#forwarder?.tail(40) ?? ''}`, { cause: error });
    });
  }

  /** Long enough for a new kind: the garbage collector looks for those every 30 s, and leaves what they own until then. */
  async untilGone(kind: string, name: string): Promise<void> {
    await eventually(
      `${kind} ${name} is gone`,
      async () => (await this.api.find(this.#path(kind, name))) === undefined,
      { everyMs: 100, withinMs: 120_000 },
    );
  }

  async untilCalled(trigger: string, type: string, name: string, status = 200): Promise<void> {
    await eventually(`${type} of ${name} reached ${trigger}`, () =>
      this.calls.some(
        (call) =>
          call.trigger === trigger && call.type === type && call.name === name && call.status === status,
      ),
    );
  }

  /** Of the ServiceAccount of a manifest. */
  async tokenOf(file: string): Promise<string> {
    return (await this.kubectl('create', 'token', await this.#accountOf(file))).trim();
  }

  /** Applies the ServiceAccount of a manifest and the roles that it gets there, in this namespace. */
  async #accountOf(file: string): Promise<string> {
    const kinds = new Set(['ServiceAccount', 'Role', 'RoleBinding']);
    const found = (loadAll(readFileSync(file, 'utf8')) as (KubeObject & { subjects?: object[] })[])
      .filter(({ kind }) => kinds.has(kind))
      .map(({ subjects, ...object }) => ({
        ...object,
        metadata: { ...object.metadata, namespace: this.namespace },
        ...(subjects && { subjects: subjects.map((one) => ({ ...one, namespace: this.namespace })) }),
      }));
    await this.apply(found.map((object) => JSON.stringify(object)).join('\n---\n'));
    const account = found.find(({ kind }) => kind === 'ServiceAccount');
    if (account === undefined) throw new Error(`${file} has no ServiceAccount`);
    return account.metadata.name;
  }

  async #dryRun(file: string): Promise<void> {
    const args = ['apply', '--dry-run=server', '--validate=strict', '--output=name', '-f', '-'];
    await this.cluster.kubectl(args, readFileSync(file, 'utf8'));
  }

  async #serve(cleanup: Cleanup): Promise<string> {
    const quiet = { writeLog: (): void => undefined };
    const handlers = Object.fromEntries(
      Object.entries(this.#options.functions).map(([name, fn]) => [
        name,
        typeof fn === 'function' ? fn : toFetch(fn, quiet),
      ]),
    );
    const listener: RequestListener = (request, response) => {
      // `/NAME`; a gateway has folders before it, and may have a namespace after it.
      const trigger = path.basename(request.url ?? '/').split('.')[0] ?? '';
      void this.#answer(trigger, request, handlers[trigger]).then(async (answer) => {
        response.writeHead(answer.status, Object.fromEntries(answer.headers));
        response.end(await answer.text());
      });
    };
    const server = createServer(listener);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanup.after(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async #answer(trigger: string, request: IncomingMessage, handler: Host | undefined): Promise<Response> {
    const text = (await buffer(request)).toString();
    const headers = Object.entries(request.headers).map(([name, value]): [string, string] => [
      name,
      String(value),
    ]);
    const own = headers.filter(([name]) => !['content-length', 'connection', 'host'].includes(name));
    const answer =
      this.outage === undefined && handler !== undefined
        ? await handler(new Request('http://function/', { method: 'POST', headers: own, body: text }))
        : new Response('out of order', { status: this.outage ?? 404 });
    const type = String(request.headers['ce-type']).split('.').at(-1) ?? '';
    this.calls.push({ trigger, type, name: String(request.headers['ce-name']), status: answer.status });
    return answer;
  }
}

export async function startExample(cleanup: Cleanup, options: ExampleOptions): Promise<Example> {
  const cluster = await sharedLocalCluster();
  await applyCrds(cluster);
  const namespace = await testNamespace(cleanup, cluster);
  const example = new Example(cluster, connectApi(cleanup, cluster), namespace, options);
  await example.open(cleanup);
  return example;
}

/** Cleanup of a suite, for `before` hooks: what was registered last goes first. */
export class Actions implements Cleanup {
  readonly #actions: (() => Promise<void>)[] = [];

  after(action: () => Promise<void>): void {
    this.#actions.unshift(action);
  }

  /** All of them, also after one that failed: a process that stays would keep the test file from ending. */
  async run(): Promise<void> {
    const failed: unknown[] = [];
    for (const action of this.#actions) await action().catch((error: unknown) => void failed.push(error));
    if (failed.length > 0) throw new AggregateError(failed, 'cleanup failed');
  }
}

export function condition(object: ExampleObject, type: string): ExampleCondition | undefined {
  return object.status?.conditions?.find((one) => one.type === type);
}
