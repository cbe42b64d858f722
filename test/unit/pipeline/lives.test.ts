/** Two lives of one name: delete and re-create. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TargetError } from '../../../forwarder/lib/errors.ts';
import { PipelineWorld } from '../../support/pipeline-world.ts';

const failed = new TargetError('TARGET_FAILED', 'no', { blame: 'delivery' });
const refused = new TargetError('TARGET_REFUSED', 'never', { blame: 'delivery', permanent: true });
const unreachable = new TargetError('TARGET_UNREACHABLE', 'away', { blame: 'target', conclusive: true });

/** A world in which web-1 was told and is replaced by web-2; every further call waits for the test. */
async function replaced(): Promise<PipelineWorld> {
  const world = await PipelineWorld.start();
  world.cluster.create('web');
  await world.pass();
  world.host.script = () => undefined;
  world.remove('web');
  world.cluster.create('web');
  await world.pass();
  return world;
}

describe('An object that was deleted and created again', () => {
  it('is told of once the end of the one before has been', async () => {
    const world = await replaced();
    assert.deepEqual(world.told, ['created web-1:g1', 'deleted web-1:deleted']);
    world.call.end();
    await world.pass();
    assert.equal(world.call.text, 'created web-2:g1');
  });

  it('waits while that is tried again', async () => {
    const world = await replaced();
    world.call.end(failed);
    await world.pass(1000);
    assert.deepEqual(world.told.slice(1), ['deleted web-1:deleted', 'deleted web-1:deleted']);
    world.call.end();
    await world.pass();
    assert.equal(world.call.text, 'created web-2:g1');
  });

  it('waits no longer when that is given up', async () => {
    const world = await replaced();
    world.call.end(refused);
    await world.pass();
    assert.equal(world.call.text, 'created web-2:g1');
    assert.equal(world.givenUp[0]?.uid, 'web-1');
  });

  it('waits also where the last state of the one before was given up meanwhile', async () => {
    const world = await PipelineWorld.start();
    world.host.script = () => undefined;
    world.cluster.create('web');
    await world.pass();
    world.remove('web');
    world.cluster.create('web');
    await world.pass();
    world.call.end(refused);
    await world.pass();
    world.call.end(failed);
    await world.pass(600);
    assert.deepEqual(world.told, ['created web-1:g1', 'deleted web-1:deleted']);
  });

  it('is not called beside the one before when a failure turns out to be the target’s', async () => {
    const world = await replaced();
    world.call.end(refused);
    await world.pass();
    world.cluster.create('other');
    await world.pass();
    world.calls.find(({ event }) => event.name === 'other')?.end(unreachable);
    await world.pass(1500);
    const second = world.calls.find(({ text }) => text === 'created web-2:g1');
    assert.ok(second?.open, 'the successor is being called');
    assert.equal(world.told.filter((text) => text.startsWith('deleted')).length, 1);
    second.end(unreachable);
    world.host.script = () => [{}];
    await world.pass(60_000);
    const later = world.told.slice(4).filter((text) => text.includes('web-'));
    assert.deepEqual(later, ['deleted web-1:deleted', 'created web-2:g1']);
  });

  it('does not get the result that was stated about the one before', async () => {
    const world = await PipelineWorld.start();
    world.host.script = () => undefined;
    world.cluster.create('web');
    await world.pass();
    world.remove('web');
    world.cluster.create('web');
    world.sources.lagMs = () => 1000;
    world.call.end({ status: { phase: 'first' } });
    await world.pass(100);
    assert.equal(world.cluster.object('web')?.['status'], undefined);
  });
});
