/** An Applier on a real API server: kinds of a test file's own, objects of them, and every request written down. */
import assert from 'node:assert/strict';
import { Applier, type ApplierOptions } from '../../forwarder/apply/applier.ts';
import type { AppliedChild, ApplyReport, ApplyTask } from '../../forwarder/apply/apply-task.ts';
import type { EventInput } from '../../forwarder/apply/event-body.ts';
import { Discovery } from '../../forwarder/kube/discovery.ts';
import { HttpKubeClient } from '../../forwarder/kube/kube-client.ts';
import { loadAccess } from '../../forwarder/kube/load-access.ts';
import { OpenApi } from '../../forwarder/kube/openapi.ts';
import { systemClock } from '../../forwarder/lib/clock.ts';
import { parseExact } from '../../forwarder/lib/exact-json.ts';
import { silentLogger } from '../../forwarder/lib/logger.ts';
import { systemRandom } from '../../forwarder/lib/random.ts';
import { Slots } from '../../forwarder/lib/slots.ts';
import type { KubeRequest } from '../../forwarder/model/kube-client.ts';
import type { KubeObject } from '../../forwarder/model/kube-object.ts';
import { noMeter } from '../../forwarder/model/metrics.ts';
import { apiVersionOf, type Resource, resourcePath } from '../../forwarder/model/resource.ts';
import type { FunctionResult } from '../../protocol/result.ts';
import { type ApplyKind, applyKindCrd } from './apply-kinds.ts';
import { applyYaml, sharedLocalCluster, testNamespace, uniqueGroup } from './cluster.ts';

export type Result = Omit<FunctionResult, 'kind'>;
// oxlint-disable-next-line typescript/no-explicit-any -- taken apart by tests
export type Loose = any;

export class ApplyStage {
  readonly group: string;
  readonly namespace: string;
  readonly client: HttpKubeClient;
  readonly discovery: Discovery;
  readonly schemas: OpenApi;
  readonly #cleanups: readonly (() => Promise<void>)[];
  #subjects = 0;

  private constructor(
    client: HttpKubeClient,
    at: { readonly group: string; readonly namespace: string },
    cleanups: readonly (() => Promise<void>)[],
  ) {
    this.group = at.group;
    this.namespace = at.namespace;
    this.client = client;
    this.discovery = new Discovery(client);
    this.schemas = new OpenApi({ client, clock: systemClock });
    this.#cleanups = cleanups;
  }

  /** Installs those kinds. */
  static async open(...kinds: readonly ApplyKind[]): Promise<ApplyStage> {
    const cleanups: (() => Promise<void>)[] = [];
    const cluster = await sharedLocalCluster();
    const group = uniqueGroup('apply');
    await applyYaml(kinds.map((kind) => applyKindCrd(group, kind)).join(''));
    const namespace = await testNamespace({ after: (action) => void cleanups.push(action) });
    const access = await loadAccess({
      kubeconfig: cluster.kubeconfigPath,
      clock: systemClock,
      logger: silentLogger,
    });
    const client = new HttpKubeClient({ access, clock: systemClock });
    cleanups.push(() => client[Symbol.asyncDispose]());
    return new ApplyStage(client, { group, namespace }, cleanups);
  }

  async close(): Promise<void> {
    for (const cleanup of this.#cleanups) await cleanup();
  }

  async request(
    method: KubeRequest['method'],
    path: string,
    body?: unknown,
    more: Partial<KubeRequest> = {},
  ): Promise<Loose> {
    const { text } = await this.client.request({
      method,
      path,
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...more,
    });
    return parseExact(text);
  }

  /** One of the stage's kinds. */
  resource(kind: ApplyKind): Promise<Resource> {
    return this.resolve(`${this.group}/v1`, kind);
  }

  async resolve(apiVersion: string, kind: string): Promise<Resource> {
    const resource = await this.discovery.resolve(apiVersion, kind);
    assert.ok(resource, `${kind} is served`);
    return resource;
  }

  applier(trigger: string, over: Partial<ApplierOptions> = {}): Applier {
    const { client, namespace, schemas, discovery } = this;
    return new Applier({
      client,
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
      meter: noMeter,
      writeSlots: new Slots(32),
      trigger: { namespace, name: trigger, uid: trigger, generation: 1 },
      fieldManager: `statewire/${trigger}`,
      schemas,
      resources: discovery,
      recorder: { record: () => undefined },
      ownedKinds: () => [],
      ...over,
    });
  }

  /** A new object, and a trigger's Applier for it. */
  async create(kind: ApplyKind, trigger = 'app'): Promise<Subject> {
    const subject = new Subject(this, await this.resource(kind), trigger, `object-${(this.#subjects += 1)}`);
    await subject.make();
    return subject;
  }

  /** Another trigger on the same object. */
  other(first: Subject, trigger: string): Subject {
    const subject = new Subject(this, first.resource, trigger, first.name);
    subject.uid = first.uid;
    return subject;
  }
}

/** One object of one kind, and an Applier whose requests are written down. */
export class Subject {
  readonly stage: ApplyStage;
  readonly resource: Resource;
  readonly path: string;
  readonly name: string;
  uid: string = '';
  newest: KubeObject | undefined;
  readonly requests: KubeRequest[] = [];
  readonly events: EventInput[] = [];
  /** Answers to writes: of the status, of children, and children that were pruned. */
  readonly stated: KubeObject[] = [];
  readonly applied: AppliedChild[] = [];
  readonly pruned: AppliedChild[] = [];
  readonly applier: Applier;

  constructor(stage: ApplyStage, resource: Resource, trigger: string, name: string) {
    this.stage = stage;
    this.resource = resource;
    this.name = name;
    this.path = resourcePath(resource, { namespace: stage.namespace, name });
    this.applier = stage.applier(trigger, {
      client: {
        request: (asked) => {
          this.requests.push(asked);
          return stage.client.request(asked);
        },
      },
      recorder: { record: (event) => void this.events.push(event) },
      ownedKinds: () => [
        { apiVersion: 'apps/v1', kind: 'Deployment' },
        { apiVersion: 'v1', kind: 'Service' },
        { apiVersion: 'v1', kind: 'ConfigMap' },
      ],
    });
  }

  async make(): Promise<void> {
    const at = this.resource.namespaced ? { namespace: this.stage.namespace } : {};
    const object = await this.stage.request('POST', resourcePath(this.resource, at), {
      apiVersion: apiVersionOf(this.resource),
      kind: this.resource.kind,
      metadata: { name: this.name, ...at },
      spec: { a: 1 },
    });
    this.uid = object.metadata.uid;
    this.newest = object;
  }

  async read(): Promise<Loose> {
    return this.stage.request('GET', this.path);
  }

  /** Server-side apply of some status by somebody else. */
  async statusBy(manager: string, status: unknown): Promise<void> {
    const body = {
      apiVersion: apiVersionOf(this.resource),
      kind: this.resource.kind,
      metadata: { name: this.name },
      status,
    };
    const suffix = this.resource.statusSubresource ? '/status' : '';
    await this.stage.request('PATCH', this.path + suffix, body, {
      query: { fieldManager: manager, force: 'true' },
      contentType: 'application/apply-patch+yaml',
    });
  }

  task(result: Result, more: Partial<ApplyTask> = {}): ApplyTask {
    return {
      resource: this.resource,
      uid: this.uid,
      ...(this.resource.namespaced && { namespace: this.stage.namespace }),
      name: this.name,
      deliveredGeneration: 1,
      result: { kind: 'FunctionResult', ...result },
      warnings: [],
      newest: () => this.newest,
      observe: (object) => void (this.newest = object),
      isCurrent: () => true,
      onStatus: (object) => void this.stated.push(object),
      onChild: (child) => void this.applied.push(child),
      onPruned: (child) => void this.pruned.push(child),
      signal: AbortSignal.timeout(20_000),
      ...more,
    };
  }

  /** Applies with what a watch would have told by now. */
  async apply(result: Result, more: Partial<ApplyTask> = {}): Promise<ApplyReport> {
    this.newest = await this.read();
    this.requests.length = 0;
    return this.applier.apply(this.task(result, more));
  }

  get writes(): number {
    return this.requests.filter(({ method }) => method !== 'GET').length;
  }
}
