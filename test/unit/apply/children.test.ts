import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseExact } from '../../../forwarder/lib/exact-json.ts';
import type { KubeObject } from '../../../forwarder/model/kube-object.ts';
import { triggerLabelValue } from '../../../forwarder/model/trigger.ts';
import type { Manifest } from '../../../protocol/result.ts';
import { APP, CHILD_PATH, Harness, MANAGER, OBJECT_PATH } from '../../support/apply-harness.ts';
import { apiError } from '../../support/fake-apply-server.ts';

const LABEL = triggerLabelValue({ namespace: 'shop', name: 'app' });
const LABELS = { 'statewire.dev/trigger': LABEL };
const OWNER = {
  apiVersion: 'example.com/v1',
  kind: 'App',
  name: 'web',
  uid: 'u1',
  controller: true,
  blockOwnerDeletion: true,
};

function deployment(name: string, more: Partial<Manifest> = {}): Manifest {
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name }, spec: { replicas: 2 }, ...more };
}

/** The children as they are now, as a delivery reads them. */
function childrenRead(harness: Harness): ReadonlyMap<string, readonly KubeObject[]> {
  const found = [...harness.server.objects].filter(([path]) => path.startsWith(CHILD_PATH));
  return new Map([
    ['Deployment.apps/v1', found.map(([, object]) => parseExact(JSON.stringify(object)) as KubeObject)],
  ]);
}

function names(harness: Harness): string[] {
  return [...harness.server.objects.keys()]
    .filter((path) => path !== OBJECT_PATH)
    .map((path) => path.split('/').at(-1) ?? '');
}

describe('A child', () => {
  it('is applied in the object’s namespace, controlled by it and labelled with the trigger', async () => {
    const harness = new Harness();
    const report = await harness.apply({ apply: [deployment('web')] });
    const child = harness.server.get(`${CHILD_PATH}/web`);
    assert.deepEqual(child['metadata'].ownerReferences, [OWNER]);
    assert.deepEqual(child['metadata'].labels, LABELS);
    assert.equal(child['metadata'].namespace, 'shop');
    assert.deepEqual(child['spec'], { replicas: 2 });
    assert.equal(child['metadata'].managedFields[0].manager, MANAGER);
    assert.equal(report.complete, true);
    assert.deepEqual(harness.applied, [
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        namespace: 'shop',
        name: 'web',
        uid: child['metadata'].uid,
        resourceVersion: child['metadata'].resourceVersion,
      },
    ]);
  });

  it('is labelled with 12 hex of SHA-256 of the trigger’s namespace and name', () => {
    // printf shop/app | sha256sum
    assert.equal(LABEL, '87bf3caf70ce');
  });

  it('comes without what only the API server and the forwarder set', async () => {
    const harness = new Harness();
    const metadata = {
      name: 'web',
      uid: 'x',
      resourceVersion: '1',
      generateName: 'y',
      managedFields: [],
      ownerReferences: [{ ...OWNER, uid: 'other' }],
      creationTimestamp: null,
      labels: { a: 'b', 'statewire.dev/trigger': 'forged' },
      annotations: { c: 'd' },
    };
    await harness.apply({ apply: [deployment('web', { metadata, status: { replicas: 7 } })] });
    const body = JSON.parse(
      harness.server.requests.find(({ method }) => method === 'PATCH')?.body ?? '',
    ) as Manifest;
    assert.deepEqual(body, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: {
        name: 'web',
        namespace: 'shop',
        labels: { a: 'b', ...LABELS },
        annotations: { c: 'd' },
        ownerReferences: [OWNER],
      },
      spec: { replicas: 2 },
    });
  });

  it('keeps characters that YAML would read differently', async () => {
    const harness = new Harness();
    const text = 'a\u0085b\u2028c\u007Fd\uFEFFe\u{1F600}\\ud800 yes: no';
    await harness.apply({ apply: [deployment('web', { spec: { text } })] });
    const { body = '' } = harness.server.requests.find(({ method }) => method === 'PATCH') ?? {};
    assert.doesNotMatch(body, /[\u007F-\u009F\u2028\uFEFF]/);
    assert.equal((JSON.parse(body) as { readonly spec: { readonly text: string } }).spec.text, text);
  });

  it('is applied without half characters', async () => {
    const harness = new Harness();
    await harness.apply({
      apply: [deployment('web', { spec: { text: 'a\uD800b', raw: String.raw`\ud800` } })],
    });
    const child = harness.server.get(`${CHILD_PATH}/web`);
    assert.deepEqual(child['spec'], { text: 'a\uFFFDb', raw: String.raw`\ud800` });
  });

  it('is left alone where the result has no list, and where it has an error', async () => {
    const harness = new Harness();
    await harness.apply({ apply: [deployment('web')] });
    await harness.apply({ status: { phase: 'Ready' } });
    await harness.apply({
      apply: [],
      error: { message: 'quota' },
      status: { phase: 'Failed' },
      events: [{ type: 'Warning', reason: 'Quota', message: 'exhausted' }],
    });
    assert.deepEqual(names(harness), ['web']);
    assert.equal(harness.object['status'].phase, 'Failed');
    assert.equal(harness.events[0]?.reason, 'Quota');
    assert.deepEqual(harness.pruned, []);
  });

  for (const { reason, manifest, message } of [
    {
      reason: 'of a kind that is not served',
      manifest: deployment('web', { kind: 'Nothing' }),
      message: /serves no such kind/,
    },
    {
      reason: 'in another namespace',
      manifest: deployment('web', { metadata: { name: 'web', namespace: 'other' } }),
      message: /"other", not that of its owner/,
    },
    {
      reason: 'that is cluster-scoped, of a namespaced object',
      manifest: { apiVersion: 'example.com/v1', kind: 'Zone', metadata: { name: 'eu' } },
      message: /cluster-scoped object cannot be the child/,
    },
    {
      reason: 'that is the object itself',
      manifest: { apiVersion: 'example.com/v1', kind: 'App', metadata: { name: 'web' } },
      message: /its own child/,
    },
  ]) {
    it(`${reason} is refused, while the others are applied`, async () => {
      const harness = new Harness();
      const report = await harness.apply({ apply: [manifest, deployment('good')] });
      assert.deepEqual(
        report.problems.map(({ reason }) => reason),
        ['Invalid'],
      );
      assert.match(report.problems[0]?.message ?? '', message);
      assert.deepEqual(names(harness), ['good']);
      assert.equal(harness.events[0]?.reason, 'Invalid');
      assert.equal(report.complete, true);
    });
  }

  it('named twice is refused the second time', async () => {
    const harness = new Harness();
    const again = deployment('web', { metadata: { name: 'web', namespace: 'shop' } });
    const report = await harness.apply({ apply: [deployment('web'), again] });
    assert.match(report.problems[0]?.message ?? '', /twice/);
  });

  it('of a cluster-scoped object names its namespace', async () => {
    const harness = new Harness({ resource: { ...APP, kind: 'Zone', plural: 'zones', namespaced: false } });
    const { namespace: _, ...task } = harness.task({
      apply: [deployment('a'), deployment('b', { metadata: { name: 'b', namespace: 'shop' } })],
    });
    const report = await harness.applier.apply(task);
    assert.match(report.problems[0]?.message ?? '', /metadata\.namespace is missing/);
    assert.deepEqual(names(harness), ['b']);
  });

  it('that another owner controls is not taken over', async () => {
    const harness = new Harness();
    const metadata = { name: 'web', namespace: 'shop', ownerReferences: [{ ...OWNER, uid: 'other' }] };
    harness.server.put(`${CHILD_PATH}/web`, { ...deployment('web'), metadata });
    const report = await harness.apply({ apply: [deployment('web', { spec: { replicas: 9 } })] });
    assert.equal(report.problems[0]?.reason, 'ChildNotOwned');
    assert.deepEqual(harness.server.get(`${CHILD_PATH}/web`)['spec'], { replicas: 2 });
  });

  it('that another object of the same trigger controls is not taken over', async () => {
    const harness = new Harness();
    await harness.apply({ apply: [deployment('web')] });
    const other = {
      ...harness.task({ apply: [deployment('web', { spec: { replicas: 9 } })] }),
      uid: 'u2',
      name: 'other',
    };
    const report = await harness.applier.apply(other);
    assert.deepEqual(report.problems, [
      { reason: 'ChildNotOwned', message: 'Deployment.apps/v1 "web": another object controls it' },
    ]);
    assert.deepEqual(harness.server.get(`${CHILD_PATH}/web`)['metadata'].ownerReferences, [OWNER]);
  });

  it('that two objects of the trigger create at once belongs to one of them', async () => {
    const harness = new Harness();
    const apply = [deployment('web')];
    const reports = Promise.all([
      harness.applier.apply(harness.task({ apply })),
      harness.applier.apply({ ...harness.task({ apply }), uid: 'u2', name: 'other' }),
    ]);
    await harness.clock.advance(1000);
    const [first, second] = await reports;
    assert.deepEqual(first.problems, []);
    assert.equal(second.problems[0]?.reason, 'ChildNotOwned');
    assert.deepEqual(harness.server.get(`${CHILD_PATH}/web`)['metadata'].ownerReferences, [OWNER]);
  });

  it('that was deleted and made again by another object is not taken over', async () => {
    const harness = new Harness();
    await harness.apply({ apply: [deployment('web')] });
    const metadata = {
      name: 'web',
      namespace: 'shop',
      uid: 'new',
      ownerReferences: [{ ...OWNER, uid: 'u9' }],
    };
    harness.server.put(`${CHILD_PATH}/web`, { ...deployment('web'), metadata });
    const done = harness.apply({ apply: [deployment('web')] });
    await harness.clock.advance(100);
    assert.equal((await done).problems[0]?.reason, 'ChildNotOwned');
  });

  it('that the API server refuses is a problem, and the delivery is complete', async () => {
    const harness = new Harness();
    harness.server.before = ({ method }) => {
      if (method === 'PATCH') throw apiError(403, 'may not');
    };
    const report = await harness.apply({ apply: [deployment('web')] });
    assert.deepEqual(report.problems, [
      { reason: 'Forbidden', message: 'Deployment.apps/v1 "web": may not' },
    ]);
    assert.equal(report.complete, true);
    assert.equal(harness.counts['child refused'], 1);
  });

  it('that has to wait does not hold up the others', async () => {
    const harness = new Harness();
    let unavailable = true;
    harness.server.before = ({ method, path }) => {
      if (method === 'PATCH' && path.endsWith('/slow') && unavailable) throw apiError(503, 'webhook is away');
    };
    const done = harness.apply({ apply: [deployment('slow'), deployment('web')] });
    await harness.clock.advance(10);
    assert.deepEqual(names(harness), ['web']);
    assert.equal(harness.retrying.length, 1);
    unavailable = false;
    await harness.clock.advance(1000);
    await done;
    assert.equal(harness.applied.length, 2);
  });

  it('follows the one before it, once that has been tried', async () => {
    const harness = new Harness();
    await harness.apply({ apply: [deployment('c'), deployment('a'), deployment('b')] });
    assert.deepEqual(names(harness), ['c', 'a', 'b']);
  });
});

describe('A child that has not changed', () => {
  const ports = [{ containerPort: 80 }];
  const manifest = deployment('web', { spec: { replicas: 2, ports } });

  it('is not applied again when it was read as it was left', async () => {
    const harness = new Harness();
    await harness.apply({ apply: [manifest] });
    await harness.apply({ apply: [manifest] }, { childrenRead: childrenRead(harness) });
    assert.equal(harness.counts['child written'], 1);
    assert.equal(harness.counts['child unchanged'], 1);
  });

  it('is not applied again after others, or an earlier process, wrote other fields of it', async () => {
    const harness = new Harness();
    await harness.apply({ apply: [manifest] });
    await harness.server.applyAs('deployment-controller', `${CHILD_PATH}/web`, {
      metadata: { name: 'web', annotations: { revision: '1' } },
    });
    harness.applier.forget('u1');
    await harness.apply({ apply: [manifest] }, { childrenRead: childrenRead(harness) });
    assert.equal(harness.counts['child unchanged'], 1);
  });

  for (const { reason, change } of [
    {
      reason: 'somebody took a field of it',
      change: (harness: Harness) =>
        harness.server.applyAs('kubectl', `${CHILD_PATH}/web`, {
          metadata: { name: 'web' },
          spec: { replicas: 5 },
        }),
    },
    {
      reason: 'it was deleted',
      change: (harness: Harness) => void harness.server.objects.delete(`${CHILD_PATH}/web`),
    },
  ]) {
    it(`is applied again when ${reason}`, async () => {
      const harness = new Harness();
      await harness.apply({ apply: [manifest] });
      await change(harness);
      await harness.apply({ apply: [manifest] }, { childrenRead: childrenRead(harness) });
      assert.equal(harness.server.get(`${CHILD_PATH}/web`)['spec'].replicas, 2);
    });
  }

  it('is applied again when the manifest leaves something out', async () => {
    const harness = new Harness();
    await harness.apply({ apply: [manifest] });
    await harness.apply(
      { apply: [deployment('web', { spec: { replicas: 2 } })] },
      { childrenRead: childrenRead(harness) },
    );
    assert.deepEqual(harness.server.get(`${CHILD_PATH}/web`)['spec'], { replicas: 2 });
  });
});

describe('Pruning', () => {
  it('deletes what the list no longer names', async () => {
    const harness = new Harness();
    await harness.apply({ apply: [deployment('a'), deployment('b')] });
    await harness.apply({ apply: [deployment('b')] });
    assert.deepEqual(names(harness), ['b']);
    assert.deepEqual(
      harness.pruned.map(({ name }) => name),
      ['a'],
    );
    const request = harness.server.requests.find(({ method }) => method === 'DELETE');
    const options = JSON.parse(request?.body ?? '') as Record<string, unknown>;
    assert.equal(options['propagationPolicy'], 'Background');
    assert.deepEqual(Object.keys(options['preconditions'] as object), ['uid', 'resourceVersion']);
  });

  it('finds what an earlier process applied, by label', async () => {
    const harness = new Harness();
    await harness.apply({ apply: [deployment('a'), deployment('b')] });
    harness.applier.forget('u1');
    await harness.apply({ apply: [] });
    assert.deepEqual(names(harness), []);
  });

  it('lists once per object and process, and never where the children were read', async () => {
    const harness = new Harness();
    const lists = (): number => harness.server.requests.filter(({ path }) => path === CHILD_PATH).length;
    await harness.apply({ apply: [deployment('a')] });
    await harness.apply({ apply: [deployment('a'), deployment('b')] });
    await harness.apply({ apply: [deployment('a')] });
    assert.equal(lists(), 1);
    harness.applier.forget('u1');
    await harness.apply({ apply: [] }, { childrenRead: childrenRead(harness) });
    assert.equal(lists(), 1);
    assert.deepEqual(names(harness), []);
  });

  for (const { reason, metadata, kind } of [
    {
      reason: 'that another object controls',
      metadata: { labels: LABELS, ownerReferences: [{ ...OWNER, uid: 'u9' }] },
    },
    {
      reason: 'that the object owns but does not control',
      metadata: { labels: LABELS, ownerReferences: [{ ...OWNER, controller: false }] },
    },
    {
      reason: 'that another trigger applied',
      metadata: { labels: { 'statewire.dev/trigger': 'other' }, ownerReferences: [OWNER] },
    },
    { reason: 'that nobody labelled', metadata: { ownerReferences: [OWNER] } },
    {
      reason: 'of a kind that is not owned',
      metadata: { labels: LABELS, ownerReferences: [OWNER] },
      kind: 'ConfigMap',
    },
  ]) {
    it(`leaves a child ${reason}`, async () => {
      const harness = new Harness();
      const path = kind === 'ConfigMap' ? '/api/v1/namespaces/shop/configmaps/x' : `${CHILD_PATH}/x`;
      harness.server.put(path, {
        ...deployment('x'),
        metadata: { name: 'x', namespace: 'shop', ...metadata },
      });
      await harness.apply({ apply: [] });
      assert.deepEqual(names(harness), ['x']);
    });
  }

  it('leaves a child that somebody took from the object in the meantime', async () => {
    const harness = new Harness();
    await harness.apply({ apply: [deployment('a')] });
    const child = harness.server.get(`${CHILD_PATH}/a`);
    child['metadata'].ownerReferences = [];
    await harness.apply({ apply: [] });
    assert.deepEqual(names(harness), ['a']);
  });

  it('looks again at a child that changed while it was to be deleted', async () => {
    const harness = new Harness();
    await harness.apply({ apply: [deployment('a')] });
    const read = childrenRead(harness);
    await harness.server.applyAs('kubectl', `${CHILD_PATH}/a`, {
      metadata: { name: 'a', annotations: { x: 'y' } },
    });
    const done = harness.apply({ apply: [] }, { childrenRead: read });
    await harness.clock.advance(100);
    await done;
    assert.deepEqual(names(harness), []);
  });

  it('does not begin before all of the list succeeded', async () => {
    const harness = new Harness();
    await harness.apply({ apply: [deployment('a')] });
    harness.server.before = ({ method, path }) => {
      if (method === 'PATCH' && path.endsWith('/b')) throw apiError(422, 'invalid');
    };
    await harness.apply({ apply: [deployment('b'), deployment('c')] });
    assert.deepEqual(names(harness), ['a', 'c']);
    harness.server.before = () => undefined;
    await harness.apply({ apply: [deployment('c')] });
    assert.deepEqual(names(harness), ['c']);
  });

  it('that is refused is a problem, and is tried again with the next result', async () => {
    const harness = new Harness();
    await harness.apply({ apply: [deployment('a')] });
    harness.server.before = ({ method }) => {
      if (method === 'DELETE') throw apiError(403, 'may not');
    };
    const report = await harness.apply({ apply: [] });
    assert.deepEqual(report.problems, [{ reason: 'Forbidden', message: 'prune Deployment "a": may not' }]);
    harness.server.before = () => undefined;
    await harness.apply({ apply: [] });
    assert.deepEqual(names(harness), []);
  });
});
