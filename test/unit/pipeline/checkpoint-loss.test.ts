/** Checkpoints that another process has taken over, or that are lost or damaged. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MemorySegmentStores } from '../../../forwarder/checkpoint/memory-segment-store.ts';
import type { TriggerIdentity } from '../../../forwarder/model/trigger.ts';
import { PipelineWorld } from '../../support/pipeline-world.ts';
import { handled, sentBy, WRITTEN_MS } from '../../support/restarts.ts';

const TRIGGER = {
  namespace: 'shop',
  name: 'app',
  uid: 'trigger-uid',
  generation: 1,
} satisfies TriggerIdentity;

/** Breaks the first segment that has those records. */
function damage(stores: MemorySegmentStores, part: string): void {
  const { documents } = stores.open(TRIGGER) as unknown as { documents: Map<number, { records: string }> };
  const found = [...documents].find(([, { records }]) => records.includes(part));
  assert.ok(found !== undefined, `no segment has ${part}`);
  const [number, document] = found;
  documents.set(number, { ...document, records: `x${document.records}` });
}

describe('A process whose checkpoint another has taken over', () => {
  it('sends nothing any more', async () => {
    const world = await handled();
    const older = world.pipeline;
    await world.again();
    world.cluster.edit('web', { size: 2 });
    await world.pass(WRITTEN_MS);
    const before = world.calls.length;
    world.cluster.edit('web', { size: 3 });
    await world.pass(WRITTEN_MS);
    assert.equal(world.calls.length, before + 1);
    assert.match(world.condition('CheckpointHealthy') ?? '', /TakenOver/);
    older.halt('Invalid', 'it has a mistake');
    older.stop();
  });
});

describe('A checkpoint that is lost', () => {
  it('is told, and every object is new, also where the first ones were skipped', async () => {
    const stores = Object.assign(new MemorySegmentStores(), { isDurable: true });
    const world = await PipelineWorld.start({
      spec: { initial: 'Skip' },
      before: ({ services, cluster }) => {
        Object.assign(services, { checkpoints: stores });
        cluster.create('web');
      },
    });
    await world.pass(WRITTEN_MS);
    assert.equal(world.condition('CheckpointHealthy'), undefined, 'there is nothing to say');
    world.kill();
    await stores.open(TRIGGER).clear();
    assert.deepEqual(await sentBy(world, () => world.again()), ['created web-1:g1']);
    assert.equal(world.condition('CheckpointHealthy'), 'False Lost');
    assert.equal(world.events.filter(({ reason }) => reason === 'CheckpointLost').length, 1);
    world.kill();
    assert.deepEqual(await sentBy(world, () => world.again()), []);
    assert.equal(world.condition('CheckpointHealthy'), 'True');
  });

  it('is none where there was never one', async () => {
    const world = await handled();
    assert.equal(world.condition('CheckpointHealthy'), undefined);
    assert.deepEqual(world.events, []);
  });
});

describe('A checkpoint that is damaged', () => {
  it('is told, and what it does not prove is sent again', async () => {
    const stores = new MemorySegmentStores();
    const world = await PipelineWorld.start({
      before: ({ services }) => Object.assign(services, { checkpoints: stores }),
    });
    world.cluster.create('web');
    await world.pass(WRITTEN_MS);
    world.cluster.create('other');
    await world.pass(WRITTEN_MS);
    world.kill();
    damage(stores, 'other-2\t[');
    assert.deepEqual(await sentBy(world, () => world.again()), ['created other-2:g1']);
    assert.match(world.condition('CheckpointHealthy') ?? '', /False Damaged/);
    assert.equal(world.events.filter(({ reason }) => reason === 'CheckpointDamaged').length, 1);
  });

  for (const [how, isThere] of [
    ['that is there', true],
    ['that is gone, too', false],
  ] as const) {
    it(`tells the end of an object once more that was followed by another of its name ${how}`, async () => {
      const stores = new MemorySegmentStores();
      const world = await PipelineWorld.start({
        before: ({ services }) => Object.assign(services, { checkpoints: stores }),
      });
      for (let life = 1; life <= 2; life++) {
        if (life > 1) world.remove('web');
        await world.pass(WRITTEN_MS);
        world.cluster.create('web');
        await world.pass(WRITTEN_MS);
      }
      world.kill();
      damage(stores, 'web-1\t-');
      if (!isThere) world.remove('web');
      assert.deepEqual(await sentBy(world, () => world.again()), [
        'deleted web-1:deleted',
        ...(isThere ? [] : ['deleted web-2:deleted']),
      ]);
      world.kill();
      assert.deepEqual(await sentBy(world, () => world.again()), []);
    });
  }
});
