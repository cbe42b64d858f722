/** What the contract suite cannot ask of a real API server: time, and several servers on one etcd. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SimulatedApiServer } from '../../../local-cluster/simulated/api-server.ts';
import { InProcessKube } from '../../../local-cluster/simulated/in-process.ts';
import { callKube, makeMap, mapNames, MAPS, simulate, watchMaps } from '../../support/simulated-kube.ts';

describe('a simulated API server', () => {
  it('answers alike for the same clock and seed', async () => {
    const run = async (): Promise<unknown> => {
      const { kube, clock } = simulate();
      await makeMap(kube, 'a');
      await clock.advance(5000);
      await makeMap(kube, 'b');
      return callKube(kube, { method: 'GET', path: MAPS });
    };
    assert.deepEqual(await run(), await run());
  });

  it('sends a bookmark every minute, by its clock', async () => {
    const { kube, clock } = simulate();
    const lines = await watchMaps(kube, { allowWatchBookmarks: 'true', resourceVersion: '4' });
    await clock.advance(59_000);
    assert.deepEqual(lines, []);
    await clock.advance(61_000);
    assert.deepEqual(lines, ['BOOKMARK', 'BOOKMARK']);
  });

  it('ends a watch when its time is over, by its clock', async () => {
    const { kube, clock, api } = simulate();
    const lines = await watchMaps(kube, { resourceVersion: '4', timeoutSeconds: '300' });
    await clock.advance(299_000);
    assert.deepEqual([lines, api.watching], [[], 1]);
    await clock.advance(1000);
    assert.deepEqual([lines, api.watching], [['end'], 0]);
    assert.equal(clock.pending, 0);
  });

  it('forgets what is older than five to ten minutes', async () => {
    const { kube, clock, api } = simulate();
    for (let minute = 0; minute < 12; minute++) {
      await makeMap(kube, `m-${minute}`);
      await clock.advance(60_000);
    }
    const from = (name: string): Promise<string[]> =>
      watchMaps(kube, { resourceVersion: String(api.store.get('configmaps', `shop/${name}`)?.revision) });
    const [old, recent] = [await from('m-0'), await from('m-9')];
    await clock.advance(0);
    assert.deepEqual(
      [old, recent],
      [
        ['ERROR', 'end'],
        ['ADDED m-10', 'ADDED m-11'],
      ],
    );
  });

  it('leaves no timer and no watch behind when a watch is given up', async () => {
    const { kube, clock, api } = simulate();
    const stop = new AbortController();
    await watchMaps(kube, { allowWatchBookmarks: 'true' }, stop.signal);
    stop.abort(new Error('enough'));
    await clock.advance(0);
    assert.deepEqual([api.watching, clock.pending], [0, 0]);
  });
});

describe('a stale API server', () => {
  it('tells its watches late, and lists what it knows to whoever allows old data', async () => {
    const { kube, clock, api } = simulate();
    const behind = new SimulatedApiServer({ clock, peer: api });
    const other = new InProcessKube({ server: () => behind, clock });
    behind.cache.lagMs = 5000;
    const lines = await watchMaps(other, { resourceVersion: '4' });
    await makeMap(kube, 'a');
    await clock.advance(4999);
    assert.deepEqual([lines, await mapNames(other, { resourceVersion: '0' })], [[], []]);
    assert.deepEqual(await mapNames(other), ['a'], 'a consistent list asks etcd');
    await clock.advance(1);
    assert.deepEqual([lines, await mapNames(other, { resourceVersion: '0' })], [['ADDED a'], ['a']]);
  });

  it('begins a streaming list when it has caught up, or says within three seconds that it has not', async () => {
    const { clock, api, kube } = simulate();
    const query = {
      sendInitialEvents: 'true',
      resourceVersionMatch: 'NotOlderThan',
      allowWatchBookmarks: 'true',
    };
    api.cache.lagMs = 2000;
    await makeMap(kube, 'a');
    const lines = await watchMaps(kube, query);
    await clock.advance(1999);
    assert.deepEqual(lines, []);
    await clock.advance(1);
    assert.deepEqual(lines, ['ADDED a', 'BOOKMARK']);
    api.cache.lagMs = Infinity;
    await makeMap(kube, 'b');
    const late = await watchMaps(kube, query);
    await clock.advance(3000);
    assert.deepEqual(late, ['ERROR', 'end']);
    api.cache.lagMs = 0;
    await clock.advance(0);
    assert.deepEqual(lines, ['ADDED a', 'BOOKMARK', 'ADDED b']);
  });

  it('knows after a compaction what it still has to tell', async () => {
    const { clock, api, kube } = simulate();
    api.cache.lagMs = Infinity;
    const lines = await watchMaps(kube, { resourceVersion: '4' });
    await makeMap(kube, 'a');
    await makeMap(kube, 'b');
    await callKube(kube, { method: 'DELETE', path: `${MAPS}/a` });
    api.store.compact();
    assert.deepEqual(await mapNames(kube, { resourceVersion: '0' }), []);
    api.cache.lagMs = 0;
    await clock.advance(0);
    assert.deepEqual(lines, ['ADDED a', 'ADDED b', 'DELETED a']);
  });
});
