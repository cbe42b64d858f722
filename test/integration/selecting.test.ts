/** Which objects a trigger is about: selectors, built-in kinds, and kinds that are not its to see. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { quietFor } from '../support/eventually.ts';
import { useStage } from '../support/stage.ts';

const gold = { labelSelector: { matchLabels: { tier: 'gold' } } };

describe('What a trigger watches', () => {
  const stage = useStage();

  describe('a label selector', () => {
    it('sends objects that enter as created, and lets those that leave go with what they are now', async (t) => {
      const scene = await stage.scene(t, { watch: gold });
      await stage.create('one', { spec: { size: 1 } });
      const { metadata } = await stage.create('two', { metadata: { labels: { tier: 'gold' } } });
      const [created] = await scene.calls('two', 1);
      assert.equal(created?.id, `${metadata.uid}:${metadata.resourceVersion}`, 'a selector: no generation');
      const entered = await stage.merge('one', { metadata: { labels: { tier: 'gold' } } });
      assert.equal((await scene.calls('one', 1))[0]?.type, 'created');

      const left = await stage.merge('one', { metadata: { labels: { tier: 'lead' } }, spec: { size: 2 } });
      const [, gone] = await scene.calls('one', 2);
      assert.equal(gone?.type, 'deleted');
      assert.equal(gone.id, `${entered.metadata.uid}:left:${left.metadata.resourceVersion}`);
      assert.equal(gone.data.reason, 'LeftScope');
      assert.deepEqual((gone.data.object as { spec?: unknown }).spec, { size: 2 });
      assert.deepEqual(gone.data.object.metadata.labels, { tier: 'lead' });

      await stage.merge('one', { metadata: { labels: { tier: 'gold' } } });
      const [, , again] = await scene.calls('one', 3);
      assert.equal(again?.type, 'created', 'to the function, one that comes back is a new one');
      assert.equal(new Set(scene.of('one').map(({ id }) => id)).size, 3);
    });

    it('tells a deletion from leaving', async (t) => {
      const scene = await stage.scene(t, { watch: gold });
      const { metadata } = await stage.create('one', { metadata: { labels: { tier: 'gold' } } });
      await scene.calls('one', 1);
      await stage.remove('one');
      const [, deleted] = await scene.calls('one', 2);
      assert.equal(deleted?.id, `${metadata.uid}:deleted`);
      assert.equal(deleted.data.reason, 'Deleted');
    });

    it('selects by expressions', async (t) => {
      const matchExpressions = [
        { key: 'tier', operator: 'In', values: ['gold', 'silver'] },
        { key: 'paused', operator: 'DoesNotExist' },
      ];
      const scene = await stage.scene(t, { watch: { labelSelector: { matchExpressions } } });
      await stage.create('paused', { metadata: { labels: { tier: 'gold', paused: '' } } });
      await stage.create('lead', { metadata: { labels: { tier: 'lead' } } });
      await stage.create('silver', { metadata: { labels: { tier: 'silver' } } });
      await scene.calls('silver', 1);
      await quietFor(200);
      assert.deepEqual(
        scene.host.calls.map(({ key }) => key.split('/')[1]),
        ['silver'],
      );
    });
  });

  describe('a field selector', () => {
    it('selects by the selectable fields of the definition', async (t) => {
      const scene = await stage.scene(t, { watch: { fieldSelector: 'spec.tier=gold' } });
      await stage.create('lead', { spec: { tier: 'lead' } });
      await stage.create('gold', { spec: { tier: 'gold' } });
      await scene.calls('gold', 1);
      await stage.merge('lead', { spec: { tier: 'gold' } });
      assert.equal((await scene.calls('lead', 1))[0]?.type, 'created');
      await stage.merge('gold', { spec: { tier: 'lead' } });
      const [, left] = await scene.calls('gold', 2);
      assert.equal(left?.data.reason, 'LeftScope');
      assert.deepEqual((left.data.object as { spec?: unknown }).spec, { tier: 'lead' });
      assert.deepEqual(scene.types('lead'), ['created']);
    });

    it('selects by name', async (t) => {
      const scene = await stage.scene(t, { watch: { fieldSelector: 'metadata.name=one' } });
      await stage.create('two');
      await stage.create('one');
      await scene.calls('one', 1);
      await quietFor(200);
      assert.deepEqual(scene.types('two'), []);
    });
  });

  describe('a kind of Kubernetes itself', () => {
    it('is watched like any other, and counts without generation by its content', async (t) => {
      const path = `/api/v1/namespaces/${stage.bench.namespace}/configmaps`;
      const scene = await stage.scene(t, {
        watch: { apiVersion: 'v1', kind: 'ConfigMap', labelSelector: { matchLabels: { app: 'shop' } } },
      });
      const config = { apiVersion: 'v1', kind: 'ConfigMap', data: { a: '1' } };
      await stage.api.call('POST', path, { ...config, metadata: { name: 'shop', labels: { app: 'shop' } } });
      const [created] = await scene.calls('shop', 1);
      assert.deepEqual((created?.data.object as { data?: unknown } | undefined)?.data, { a: '1' });
      await stage.api.call('PATCH', `${path}/shop`, { metadata: { annotations: { note: 'nothing' } } });
      await scene.filtered('unchanged');
      await stage.api.call('PATCH', `${path}/shop`, { data: { a: '2' } });
      await scene.calls('shop', 2);
      await stage.api.call('DELETE', `${path}/shop`);
      await scene.calls('shop', 3);
      assert.deepEqual(scene.types('shop'), ['created', 'updated', 'deleted']);
    });
  });

  describe('a kind of the whole cluster', () => {
    it('is refused in a condition that names the field, also after an edit, and nothing is sent', async (t) => {
      const watch = { apiVersion: 'v1', kind: 'Namespace' };
      const scene = await stage.scene(t, { watch, wait: false });
      const { message } = await scene.becomes('Accepted', 'False', 'ClusterScoped');
      assert.match(message, /^spec\.watch\.kind: .*"Namespace".*cluster-scoped/);
      await scene.apply({ watch, spec: { initial: 'Skip' } });
      await scene.taken();
      await quietFor(300);
      assert.equal((await scene.condition('Accepted'))?.reason, 'ClusterScoped');
      assert.equal((await scene.condition('Ready'))?.status, 'False');
      assert.equal(scene.host.calls.length, 0);
    });
  });

  describe('a kind that does not exist yet', () => {
    it('is a condition, and blocks nobody', async (t) => {
      const scene = await stage.scene(t, {
        watch: { apiVersion: `later.${stage.bench.group}/v1`, kind: 'Gadget' },
        wait: false,
      });
      await scene.becomes('SourceSynced', 'False', 'ResourceNotFound');
      assert.equal((await stage.bench.forwarder.get('/readyz')).status, 200);
    });
  });
});
