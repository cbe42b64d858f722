/** Carrying out results on a real API server: what the unit tests take from an imitation is held against it here. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Applier } from '../../forwarder/apply/applier.ts';
import type { AppliedChild, ApplyReport, ApplyTask } from '../../forwarder/apply/apply-task.ts';
import { EventRecorder } from '../../forwarder/apply/event-recorder.ts';
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
import type { KubeClient, KubeRequest } from '../../forwarder/model/kube-client.ts';
import type { KubeObject } from '../../forwarder/model/kube-object.ts';
import { noMeter } from '../../forwarder/model/metrics.ts';
import { apiVersionOf, kindName, type Resource, resourcePath } from '../../forwarder/model/resource.ts';
import type { FunctionResult, Manifest } from '../../protocol/result.ts';
import { applyYaml, sharedLocalCluster, testNamespace, uniqueGroup } from '../support/cluster.ts';

type Result = Omit<FunctionResult, 'kind'>;
// oxlint-disable-next-line typescript/no-explicit-any -- taken apart by tests
type Loose = any;

const GROUP = uniqueGroup('apply');
const CONDITION = `{type: object, required: [type, status], properties: {type: {type: string}, status: {type: string}, reason: {type: string},
  message: {type: string}, lastTransitionTime: {type: string, format: date-time}, observedGeneration: {type: integer, format: int64}}}`;
const PROPERTIES = `phase: {type: string}, replicas: {type: integer}, big: {type: integer, format: int64}, nested: {type: object, properties: {a: {type: string}, b: {type: string}}},
  labels: {type: object, additionalProperties: {type: string}}, addresses: {type: array, items: {type: string}},
  free: {type: object, x-kubernetes-preserve-unknown-fields: true}, tags: {type: array, x-kubernetes-list-type: set, items: {type: string}},
  ports: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [port, protocol], items: {type: object, required: [port], properties: {port: {type: integer}, protocol: {type: string, default: TCP}, name: {type: string}}}}`;

function crd(kind: string, scope: string, status: string, subresources: string): string {
  const plural = `${kind.toLowerCase()}s`;
  return `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: ${plural}.${GROUP}}
spec:
  group: ${GROUP}
  scope: ${scope}
  names: {kind: ${kind}, plural: ${plural}, singular: ${kind.toLowerCase()}}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: ${subresources}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, x-kubernetes-preserve-unknown-fields: true}
          status: {type: object, properties: {${status}}}
---`;
}

const MERGED = `observedGeneration: {type: integer, format: int64}, ${PROPERTIES}, conditions: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [type], items: ${CONDITION}}`;
const ATOMIC = `${PROPERTIES}, conditions: {type: array, items: ${CONDITION}}`;

let client: KubeClient;
let discovery: Discovery;
let schemas: OpenApi;
let namespace: string;
const cleanups: (() => Promise<void>)[] = [];
let serial = 0;

before(async () => {
  const cluster = await sharedLocalCluster();
  await applyYaml(
    crd('Merged', 'Namespaced', MERGED, '{status: {}}') +
      crd('Atomic', 'Namespaced', ATOMIC, '{status: {}}') +
      crd('Bare', 'Namespaced', ATOMIC, '{}') +
      crd('Wide', 'Cluster', MERGED, '{status: {}}'),
  );
  namespace = await testNamespace({ after: (action) => void cleanups.push(action) });
  const access = await loadAccess({
    kubeconfig: cluster.kubeconfigPath,
    clock: systemClock,
    logger: silentLogger,
  });
  const http = new HttpKubeClient({ access, clock: systemClock });
  cleanups.push(async () => http[Symbol.asyncDispose]());
  client = http;
  discovery = new Discovery(http);
  schemas = new OpenApi({ client: http, clock: systemClock });
});

after(async () => {
  for (const cleanup of cleanups) await cleanup();
});

async function request(
  method: KubeRequest['method'],
  path: string,
  body?: unknown,
  more: Partial<KubeRequest> = {},
): Promise<Loose> {
  const { text } = await client.request({
    method,
    path,
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...more,
  });
  return parseExact(text);
}

/** One object of one kind, and an Applier whose requests are written down. */
class Subject {
  readonly resource: Resource;
  readonly path: string;
  readonly name: string;
  uid = '';
  newest: KubeObject | undefined;
  readonly requests: KubeRequest[] = [];
  readonly events: EventInput[] = [];
  /** Answers to writes: of the status, of children, and children that were pruned. */
  readonly stated: KubeObject[] = [];
  readonly applied: AppliedChild[] = [];
  readonly pruned: AppliedChild[] = [];
  readonly applier: Applier;

  private constructor(resource: Resource, trigger: string, name: string) {
    this.resource = resource;
    this.name = name;
    this.path = resourcePath(resource, { namespace, name });
    this.applier = new Applier({
      client: {
        request: (asked) => {
          this.requests.push(asked);
          return client.request(asked);
        },
      },
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
      meter: noMeter,
      writeSlots: new Slots(32),
      trigger: { namespace, name: trigger, uid: trigger, generation: 1 },
      fieldManager: `statewire/${trigger}`,
      schemas,
      resources: discovery,
      recorder: { record: (event) => void this.events.push(event) },
      ownedKinds: () => [
        { apiVersion: 'apps/v1', kind: 'Deployment' },
        { apiVersion: 'v1', kind: 'Service' },
        { apiVersion: 'v1', kind: 'ConfigMap' },
      ],
    });
  }

  static async create(kind: string, trigger = 'app'): Promise<Subject> {
    const resource = await discovery.resolve(`${GROUP}/v1`, kind);
    assert.ok(resource);
    const subject = new Subject(resource, trigger, `object-${(serial += 1)}`);
    await subject.make();
    return subject;
  }

  /** Another trigger on the same object. */
  static other(first: Subject, trigger: string): Subject {
    const subject = new Subject(first.resource, trigger, first.name);
    subject.uid = first.uid;
    return subject;
  }

  async make(): Promise<void> {
    const at = this.resource.namespaced ? { namespace } : {};
    const object = await request('POST', resourcePath(this.resource, at), {
      apiVersion: apiVersionOf(this.resource),
      kind: this.resource.kind,
      metadata: { name: this.name, ...at },
      spec: { a: 1 },
    });
    this.uid = object.metadata.uid;
    this.newest = object;
  }

  async read(): Promise<Loose> {
    return request('GET', this.path);
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
    await request('PATCH', this.path + suffix, body, {
      query: { fieldManager: manager, force: 'true' },
      contentType: 'application/apply-patch+yaml',
    });
  }

  task(result: Result, more: Partial<ApplyTask> = {}): ApplyTask {
    return {
      resource: this.resource,
      uid: this.uid,
      ...(this.resource.namespaced && { namespace }),
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

const ready = { type: 'Ready', status: 'True', reason: 'Available' } as const;
const rich: Result = {
  status: {
    phase: 'Ready',
    replicas: 3,
    big: parseExact('9007199254740993'),
    nested: { a: 'x' },
    labels: { 'a.b/c': 'd' },
    addresses: ['b', 'a'],
    free: { x: [1, { y: null }], z: parseExact('1.5') },
    tags: ['t1', 't2'],
    ports: [
      { port: 80, name: 'web' },
      { port: 53, protocol: 'UDP' },
    ],
  },
  conditions: [ready, { type: 'Synced', status: 'Unknown', reason: 'Waiting', message: 'a while' }],
};

describe('Status on a real API server', () => {
  for (const kind of ['Merged', 'Atomic', 'Bare']) {
    it(`lands on ${kind}, and the same again is no request`, async () => {
      const subject = await Subject.create(kind);
      const report = await subject.apply(rich);
      assert.deepEqual(report.problems, []);
      const { metadata, status } = await subject.read();
      assert.equal(subject.stated.at(-1)?.metadata.resourceVersion, metadata.resourceVersion);
      assert.equal(status.phase, 'Ready');
      assert.equal(JSON.stringify(status.big), '9007199254740993');
      assert.equal(status.observedGeneration, kind === 'Merged' ? 1 : undefined);
      assert.deepEqual(
        status.conditions.map((condition: Loose) => condition.type),
        ['Ready', 'Synced'],
      );
      await subject.apply(rich);
      assert.deepEqual(subject.requests, []);
      assert.equal(subject.stated.length, 1);
      assert.equal((await subject.read()).metadata.resourceVersion, metadata.resourceVersion);
    });

    it(`goes from ${kind} where it is no longer stated, with nothing of others`, async () => {
      const subject = await Subject.create(kind);
      const theirs = {
        type: 'Theirs',
        status: 'True',
        reason: 'ByHand',
        message: 'm',
        lastTransitionTime: '2020-01-01T00:00:00Z',
      };
      await subject.statusBy('kubectl', { nested: { b: 'theirs' }, conditions: [theirs] });
      await subject.apply(rich);
      const merged = (await subject.read()).status;
      assert.deepEqual(merged.nested, { a: 'x', b: 'theirs' });
      assert.deepEqual(
        merged.conditions.find((condition: Loose) => condition.type === 'Theirs'),
        theirs,
      );
      assert.equal(merged.conditions.length, 3);
      await subject.apply({ status: {} });
      const { status } = await subject.read();
      assert.deepEqual(status, {
        ...(kind === 'Merged' && { observedGeneration: 1 }),
        nested: { b: 'theirs' },
        conditions: [theirs],
      });
      await subject.apply({ status: {} });
      assert.deepEqual(subject.requests, []);
    });
  }

  it('leaves undeclared fields out and says which', async () => {
    const subject = await Subject.create('Atomic');
    const report = await subject.apply({
      status: { phase: 'Ready', extra: { deep: 1 }, nested: { c: '1' }, free: { any: 1 } },
      conditions: [{ ...ready, score: 1 } as typeof ready],
    });
    assert.match(
      report.problems[0]?.message ?? '',
      /does not declare: status\.conditions\[\]\.score, status\.extra, status\.nested\.c$/,
    );
    const { status } = await subject.read();
    assert.equal(status.phase, 'Ready');
    assert.deepEqual(status.free, { any: 1 });
  });

  it('reads the schema anew when the API server does not know a field', async () => {
    const subject = await Subject.create('Atomic');
    const atomic = await discovery.resolve(`${GROUP}/v1`, 'Atomic');
    const merged = await discovery.resolve(`${GROUP}/v1`, 'Merged');
    assert.ok(atomic && merged);
    // The schema of another kind stands for one that is out of date: it declares observedGeneration.
    const applier = new Applier({
      client,
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
      meter: noMeter,
      writeSlots: new Slots(1),
      trigger: { namespace, name: 'app', uid: 'app', generation: 1 },
      fieldManager: 'statewire/app',
      schemas: {
        schemaOf: (_, options) => schemas.schemaOf(options?.fresh === true ? atomic : merged, options),
      },
      resources: discovery,
      recorder: { record: () => undefined },
      ownedKinds: () => [],
    });
    await applier.apply(subject.task({ status: { phase: 'Ready' } }));
    assert.equal(subject.stated.length, 1);
    assert.deepEqual((await subject.read()).status, { phase: 'Ready' });
  });

  it('is refused for good where a value has the wrong type', async () => {
    const subject = await Subject.create('Merged');
    const report = await subject.apply({ status: { replicas: 'three' } });
    assert.deepEqual(
      report.problems.map(({ reason }) => reason),
      ['Invalid'],
    );
    assert.match(report.problems[0]?.message ?? '', /replicas/);
    assert.equal(report.complete, true);
    assert.equal(subject.events[0]?.reason, 'Invalid');
  });

  it('survives an edit in between: both stay', async () => {
    const subject = await Subject.create('Merged');
    await subject.statusBy('kubectl', { nested: { b: 'theirs' } });
    await subject.applier.apply(subject.task({ status: { phase: 'Ready' } }));
    assert.equal(subject.stated.length, 1);
    const { status } = await subject.read();
    assert.equal(status.phase, 'Ready');
    assert.deepEqual(status.nested, { b: 'theirs' });
    assert.deepEqual(
      subject.requests.map(({ method }) => method),
      ['PATCH', 'GET', 'PATCH'],
    );
  });

  for (const kind of ['Merged', 'Bare']) {
    it(`never lands on another ${kind} of the same name, nor creates one anew`, async () => {
      const subject = await Subject.create(kind);
      const task = subject.task({ status: { phase: 'Ready' } });
      await request('DELETE', subject.path);
      assert.equal((await subject.applier.apply(task)).complete, false);
      await assert.rejects(subject.read(), { status: 404 });
      await subject.make();
      subject.newest = task.newest();
      assert.equal((await subject.applier.apply(task)).complete, false);
      assert.equal((await subject.read()).status, undefined);
    });
  }

  it('is left to the trigger that owns it, field by field', async () => {
    const first = await Subject.create('Merged', 'first');
    await first.apply({ status: { phase: 'First', nested: { a: 'first' } }, conditions: [ready] });
    const second = Subject.other(first, 'second');
    const report = await second.apply({
      status: { phase: 'Second', nested: { a: 'second', b: 'second' } },
      conditions: [ready, { ...ready, type: 'Synced' }],
    });
    assert.match(
      report.problems[0]?.message ?? '',
      /: status\.conditions\[Ready\], status\.nested\.a, status\.phase$/,
    );
    const { status } = await first.read();
    assert.equal(status.phase, 'First');
    assert.deepEqual(status.nested, { a: 'first', b: 'second' });
    assert.deepEqual(
      status.conditions.map((condition: Loose) => condition.type),
      ['Ready', 'Synced'],
    );
    await first.apply({ status: { phase: 'First', nested: { a: 'first' } }, conditions: [ready] });
    assert.equal(first.writes, 0);
    await second.apply({
      status: { phase: 'Second', nested: { a: 'second', b: 'second' } },
      conditions: [ready, { ...ready, type: 'Synced' }],
    });
    assert.equal(second.writes, 0);
  });

  it('takes fields from whoever is no trigger', async () => {
    const subject = await Subject.create('Merged');
    await subject.statusBy('kubectl', { phase: 'ByHand', addresses: ['x'] });
    const report = await subject.apply({ status: { phase: 'Ready', addresses: ['y'] } });
    assert.deepEqual(report.problems, []);
    const { status } = await subject.read();
    assert.equal(status.phase, 'Ready');
    assert.deepEqual(status.addresses, ['y']);
  });
});

const deployment: Manifest = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', labels: { app: 'web' } },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: {
        containers: [
          {
            name: 'web',
            image: 'registry.invalid/web:1',
            ports: [{ containerPort: 80 }],
            resources: { requests: { cpu: '100m' } },
          },
        ],
      },
    },
  },
};
const service: Manifest = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web' },
  spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] },
};

function named(manifest: Manifest, name: string): Manifest {
  return { ...manifest, metadata: { ...manifest.metadata, name } };
}

async function childrenOf(...kinds: readonly Resource[]): Promise<Map<string, readonly KubeObject[]>> {
  const entries = kinds.map(async (kind): Promise<[string, readonly KubeObject[]]> => {
    const list = await request('GET', resourcePath(kind, { namespace }));
    return [kindName({ apiVersion: apiVersionOf(kind), kind: kind.kind }), list.items];
  });
  return new Map(await Promise.all(entries));
}

describe('Children on a real API server', () => {
  it('are created, found unchanged, changed, and pruned', async () => {
    const subject = await Subject.create('Merged');
    const list = [named(deployment, 'one'), named(service, 'one')];
    const report = await subject.apply({ apply: list });
    assert.deepEqual(report.problems, []);
    assert.equal(subject.applied.length, 2);
    const deployments = await discovery.resolve('apps/v1', 'Deployment');
    const services = await discovery.resolve('v1', 'Service');
    assert.ok(deployments && services);
    const childrenRead = await childrenOf(deployments, services);
    await subject.apply({ apply: list }, { childrenRead });
    assert.equal(subject.writes, 0, 'a default for a key field does not make a difference');
    subject.applier.forget(subject.uid);
    await subject.apply({ apply: list }, { childrenRead });
    assert.equal(subject.writes, 0, 'managedFields alone tell that nothing would change');
    const scaled = { ...named(deployment, 'one'), spec: { ...(deployment['spec'] as object), replicas: 3 } };
    await subject.apply({ apply: [scaled] }, { childrenRead });
    const path = resourcePath(deployments, { namespace, name: 'one' });
    assert.equal((await request('GET', path)).spec.replicas, 3);
    await assert.rejects(request('GET', resourcePath(services, { namespace, name: 'one' })), { status: 404 });
  });

  it('left by an earlier process are pruned', async () => {
    const subject = await Subject.create('Merged');
    await subject.apply({ apply: [named(service, 'early'), named(service, 'stays')] });
    subject.applier.forget(subject.uid);
    await subject.apply({ apply: [named(service, 'stays')] });
    assert.deepEqual(
      subject.pruned.map(({ name }) => name),
      ['early'],
    );
  });

  it('that another object controls are not taken over', async () => {
    const first = await Subject.create('Merged');
    const second = await Subject.create('Merged');
    await first.apply({ apply: [named(service, 'theirs')] });
    const report = await second.apply({ apply: [named(service, 'theirs')] });
    assert.deepEqual(
      report.problems.map(({ reason }) => reason),
      ['ChildNotOwned'],
    );
    await second.apply({ apply: [] });
    await first.apply({ apply: [named(service, 'theirs')] });
    assert.equal(first.requests.length, 1);
  });

  it('that are invalid are refused, with the API server’s reason', async () => {
    const subject = await Subject.create('Merged');
    const report = await subject.apply({
      apply: [
        { ...named(service, 'bad'), spec: { ports: [{ port: 99_999 }] } },
        named(service, 'Not_a_name'),
      ],
    });
    assert.deepEqual(
      report.problems.map(({ reason }) => reason),
      ['Invalid', 'Invalid'],
    );
    assert.match(report.problems[0]?.message ?? '', /Service\.v1 "bad"/);
  });

  it('keep every character', async () => {
    const subject = await Subject.create('Merged');
    const text = 'a\u0085b\u2028c\u007Fd\uFEFFe\u{1F600} \\ud800 \t"yes": no\r\n# &x *y';
    await subject.apply({
      apply: [
        { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'characters' }, data: { text, yes: 'on' } },
      ],
    });
    const found = await request('GET', `/api/v1/namespaces/${namespace}/configmaps/characters`);
    assert.deepEqual(found.data, { text, yes: 'on' });
  });

  it('of a cluster-scoped object live in the namespace they name', async () => {
    const subject = await Subject.create('Wide');
    const metadata = { name: 'of-wide', namespace };
    const report = await subject.apply({ status: { phase: 'Ready' }, apply: [{ ...service, metadata }] });
    assert.deepEqual(report.problems, []);
    subject.applier.forget(subject.uid);
    await subject.apply({ apply: [] });
    assert.deepEqual(
      subject.pruned.map(({ name }) => name),
      ['of-wide'],
    );
    await request('DELETE', subject.path);
  });
});

describe('Events on a real API server', () => {
  it('are created once and counted as a series', async () => {
    const subject = await Subject.create('Merged');
    const recorder = new EventRecorder({
      client,
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
      meter: noMeter,
      instance: 'test',
    });
    const event: EventInput = {
      trigger: `${namespace}/app`,
      regarding: {
        apiVersion: `${GROUP}/v1`,
        kind: 'Merged',
        namespace,
        name: subject.name,
        uid: subject.uid,
      },
      type: 'Warning',
      reason: 'QuotaExhausted',
      action: 'Reconcile',
      note: 'é'.repeat(2000),
    };
    recorder.record(event);
    recorder.record(event);
    await recorder.stop();
    const path = `/apis/events.k8s.io/v1/namespaces/${namespace}/events`;
    const { items } = await request('GET', path, undefined, {
      query: { fieldSelector: `regarding.uid=${subject.uid}` },
    });
    assert.equal(items.length, 1);
    const [found] = items;
    assert.equal(found.series.count, 2);
    assert.equal(found.reason, 'QuotaExhausted');
    assert.equal(found.reportingController, 'statewire.dev/forwarder');
    assert.equal(found.reportingInstance, 'statewire.dev/forwarder-test');
    assert.equal(Buffer.byteLength(found.note) <= 1024, true);
  });
});
