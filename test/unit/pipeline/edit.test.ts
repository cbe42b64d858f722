/** What an edit of the trigger does to its objects. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PipelineWorld } from '../../support/pipeline-world.ts';

describe('An edited trigger', () => {
  it('tells the end of what its new selector leaves out', async () => {
    const world = await PipelineWorld.start();
    world.cluster.create('in', {}, { team: 'a' });
    world.cluster.create('out', {}, { team: 'b' });
    await world.pass();
    await world.edit({ watch: { labelSelector: 'team=a' } });
    await world.pass();
    assert.deepEqual(world.told, ['created in-1:g1', 'created out-2:g1', 'deleted out-2:left:102']);
    assert.equal(world.call.data.reason, 'LeftScope');
  });

  it('tells it also where another edit comes before the new list', async () => {
    const world = await PipelineWorld.start();
    world.cluster.create('out', {}, { team: 'b' });
    await world.pass();
    world.sources.lagMs = () => 100;
    await world.edit({ watch: { labelSelector: 'team=a' } });
    await world.edit({ debounce: { quietMs: 500 } });
    await world.pass(1000);
    assert.equal(world.call.data.reason, 'LeftScope');
  });

  it('tells the end of an object before the beginning of the next one under its name', async () => {
    const world = await PipelineWorld.start();
    world.cluster.create('web', {}, { team: 'a' });
    await world.pass();
    world.sources.lagMs = () => Infinity;
    world.remove('web');
    world.cluster.create('web', {}, { team: 'a' });
    await world.edit({ watch: { labelSelector: 'team=a' } });
    await world.pass();
    world.sources.flush();
    await world.pass();
    assert.deepEqual(world.told, ['created web-1:g1', 'deleted web-1:deleted', 'created web-2:103']);
  });
});
