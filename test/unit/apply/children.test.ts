import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Manifest } from '../../../protocol/result.ts';
import { APP, CHILD_PATH, Harness, MANAGER } from '../../support/apply-harness.ts';
import { apiError } from '../../support/fake-apply-server.ts';
import { childNames, deployment, LABEL, LABELS, OWNER } from '../../support/child-manifests.ts';

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
    assert.deepEqual(childNames(harness), ['web']);
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
      assert.deepEqual(childNames(harness), ['good']);
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
    assert.deepEqual(childNames(harness), ['b']);
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
    assert.deepEqual(childNames(harness), ['web']);
    assert.equal(harness.retrying.length, 1);
    unavailable = false;
    await harness.clock.advance(1000);
    await done;
    assert.equal(harness.applied.length, 2);
  });

  it('follows the one before it, once that has been tried', async () => {
    const harness = new Harness();
    await harness.apply({ apply: [deployment('c'), deployment('a'), deployment('b')] });
    assert.deepEqual(childNames(harness), ['c', 'a', 'b']);
  });
});
