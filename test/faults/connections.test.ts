/** Connections to the API server that break in every way a network has, while objects keep changing. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { sharedLocalCluster } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { type Cut, FaultProxy } from '../support/fault-proxy.ts';
import { FaultWorld } from '../support/fault-world.ts';

interface Proxied {
  readonly world: FaultWorld;
  readonly proxy: FaultProxy;
}

/** A forwarder that reaches the API server by a proxy only; those who change objects go straight. */
async function proxied(t: TestContext): Promise<Proxied> {
  const cluster = await sharedLocalCluster();
  const proxy = await FaultProxy.start(Number(new URL(cluster.server).port));
  const world = await FaultWorld.behind(t, proxy.server);
  t.after(() => proxy[Symbol.asyncDispose]());
  await world.churn.fill();
  return { world, proxy };
}

const restarts = (world: FaultWorld, reason: string): Promise<number> =>
  world.metric('statewire_watch_restarts_total', { reason });
const events = (world: FaultWorld): Promise<number> => world.metric('statewire_watch_events_total');
/** An API server that is busy, or was not asked for long, may remember too little by then, and says so. */
const remembered = async (world: FaultWorld): Promise<void> =>
  assert.equal(await relists(world, 'expired'), await restarts(world, 'expired'));
const relists = (world: FaultWorld, reason: string): Promise<number> =>
  world.metric('statewire_relists_total', { reason });

describe('Connections to the API server', { concurrency: 3, timeout: 300_000 }, () => {
  // The longest, because nothing but time tells: it comes first, beside the others.
  it('whose other end is gone without a word are noticed by their silence', async (t) => {
    const { world, proxy } = await proxied(t);
    await world.settled();
    proxy.lose();
    await world.churnWhile(() => sleep(2000));
    await world.settled(150_000);
    world.check();
    assert.ok((await restarts(world, 'idle')) > 0);
    await remembered(world);
  });

  for (const how of ['FIN', 'RST'] satisfies Cut[]) {
    it(`that end by ${how} after some bytes cost nothing but a new connection`, async (t) => {
      const { world, proxy } = await proxied(t);
      await world.churnWhile(async () => {
        for (let bytes = 1; bytes < 60_000; bytes = Math.ceil(bytes * 1.5)) {
          const { cuts } = proxy;
          proxy.cutAfter(bytes, how);
          await eventually(`a connection that brings byte ${bytes}`, () => proxy.cuts > cuts);
          // Cuts in a row are an outage, for which watches back off by up to a minute; these are one at a time.
          const known = await events(world);
          await eventually('a watch that goes on', async () => (await events(world)) > known);
        }
      });
      await world.settled();
      world.check();
      assert.ok((await restarts(world, 'lost')) + (await restarts(world, 'closed')) > 0);
      await remembered(world);
      assert.equal(await relists(world, 'protocol'), 0);
    });
  }

  it('that are held up, or slow, delay what is sent and change nothing', async (t) => {
    const { world, proxy } = await proxied(t);
    await world.churnWhile(async () => {
      proxy.latencyMs = 150;
      await sleep(2000);
      proxy.pause();
      await sleep(3000);
      proxy.resume();
      proxy.latencyMs = 0;
      await sleep(500);
    });
    await world.settled();
    world.check();
    assert.equal(await restarts(world, 'idle'), 0);
  });

  it('that are refused for a while are found again as soon as somebody listens', async (t) => {
    const { world, proxy } = await proxied(t);
    await world.churnWhile(async () => {
      await proxy.refuse();
      proxy.cut('RST');
      await sleep(4000);
      await proxy.accept();
      await sleep(500);
    });
    await world.settled();
    world.check();
    assert.ok((await restarts(world, 'unavailable')) > 0);
    await remembered(world);
  });

  it('that are taken and never answered are given up, and opened anew', async (t) => {
    const { world, proxy } = await proxied(t);
    await world.churnWhile(async () => {
      proxy.loseAll();
      // Whatever stood is lost; what is opened hangs in its handshake.
      proxy.cut('RST');
      await sleep(1000);
      proxy.heal();
    });
    await world.settled();
    world.check();
  });
});
