/** API servers that are killed, stopped, or behind, and histories that are gone, while objects keep changing. */
import assert from 'node:assert/strict';
import { after, before, describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type LocalCluster, startLocalCluster } from '../../local-cluster/start.ts';
import { eventually } from '../support/eventually.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { FaultWorld } from '../support/fault-world.ts';

describe('Of two API servers', { concurrency: 1 }, () => {
  let cluster: LocalCluster;
  before(async () => {
    cluster = await startLocalCluster({ components: 'api', apiServers: 2 });
  });
  after(() => cluster.stop());

  /** A forwarder that reaches one of the servers by a proxy, the second at first; objects are changed by the other. */
  async function proxied(t: TestContext): Promise<{ world: FaultWorld; proxy: FaultProxy }> {
    const proxy = await FaultProxy.start(cluster.apiServer(1).port);
    const world = await FaultWorld.behind(t, proxy.server, { cluster });
    t.after(() => proxy[Symbol.asyncDispose]());
    await world.churn.fill();
    return { world, proxy };
  }

  const relists = (world: FaultWorld, reason: string): Promise<number> =>
    world.metric('statewire_relists_total', { reason });

  it('the one in use may be killed and started again', async (t) => {
    // Straight, so that a server that is not there refuses connections.
    const world = await FaultWorld.behind(t, cluster.apiServer(1).server, { cluster });
    await world.churn.fill();
    await world.settled();
    const before = world.bench.host.calls.length;
    await world.churnWhile(async () => {
      for (let round = 0; round < 2; round++) {
        await cluster.apiServer(1).kill('SIGKILL');
        await sleep(2000);
        await cluster.apiServer(1).restart();
        await sleep(2000);
      }
      await eventually('it goes on while objects still change', () => world.bench.host.calls.length > before);
    });
    await world.settled();
    world.check();
    assert.ok((await world.metric('statewire_watch_restarts_total', { reason: 'unavailable' })) > 0);
  });

  it('the one through which objects change may be killed in the middle of writes', async (t) => {
    const { world } = await proxied(t);
    world.run.fault('answers of writes are lost', true);
    await world.churnWhile(async () => {
      await sleep(1500);
      await cluster.apiServer(0).kill('SIGKILL');
      await cluster.apiServer(0).restart();
      await sleep(1000);
    });
    world.run.fault('answers of writes are lost', false);
    await world.settled();
    world.check();
    assert.ok(world.churn.unanswered > 0);
  });

  it('the one in use may stop for a while', async (t) => {
    const { world } = await proxied(t);
    await world.churnWhile(async () => {
      await cluster.apiServer(1).kill('SIGSTOP');
      await sleep(6000);
      await cluster.apiServer(1).kill('SIGCONT');
      await sleep(500);
    });
    await world.settled();
    world.check();
  });

  for (const how of ['that runs', 'that was killed'] as const) {
    it(`one that was behind tells a forwarder ${how} nothing old`, async (t) => {
      const { world, proxy } = await proxied(t);
      await world.settled();
      // The second has seen everything up to here, the forwarder follows the first from now on.
      await cluster.apiServer(1).kill('SIGSTOP');
      proxy.upstreamPort = cluster.apiServer(0).port;
      proxy.cut('RST');
      await world.churnWhile(() => sleep(3000));
      await world.settled();
      if (how === 'that was killed') await world.kill();
      proxy.upstreamPort = cluster.apiServer(1).port;
      proxy.cut('RST');
      const calls = world.bench.host.calls.length;
      // It goes on with what it knew before all of that.
      setTimeout(() => void cluster.apiServer(1).kill('SIGCONT'), 300);
      if (how === 'that was killed') await world.restart();
      await sleep(3000);
      assert.equal(world.bench.host.calls.length, calls, 'nothing has happened');
      await world.churnWhile(() => sleep(1500));
      await world.settled();
      world.check();
    });
  }

  it('none need remember what happened while a forwarder was cut off', async (t) => {
    const { world, proxy } = await proxied(t);
    await world.settled();
    await proxy.refuse();
    proxy.cut('RST');
    await world.churnWhile(() => sleep(3000));
    await cluster.compactEtcd();
    // Its cache would know of what etcd has forgotten.
    await cluster.apiServer(1).restart();
    await proxy.accept();
    await world.churnWhile(() => sleep(1500));
    await world.settled();
    world.check();
    assert.ok((await relists(world, 'expired')) > 0);
  });

  it('both may be away: a forwarder that starts meanwhile waits for them', async (t) => {
    const { world, proxy } = await proxied(t);
    await world.settled();
    await world.kill();
    await world.churnWhile(() => sleep(1500));
    await proxy.refuse();
    const starting = world.restart();
    starting.catch(() => undefined);
    await sleep(3000);
    await proxy.accept();
    await starting;
    await world.settled();
    world.check();
  });
});
