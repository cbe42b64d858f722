import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CHILD_PATH, Harness } from '../../support/apply-harness.ts';
import { apiError } from '../../support/fake-apply-server.ts';
import { childNames, childrenRead, deployment, LABELS, OWNER } from '../../support/child-manifests.ts';

describe('Pruning', () => {
  it('deletes what the list no longer names', async () => {
    const harness = new Harness();
    await harness.apply({ apply: [deployment('a'), deployment('b')] });
    await harness.apply({ apply: [deployment('b')] });
    assert.deepEqual(childNames(harness), ['b']);
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
    assert.deepEqual(childNames(harness), []);
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
    assert.deepEqual(childNames(harness), []);
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
      assert.deepEqual(childNames(harness), ['x']);
    });
  }

  it('leaves a child that somebody took from the object in the meantime', async () => {
    const harness = new Harness();
    await harness.apply({ apply: [deployment('a')] });
    const child = harness.server.get(`${CHILD_PATH}/a`);
    child['metadata'].ownerReferences = [];
    await harness.apply({ apply: [] });
    assert.deepEqual(childNames(harness), ['a']);
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
    assert.deepEqual(childNames(harness), []);
  });

  it('does not begin before all of the list succeeded', async () => {
    const harness = new Harness();
    await harness.apply({ apply: [deployment('a')] });
    harness.server.before = ({ method, path }) => {
      if (method === 'PATCH' && path.endsWith('/b')) throw apiError(422, 'invalid');
    };
    await harness.apply({ apply: [deployment('b'), deployment('c')] });
    assert.deepEqual(childNames(harness), ['a', 'c']);
    harness.server.before = () => undefined;
    await harness.apply({ apply: [deployment('c')] });
    assert.deepEqual(childNames(harness), ['c']);
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
    assert.deepEqual(childNames(harness), []);
  });
});
