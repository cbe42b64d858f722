/** An Applier against the API server in memory, with everything it reports written down. */
import { Applier, type ApplierOptions } from '../../forwarder/apply/applier.ts';
import type { AppliedChild, ApplyProblem, ApplyReport, ApplyTask } from '../../forwarder/apply/apply-task.ts';
import type { EventInput } from '../../forwarder/apply/event-body.ts';
import { parseExact } from '../../forwarder/lib/exact-json.ts';
import { silentLogger } from '../../forwarder/lib/logger.ts';
import { Slots } from '../../forwarder/lib/slots.ts';
import type { SchemaNode } from '../../forwarder/model/kind-schema.ts';
import type { KubeObject } from '../../forwarder/model/kube-object.ts';
import { noMeter } from '../../forwarder/model/metrics.ts';
import type { Resource } from '../../forwarder/model/resource.ts';
import type { FunctionResult } from '../../protocol/result.ts';
import { FakeApplyServer, type FakeKind, kindSchema } from './fake-apply-server.ts';
import { ManualClock } from './manual-clock.ts';

const text: SchemaNode = { type: 'string' };
const integer: SchemaNode = { type: 'integer' };

export const CONDITION: SchemaNode = {
  type: 'object',
  properties: {
    type: text,
    status: text,
    reason: text,
    message: text,
    lastTransitionTime: text,
    observedGeneration: integer,
  },
};

/** A status with a list of conditions that merges by type, and one place of every shape. */
const STATUS: SchemaNode = {
  type: 'object',
  properties: {
    phase: text,
    replicas: integer,
    observedGeneration: integer,
    conditions: { type: 'array', items: CONDITION, listType: 'map', listMapKeys: ['type'] },
    addresses: { type: 'array', items: text },
    nested: { type: 'object', properties: { a: text, b: text } },
    labels: { type: 'object', additionalProperties: text },
    free: { type: 'object', preserveUnknownFields: true },
    items: {
      type: 'array',
      items: { type: 'object', properties: { name: text, value: text } },
    },
  },
};

/** The status above without some of its properties, or with others. */
export function statusWith(properties: Readonly<Record<string, SchemaNode | undefined>>): SchemaNode {
  const all = Object.entries({ ...STATUS.properties, ...properties });
  return {
    type: 'object',
    properties: Object.fromEntries(all.flatMap(([key, node]) => (node === undefined ? [] : [[key, node]]))),
  };
}

export const APP: Resource = {
  group: 'example.com',
  version: 'v1',
  kind: 'App',
  plural: 'apps',
  namespaced: true,
  statusSubresource: true,
};
const CHILD: Resource = { ...APP, group: 'apps', kind: 'Deployment', plural: 'deployments' };
const SECRETLY: Resource = {
  ...APP,
  group: '',
  kind: 'ConfigMap',
  plural: 'configmaps',
  statusSubresource: false,
};
const CLUSTERED: Resource = { ...APP, kind: 'Zone', plural: 'zones', namespaced: false };

export const OBJECT_PATH = '/apis/example.com/v1/namespaces/shop/apps/web';
export const CHILD_PATH = '/apis/apps/v1/namespaces/shop/deployments';
export const MANAGER = 'statewire/app';

export interface HarnessOptions {
  readonly status?: SchemaNode;
  readonly statusSubresource?: boolean;
  readonly resource?: Resource;
  readonly applier?: Partial<ApplierOptions>;
}

export class Harness {
  readonly clock: ManualClock = new ManualClock();
  readonly server: FakeApplyServer;
  readonly events: EventInput[] = [];
  readonly observed: KubeObject[] = [];
  readonly retrying: ApplyProblem[] = [];
  /** Answers to writes: of the status, of children, and children that were pruned. */
  readonly stated: KubeObject[] = [];
  readonly applied: AppliedChild[] = [];
  readonly pruned: AppliedChild[] = [];
  readonly counts: Record<string, number> = {};
  /** Reads of the schema of status, and what each kind of read finds. */
  readonly schemaReads: ('cached' | 'fresh')[] = [];
  readonly published: { cached: SchemaNode; fresh: SchemaNode };
  current = true;
  readonly stop: AbortController = new AbortController();
  readonly applier: Applier;
  readonly #resource: Resource;
  newest: KubeObject | undefined;

  constructor(options: HarnessOptions = {}) {
    const status = options.status ?? STATUS;
    this.published = { cached: status, fresh: status };
    this.#resource = options.resource ?? APP;
    const subresource = options.statusSubresource ?? true;
    const any: SchemaNode = { type: 'object', preserveUnknownFields: true };
    const kinds: FakeKind[] = [
      {
        collection: '/apis/example.com/v1/namespaces/shop/apps',
        schema: { type: 'object', properties: { spec: any, status } },
        statusSubresource: subresource,
      },
      { collection: CHILD_PATH, schema: any },
      { collection: '/api/v1/namespaces/shop/configmaps', schema: any },
    ];
    this.server = new FakeApplyServer(kinds);
    this.newest = this.server.put(OBJECT_PATH, {
      apiVersion: 'example.com/v1',
      kind: 'App',
      metadata: { name: 'web', namespace: 'shop', uid: 'u1', generation: 3 },
      spec: {},
    });
    const resources = [APP, CHILD, SECRETLY, CLUSTERED];
    this.applier = new Applier({
      client: this.server,
      clock: this.clock,
      random: () => 0.5,
      logger: silentLogger,
      meter: {
        ...noMeter,
        count: (name, labels, by = 1) => {
          const key = `${labels['what'] ?? name} ${labels['result'] ?? ''}`.trim();
          this.counts[key] = (this.counts[key] ?? 0) + by;
        },
      },
      writeSlots: new Slots(32),
      trigger: { namespace: 'shop', name: 'app', uid: 't1', generation: 1 },
      fieldManager: MANAGER,
      schemas: {
        schemaOf: (_resource, { fresh = false } = {}) => {
          const read = fresh ? 'fresh' : 'cached';
          this.schemaReads.push(read);
          return Promise.resolve(kindSchema({ properties: { status: this.published[read] } }));
        },
      },
      resources: {
        resolve: (apiVersion, kind) =>
          Promise.resolve(
            resources.find(
              (known) =>
                known.kind === kind && apiVersion.split('/')[0] === (known.group === '' ? 'v1' : known.group),
            ),
          ),
      },
      recorder: { record: (event) => void this.events.push(event) },
      ownedKinds: () => [{ apiVersion: 'apps/v1', kind: 'Deployment' }],
      ...options.applier,
    });
  }

  /** The object as the API server has it. */
  // oxlint-disable-next-line typescript/no-explicit-any -- taken apart by tests
  get object(): Record<string, any> {
    return this.server.get(OBJECT_PATH);
  }

  task(result: Omit<FunctionResult, 'kind'>, more: Partial<ApplyTask> = {}): ApplyTask {
    return {
      resource: this.#resource,
      uid: 'u1',
      namespace: 'shop',
      name: 'web',
      deliveredGeneration: 3,
      result: { kind: 'FunctionResult', ...result },
      warnings: [],
      newest: () => this.newest,
      observe: (object, json) => {
        this.observed.push(object);
        this.newest = parseExact(json) as KubeObject;
      },
      isCurrent: () => this.current,
      onRetrying: (problem) => void this.retrying.push(problem),
      onStatus: (object) => void this.stated.push(object),
      onChild: (child) => void this.applied.push(child),
      onPruned: (child) => void this.pruned.push(child),
      signal: this.stop.signal,
      ...more,
    };
  }

  /** Applies a result to the newest state there is. */
  async apply(result: Omit<FunctionResult, 'kind'>, more: Partial<ApplyTask> = {}): Promise<ApplyReport> {
    this.refresh();
    return this.applier.apply(this.task(result, more));
  }

  /** What a watch would have brought by now. */
  refresh(): void {
    this.newest = parseExact(JSON.stringify(this.server.objects.get(OBJECT_PATH) ?? null)) as KubeObject;
  }
}
