/** Sources on a real API server of their own, because its server is killed and its store compacted. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { KubeAccess } from '../../forwarder/kube/kube-access.ts';
import { eventually } from '../support/eventually.ts';
import { type Follower, SourceStage } from '../support/source-stage.ts';

let stage: SourceStage;
before(async () => {
  stage = await SourceStage.open();
});
after(() => stage[Symbol.asyncDispose]());

describe('Source on a real API server', () => {
  it('lists, watches, and tells each change with the bytes of the object', async (t) => {
    await stage.install('apples', 'Apple');
    const apples = stage.items('apples', 'Apple');
    await apples.create('a');
    const { follower, relists } = stage.follow(t, { kind: 'Apple' });
    await follower.has('synced');
    await apples.create('b');
    await apples.patch('b', { spec: { n: 1 } });
    await apples.remove('a');
    await follower.has('Deleted a');
    assert.deepEqual(
      follower.deltas.map(({ type, head }) => `${type} ${head.name} ${head.generation}`),
      ['Listed a 1', 'Added b 1', 'Modified b 2', 'Deleted a 1'],
    );
    for (const { raw, head } of follower.deltas) {
      const object = JSON.parse(raw ?? '');
      assert.equal(object.kind, 'Apple');
      assert.equal(object.metadata.resourceVersion, head.resourceVersion);
      assert.equal(object.spec.text, 'ü{"');
    }
    assert.deepEqual(relists, ['start']);
  });

  it('tells an object that leaves the selector as deleted, and one that enters it as added', async (t) => {
    await stage.install('pears', 'Pear');
    const pears = stage.items('pears', 'Pear');
    await pears.create('a', { keep: 'yes' });
    await pears.create('b');
    const { follower } = stage.follow(t, { kind: 'Pear', namespace: 'default', labelSelector: 'keep=yes' });
    await follower.has('synced');
    await pears.patch('a', { metadata: { labels: { keep: 'no' } } });
    await pears.patch('b', { metadata: { labels: { keep: 'yes' } } });
    await follower.has('Added b');
    assert.deepEqual(
      follower.deltas.map(({ type, head }) => `${type} ${head.name}`),
      ['Listed a', 'Deleted a', 'Added b'],
    );
  });

  it('tells a name that is deleted and made again as two objects', async (t) => {
    await stage.install('plums', 'Plum');
    const plums = stage.items('plums', 'Plum');
    await plums.create('a');
    const { follower } = stage.follow(t, { kind: 'Plum' });
    await follower.has('synced');
    await plums.remove('a');
    await plums.create('a');
    await follower.has('Added a');
    assert.deepEqual(
      follower.deltas.map(({ type }) => type),
      ['Listed', 'Deleted', 'Added'],
    );
    assert.notEqual(follower.deltas[1]?.head.uid, follower.deltas[2]?.head.uid);
  });

  it('follows a kind that is installed later, removed and installed again', async (t) => {
    const { follower } = stage.follow(t, { kind: 'Fig' });
    await follower.has('ResourceNotFound');
    await stage.install('figs', 'Fig');
    await follower.has('synced');
    const figs = stage.items('figs', 'Fig');
    await figs.create('a');
    await follower.has('Added a');
    await stage.uninstall('figs');
    await follower.has('ResourceNotFound', 2);
    await eventually('figs gone', async () => !(await stage.served('figs')));
    await stage.install('figs', 'Fig');
    await follower.has('synced', 2);
    await figs.create('b');
    await follower.has('Added b');
    assert.equal(follower.names, 'b');
    assert.deepEqual(
      follower.log.filter((line) => line === 'Deleted a'),
      ['Deleted a'],
    );
  });

  it('lists thousands of built-in objects in pages, with apiVersion and kind in each', async (t) => {
    const path = '/api/v1/namespaces/default/configmaps';
    const created = Array.from({ length: 1200 }, (_, i) => `many-${i}`);
    for (let at = 0; at < created.length; at += 100) {
      await Promise.all(
        created.slice(at, at + 100).map((name) => {
          return stage.client.request({ method: 'POST', path, body: JSON.stringify({ metadata: { name } }) });
        }),
      );
    }
    const { follower, join, relists } = stage.follow(t, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      namespace: 'default',
    });
    await follower.has('synced');
    const late = join();
    await late.has('synced');
    assert.deepEqual(relists, ['start', 'subscriber']);
    // One came by a streaming list, the other in pages, whose items carry neither apiVersion nor kind.
    const parsed = ({ deltas }: Follower): Map<unknown, unknown> =>
      new Map(deltas.map(({ head, raw }) => [head.uid, JSON.parse(raw ?? '')]));
    assert.equal(late.deltas.length, 1200);
    assert.deepEqual(parsed(late), parsed(follower));
  });

  it('misses nothing while the API server restarts', async (t) => {
    await stage.install('limes', 'Lime');
    const limes = stage.items('limes', 'Lime');
    await limes.create('a');
    const { follower, relists } = stage.follow(t, { kind: 'Lime' });
    await follower.has('synced');
    await limes.create('b');
    await follower.has('Added b');
    await stage.cluster.apiServer(0).restart();
    await eventually('limes served', () => stage.served('limes'));
    await limes.remove('a');
    await limes.create('c');
    await eventually('the new state', () => follower.names === 'b,c');
    await follower.has('Deleted a');
    assert.ok(relists.length <= 2, `lists: ${relists.join()}`);
  });

  it('lists again after compaction, and tells what was deleted meanwhile', async (t) => {
    await stage.install('kiwis', 'Kiwi');
    const kiwis = stage.items('kiwis', 'Kiwi');
    await kiwis.create('a');
    await kiwis.create('b');
    const { access } = stage;
    let gate = Promise.resolve();
    const gated: KubeAccess = { ...access, headers: () => gate.then(() => access.headers()) };
    const { follower } = stage.follow(t, { kind: 'Kiwi' }, gated);
    await follower.has('synced');
    // The source is kept away from the server, whose restart ends its watch.
    const { promise, resolve } = Promise.withResolvers<void>();
    gate = promise;
    await stage.cluster.apiServer(0).restart();
    await eventually('kiwis served', () => stage.served('kiwis'));
    await kiwis.remove('a');
    await stage.cluster.compactEtcd();
    await stage.cluster.apiServer(0).restart();
    resolve();
    await follower.has('Deleted a');
    assert.equal(follower.names, 'b');
    assert.deepEqual(
      follower.deltas.map(
        ({ type, head, raw }) => `${type} ${head.name} ${raw === undefined ? 'unseen' : 'seen'}`,
      ),
      ['Listed a seen', 'Listed b seen', 'Listed b seen', 'Deleted a unseen'],
    );
  });
});
