/** What is delivered when: one pipeline in a world without time or I/O of its own. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TargetError } from '../../../forwarder/lib/errors.ts';
import { PipelineWorld } from '../../support/pipeline-world.ts';

describe('A pipeline', () => {
  it('tells a function of an object from its first state to its end', async () => {
    const world = await PipelineWorld.start();
    world.cluster.create('web', { size: 1 });
    await world.pass();
    world.cluster.edit('web', { size: 2 });
    await world.pass();
    world.remove('web');
    await world.pass();
    assert.deepEqual(world.told, ['created web-1:g1', 'updated web-1:g2', 'deleted web-1:deleted']);
  });

  it('makes one call for a key at a time, and one more for all that changed meanwhile', async () => {
    const world = await PipelineWorld.start();
    world.host.script = () => undefined;
    world.cluster.create('web', { size: 1 });
    await world.pass();
    for (const size of [2, 3, 4]) {
      world.cluster.edit('web', { size });
      await world.pass(10);
    }
    assert.deepEqual(world.told, ['created web-1:g1']);
    world.call.end();
    await world.pass();
    world.call.end();
    await world.pass(60_000);
    assert.deepEqual(world.told, ['created web-1:g1', 'updated web-1:g4']);
    assert.deepEqual(world.call.data.object['spec'], { size: 4 });
  });

  it('waits for quiet where an object changes that the first list has shown, while that list goes on', async () => {
    let synced: (() => void) | undefined;
    const world = await PipelineWorld.start({
      spec: { debounce: { quietMs: 500, maxWaitMs: 5000 } },
      before: ({ cluster, sources }) => {
        cluster.create('web', { size: 1 });
        const subscribe = sources.subscribe.bind(sources);
        sources.subscribe = (key, subscriber) =>
          subscribe(key, { ...subscriber, synced: () => (synced = () => subscriber.synced()) });
      },
    });
    await world.pass(10);
    assert.deepEqual(world.told, ['created web-1:g1'], 'what is there need not settle');
    world.cluster.edit('web', { size: 2 });
    await world.pass(490);
    assert.deepEqual(world.told, ['created web-1:g1']);
    await world.pass(20);
    assert.deepEqual(world.told, ['created web-1:g1', 'updated web-1:g2']);
    assert.ok(synced !== undefined);
  });

  it('leaves no timer behind when it stops', async () => {
    const world = await PipelineWorld.start({
      spec: { resyncMs: 1000, debounce: { quietMs: 500, maxWaitMs: 5000 } },
    });
    world.cluster.create('web');
    await world.pass(100);
    world.cluster.create('ill');
    world.host.script = () => [new TargetError('TARGET_FAILED', 'no', { blame: 'delivery' })];
    await world.pass(600);
    world.host.script = () => undefined;
    world.cluster.create('late');
    await world.pass(600);
    assert.ok(world.call.open);
    world.pipeline.stop();
    await world.pass();
    assert.ok(!world.call.open, 'the running call is given up');
    assert.equal(world.clock.pending, 0);
    assert.equal(world.sources.size, 0);
  });
});
