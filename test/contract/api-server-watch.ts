/** Watches: what they tell, in which order, from where, and how they end. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ApiWorld, crd } from '../support/api-world.ts';
import type { Loose } from '../support/api-under-test.ts';

const STREAMING = {
  sendInitialEvents: 'true',
  resourceVersionMatch: 'NotOlderThan',
  allowWatchBookmarks: 'true',
} as const;

export function watchContract(world: () => ApiWorld): void {
  describe('watches', () => {
    it('from a version tell every change after it, in the order of versions', async () => {
      const widgets = await world().collection();
      const first = await widgets.make('a', { spec: { size: 1 } });
      await widgets.merge('a', { spec: { size: 2 } });
      await widgets.make('b');
      const { resourceVersion } = first.metadata;
      const watch = await widgets.api.watch(widgets.path, { resourceVersion });
      await widgets.merge('a/status', { status: { phase: 'x' } });
      await widgets.remove('b');
      assert.deepEqual(await watch.tells(4), ['MODIFIED a', 'ADDED b', 'MODIFIED a', 'DELETED b']);
      const versions = watch.events.map(({ object }) => Number(object.metadata.resourceVersion));
      assert.deepEqual(
        versions,
        versions.toSorted((a, b) => a - b),
      );
      assert.equal(new Set(versions).size, 4);
    });

    it('from a list tell what came after it', async () => {
      const widgets = await world().collection();
      await widgets.make('a');
      const { resourceVersion } = (await widgets.list()).body.metadata;
      const watch = await widgets.api.watch(widgets.path, { resourceVersion });
      await widgets.make('b');
      assert.deepEqual(await watch.tells(1), ['ADDED b']);
    });

    it('begin with everything there is where a streaming list is asked for', async () => {
      const widgets = await world().collection();
      await widgets.make('b');
      await widgets.make('a');
      const watch = await widgets.api.watch(widgets.path, STREAMING);
      assert.deepEqual(await watch.tells(3), ['ADDED a', 'ADDED b', 'BOOKMARK']);
      const { object } = watch.events[2] as { object: Loose };
      assert.equal(object.metadata.annotations['k8s.io/initial-events-end'], 'true');
      assert.equal(object.kind, 'Widget');
      const newest = Math.max(
        ...watch.events.slice(0, 2).map((event) => Number(event.object.metadata.resourceVersion)),
      );
      assert.ok(Number(object.metadata.resourceVersion) >= newest);
      await widgets.make('c');
      assert.equal((await watch.tells(4))[3], 'ADDED c');
    });

    it('begin with everything there is where no version is named', async () => {
      const widgets = await world().collection();
      await widgets.make('a');
      const watch = await widgets.api.watch(widgets.path, {});
      assert.deepEqual(await watch.tells(1), ['ADDED a']);
    });

    it('need to say how a streaming list is meant', async () => {
      const widgets = await world().collection();
      const watch = await widgets.api.watch(widgets.path, { sendInitialEvents: 'true' });
      assert.equal(watch.status, 422);
    });

    it('of a selection tell as added what enters it, and as deleted what leaves it', async () => {
      const widgets = await world().collection();
      const { resourceVersion } = (await widgets.list()).body.metadata;
      const watch = await widgets.api.watch(widgets.path, { resourceVersion, labelSelector: 'go=yes' });
      await widgets.make('a', { spec: { size: 1 } });
      await widgets.merge('a', { metadata: { labels: { go: 'yes' } } });
      await widgets.merge('a', { spec: { size: 2 } });
      const left = await widgets.merge('a', { metadata: { labels: { go: 'no' } }, spec: { size: 3 } });
      await widgets.remove('a');
      await widgets.make('b', { metadata: { labels: { go: 'yes' } } });
      assert.deepEqual(await watch.tells(4), ['ADDED a', 'MODIFIED a', 'DELETED a', 'ADDED b']);
      const { object } = watch.events[2] as { object: Loose };
      assert.deepEqual(
        [object.metadata.labels, object.spec.size, object.metadata.resourceVersion],
        [{ go: 'yes' }, 2, left.body.metadata.resourceVersion],
      );
    });

    it('of a selection by field do so too', async () => {
      const widgets = await world().collection();
      const { resourceVersion } = (await widgets.list()).body.metadata;
      const watch = await widgets.api.watch(widgets.path, {
        resourceVersion,
        fieldSelector: 'spec.tier=gold',
      });
      await widgets.make('a', { spec: { tier: 'silver' } });
      await widgets.merge('a', { spec: { tier: 'gold' } });
      await widgets.merge('a', { spec: { tier: 'lead' } });
      assert.deepEqual(await watch.tells(2), ['ADDED a', 'DELETED a']);
    });

    it('tell of a namespace what is in it', async () => {
      const one = await world().collection();
      const two = await world().collection();
      const { resourceVersion } = (await one.list()).body.metadata;
      const watch = await one.api.watch(one.path, { resourceVersion });
      await two.make('there');
      await one.make('here');
      assert.deepEqual(await watch.tells(1), ['ADDED here']);
    });

    it('tell a deletion with the last state under the version of the deletion', async () => {
      const widgets = await world().collection();
      const made = await widgets.make('a', { spec: { size: 1 } });
      const watch = await widgets.api.watch(widgets.path, { resourceVersion: made.metadata.resourceVersion });
      await widgets.remove('a');
      assert.deepEqual(await watch.tells(1), ['DELETED a']);
      const { object } = watch.events[0] as { object: Loose };
      assert.deepEqual([object.metadata.uid, object.spec.size], [made.metadata.uid, 1]);
      assert.ok(Number(object.metadata.resourceVersion) > Number(made.metadata.resourceVersion));
    });

    it('tell of an object with finalizers that it is to go, then that it has gone', async () => {
      const widgets = await world().collection();
      const made = await widgets.make('a', { metadata: { finalizers: ['example.com/hold'] } });
      const watch = await widgets.api.watch(widgets.path, { resourceVersion: made.metadata.resourceVersion });
      await widgets.remove('a');
      await widgets.merge('a', { metadata: { finalizers: null } });
      assert.deepEqual(await watch.tells(2), ['MODIFIED a', 'DELETED a']);
      const [going, gone] = watch.events as [Loose, Loose];
      assert.equal(going.object.metadata.generation, 2);
      assert.equal(gone.object.metadata.deletionTimestamp, going.object.metadata.deletionTimestamp);
    });

    it('tell delete and recreate as two lives', async () => {
      const widgets = await world().collection();
      const made = await widgets.make('a');
      const watch = await widgets.api.watch(widgets.path, { resourceVersion: made.metadata.resourceVersion });
      await widgets.remove('a');
      await widgets.make('a');
      assert.deepEqual(await watch.tells(2), ['DELETED a', 'ADDED a']);
      const [gone, come] = watch.events as [Loose, Loose];
      assert.notEqual(gone.object.metadata.uid, come.object.metadata.uid);
    });

    it('tell nothing of writes that change nothing', async () => {
      const widgets = await world().collection();
      await widgets.make('a', { spec: { size: 1 } });
      const { resourceVersion } = (await widgets.list()).body.metadata;
      const watch = await widgets.api.watch(widgets.path, { resourceVersion });
      await widgets.merge('a', { spec: { size: 1 } });
      await widgets.make('b');
      assert.deepEqual(await watch.tells(1), ['ADDED b']);
    });

    it('of built-in kinds say in each event what the object is', async () => {
      const maps = await world().collection('configmaps');
      const watch = await maps.api.watch(maps.path, {
        resourceVersion: '0',
        fieldSelector: 'metadata.name=a',
      });
      await maps.make('a');
      const [event] = (await watch.has(1)) as [Loose];
      assert.deepEqual([event.object.kind, event.object.apiVersion], ['ConfigMap', 'v1']);
    });

    it('tell metadata alone to whoever asks for that', async () => {
      const widgets = await world().collection();
      await widgets.make('a', { spec: { size: 1 } });
      const accept = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';
      const watch = await widgets.api.watch(widgets.path, {}, accept);
      const [event] = (await watch.has(1)) as [Loose];
      assert.deepEqual([event.object.kind, event.object.spec], ['PartialObjectMetadata', undefined]);
    });

    it('end when their time is over', async () => {
      const widgets = await world().collection();
      const { resourceVersion } = (await widgets.list()).body.metadata;
      const watch = await widgets.api.watch(widgets.path, { resourceVersion, timeoutSeconds: '1' });
      await watch.until(() => watch.ended, 'end');
      assert.deepEqual(watch.events, []);
    });

    it('end when their kind goes, and its objects are deleted first', async () => {
      await world().define(crd({ plural: 'fleetings', kind: 'Fleeting' }));
      const path = '/apis/contract.example.com/v1/namespaces/default/fleetings';
      const body = { apiVersion: 'contract.example.com/v1', kind: 'Fleeting', metadata: { name: 'a' } };
      const made = await world().api.ask('POST', path, { body });
      const { resourceVersion } = made.body.metadata;
      const watch = await world().api.watch(path, { resourceVersion });
      await world().api.ask('DELETE', world().crdPath('fleetings'));
      await watch.until(() => watch.ended, 'end');
      assert.deepEqual(await watch.tells(1), ['DELETED a']);
      await world().served('fleetings', ({ status }) => status === 404);
    });
  });

  describe('after a compaction', () => {
    it('watches, pages and exact lists from before are told 410; lists begin anew', async () => {
      const widgets = await world().collection();
      const first = await widgets.make('a');
      await widgets.make('b');
      await widgets.make('c');
      const page = await widgets.list({ limit: '1' });
      await widgets.merge('a', { spec: { size: 2 } });
      await world().forget();
      await world().served('widgets', ({ status }) => status === 200);
      const { resourceVersion } = first.metadata;
      const watch = await widgets.api.watch(widgets.path, { resourceVersion });
      const [event] = (await watch.has(1)) as [Loose];
      assert.equal(watch.status, 200);
      assert.deepEqual([event.type, event.object.code, event.object.reason], ['ERROR', 410, 'Expired']);
      await watch.until(() => watch.ended, 'end');
      const next = await widgets.list({ limit: '1', continue: page.body.metadata.continue });
      assert.deepEqual([next.status, next.body.reason], [410, 'Expired']);
      const exact = await widgets.list({ resourceVersion, resourceVersionMatch: 'Exact' });
      assert.deepEqual([exact.status, exact.body.reason], [410, 'Expired']);
      assert.deepEqual(await widgets.names(), ['a', 'b', 'c']);
    });
  });
}
