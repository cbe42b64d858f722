/** Children: how they come with their owner's event, and when they fire. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it, type TestContext } from 'node:test';
import { eventually, quietFor } from '../support/eventually.ts';
import type { Answer, Call } from '../support/function-host.ts';
import { result, type Scene, useStage, type Widget } from '../support/stage.ts';

const owns = [
  { apiVersion: 'apps/v1', kind: 'Deployment' },
  { apiVersion: 'v1', kind: 'ConfigMap' },
];

const configMap = (name: string, data: unknown): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data,
});

const applies = ({ data }: Call): Answer => {
  const { metadata, spec } = data.object as Widget;
  return result({ apply: [configMap(`${metadata.name}-config`, { size: String(spec?.['size']) })] });
};

interface Child {
  readonly metadata: { readonly uid: string; readonly resourceVersion: string };
  readonly data?: Readonly<Record<string, string>>;
}

describe('What an object owns', () => {
  const stage = useStage();
  const path = (name: string, plural = 'configmaps'): string =>
    `/api/v1/namespaces/${stage.bench.namespace}/${plural}/${name}`;
  const ownedBy = ({ apiVersion, kind, metadata }: Widget): object => ({
    ownerReferences: [{ apiVersion, kind, name: metadata.name, uid: metadata.uid }],
  });

  /** A widget whose child has been applied. Each test has other names: what a widget leaves behind goes later. */
  const withChild = async (
    t: TestContext,
    name: string,
  ): Promise<{ readonly scene: Scene; readonly owner: Widget }> => {
    const scene = await stage.scene(t, { watch: { owns }, answer: applies });
    const owner = await stage.create(name, { spec: { size: 1 } });
    await eventually('the child', () => stage.api.find(path(`${name}-config`)));
    return { scene, owner };
  };

  describe('a child', () => {
    it('that a result applies fires nothing', async (t) => {
      const { scene } = await withChild(t, 'still');
      await stage.merge('still', { spec: { size: 2 } });
      await eventually(
        'the child follows',
        async () => (await stage.api.find<Child>(path('still-config')))?.data?.['size'] === '2',
      );
      await quietFor(1000);
      assert.deepEqual(
        scene.of('still').map(({ data }) => data.reason),
        ['Watch', 'Watch'],
      );
    });

    it('that somebody else changes fires exactly one event, whose result mends it', async (t) => {
      const { scene, owner } = await withChild(t, 'drift');
      const drifted = await stage.api.call<Child>('PATCH', path('drift-config'), { data: { size: '99' } });
      const [, call] = await scene.calls('drift', 2);
      assert.equal(call?.type, 'updated');
      assert.equal(call.data.reason, 'Child');
      const { uid, resourceVersion } = drifted.metadata;
      const versions = createHash('sha256').update(`${uid}/${resourceVersion}`).digest('hex').slice(0, 8);
      assert.equal(call.id, `${owner.metadata.uid}:g1:c${versions}`);
      assert.deepEqual(call.data.changed, []);
      assert.deepEqual(Object.keys(call.data.children ?? {}), ['Deployment.apps/v1', 'ConfigMap.v1']);
      assert.deepEqual(Object.keys(call.data.children?.['ConfigMap.v1'] ?? {}), ['drift-config']);
      const child = call.data.children?.['ConfigMap.v1']?.['drift-config'] as Child | undefined;
      assert.deepEqual(child?.data, { size: '99' });
      await eventually(
        'it is mended',
        async () => (await stage.api.find<Child>(path('drift-config')))?.data?.['size'] === '1',
      );
      await quietFor(1000);
      assert.equal(scene.of('drift').length, 2);
    });

    it('that somebody else deletes fires one event, whose result brings it back', async (t) => {
      const { scene } = await withChild(t, 'lost');
      const before = await stage.api.call<Child>('DELETE', path('lost-config'));
      const [, call] = await scene.calls('lost', 2);
      assert.equal(call?.data.reason, 'Child');
      assert.deepEqual(call.data.children?.['ConfigMap.v1'], {});
      await eventually('it is back', () => stage.api.find(path('lost-config')));
      await quietFor(1000);
      assert.equal(scene.of('lost').length, 2);
      assert.ok(before);
    });

    it('does not fire where updates are not asked for', async (t) => {
      const scene = await stage.scene(t, {
        watch: { owns },
        spec: { eventTypes: ['Created', 'Deleted'] },
        answer: applies,
      });
      await stage.create('quiet', { spec: { size: 1 } });
      await eventually('the child', () => stage.api.find(path('quiet-config')));
      await stage.api.call('PATCH', path('quiet-config'), { data: { size: '99' } });
      await scene.filtered('event-type');
      await quietFor(300);
      assert.deepEqual(scene.types('quiet'), ['created']);
    });
  });

  describe('children of any origin', () => {
    it('come by name where the selector is empty, Secrets without their data', async (t) => {
      const any = [
        { apiVersion: 'v1', kind: 'ConfigMap', labelSelector: {} },
        { apiVersion: 'v1', kind: 'Secret', labelSelector: {} },
      ];
      const scene = await stage.scene(t, { watch: { owns: any } });
      const owner = await stage.create('one');
      const [created] = await scene.calls('one', 1);
      assert.deepEqual(created?.data.children, { 'ConfigMap.v1': {}, 'Secret.v1': {} });
      const secret = { apiVersion: 'v1', kind: 'Secret', stringData: { password: 'swordfish' } };
      await stage.api.call('POST', path('', 'secrets').slice(0, -1), {
        ...secret,
        metadata: { name: 'theirs', ...ownedBy(owner) },
      });
      const call = await eventually('an event with the secret', () =>
        scene.of('one').find(({ data }) => data.children?.['Secret.v1']?.['theirs'] !== undefined),
      );
      assert.equal(call.data.reason, 'Child');
      const child = call.data.children?.['Secret.v1']?.['theirs'] as { type?: string; data?: unknown };
      assert.equal(child.type, 'Opaque');
      assert.equal(child.data, undefined);
      assert.ok(!call.text.includes('c3dvcmRmaXNo') && !call.text.includes('managedFields'));
    });

    it('are told by the uid of their owner, not by its name', async (t) => {
      const scene = await stage.scene(t, {
        watch: { owns: [{ apiVersion: 'v1', kind: 'ConfigMap', labelSelector: {} }] },
      });
      const owner = await stage.create('one');
      await scene.calls('one', 1);
      const stranger = {
        ...owner,
        metadata: { ...owner.metadata, uid: '00000000-0000-4000-8000-000000000000' },
      };
      await stage.api.call('POST', path('').slice(0, -1), {
        ...configMap('strangers', {}),
        metadata: { name: 'strangers', ...ownedBy(stranger) },
      });
      await quietFor(300);
      await stage.merge('one', { spec: { size: 2 } });
      const [, call] = await scene.calls('one', 2);
      assert.equal(call?.data.reason, 'Watch');
      assert.deepEqual(call.data.children?.['ConfigMap.v1'], {});
    });
  });
});
