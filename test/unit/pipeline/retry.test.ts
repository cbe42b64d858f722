/** When a state that could not be delivered is tried again. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PipelineWorld } from '../../support/pipeline-world.ts';

describe('A state that failed', () => {
  it('waits for its backoff also where its result stated a status', async () => {
    const world = await PipelineWorld.start();
    world.host.script = () => [
      { status: { phase: 'Waiting' }, error: { message: 'quota', retryAfter: '5s' } },
    ];
    world.cluster.create('web');
    await world.pass(4900);
    assert.deepEqual(world.cluster.object('web')?.['status'], { phase: 'Waiting' });
    assert.deepEqual(world.told, ['created web-1:g1']);
    await world.pass(200);
    assert.equal(world.told.length, 2);
  });

  it('waits for its backoff also where it came while the call for the one before was being prepared', async () => {
    const world = await PipelineWorld.start({
      spec: { finalizer: true, delivery: { backoff: { initialMs: 1000, maxMs: 5000 } } },
    });
    world.host.script = () => [{ error: { message: 'not yet' } }];
    world.cluster.latencyMs = () => 200;
    world.cluster.create('web', { size: 1 });
    await world.pass(100);
    // The finalizer is being set.
    world.cluster.edit('web', { size: 2 });
    while (world.told.length === 0) await world.pass(10);
    await world.pass(400);
    assert.deepEqual(world.told, ['created web-1:g2']);
    await world.pass(700);
    assert.deepEqual(world.told, ['created web-1:g2', 'created web-1:g2']);
  });

  it('gives way at once to another state, written while its status was', async () => {
    const world = await PipelineWorld.start();
    world.host.script = () => undefined;
    world.cluster.create('web', { size: 1 });
    await world.pass();
    world.sources.lagMs = () => 1000;
    world.cluster.edit('web', { size: 2 });
    world.call.end({ status: { phase: 'Waiting' }, error: { message: 'quota', retryAfter: '8s' } });
    await world.pass(1100);
    assert.deepEqual(world.told, ['created web-1:g1', 'created web-1:g2']);
  });
});

describe('A known object that a later list shows changed', () => {
  it('waits for quiet like any other change', async () => {
    const world = await PipelineWorld.start({ spec: { debounce: { quietMs: 500, maxWaitMs: 5000 } } });
    world.cluster.create('web', { size: 1 });
    await world.pass(600);
    world.cluster.edit('web', { size: 2 });
    world.sources.cut();
    await world.pass(400);
    assert.equal(world.told.length, 1);
    await world.pass(200);
    assert.equal(world.told.length, 2);
  });
});
