/** An object that is changed without end, by its own function for one. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PipelineWorld } from '../../support/pipeline-world.ts';

/** Three calls at once, then one every two seconds; the function edits `storm` each time. */
function stormy(): Promise<PipelineWorld> {
  return PipelineWorld.start({
    spec: { delivery: { perObject: { burst: 3, everyMs: 2000 } } },
    before: (world) => {
      let size = 0;
      world.host.onCall = ({ event }) => {
        if (event.name === 'storm') world.cluster.edit('storm', { size: ++size });
      };
    },
  });
}

const slowed = (world: PipelineWorld): string[] =>
  world.events.filter(({ reason }) => reason === 'DeliverySlowed').map(({ regarding }) => regarding.name);

describe('An object that its function edits each time', () => {
  it('is slowed, and is sent its newest state', async () => {
    const world = await stormy();
    world.cluster.create('storm', { size: 0 });
    await world.pass();
    assert.equal(world.calls.length, 3);
    await world.pass(10_000);
    assert.equal(world.calls.length, 8);
    assert.deepEqual(world.call.data.object['spec'], { size: 7 });
  });

  it('holds up no other', async () => {
    const world = await stormy();
    world.cluster.create('storm', { size: 0 });
    await world.pass();
    world.cluster.create('calm', { size: 0 });
    await world.pass();
    assert.match(world.call.text, /^created calm-/);
    assert.deepEqual(slowed(world), ['storm']);
  });

  it('has one Event that says so, and another in the next storm', async () => {
    const world = await stormy();
    world.cluster.create('storm', { size: 0 });
    await world.pass(60_000);
    assert.deepEqual(slowed(world), ['storm']);
    const event = world.events.find(({ reason }) => reason === 'DeliverySlowed');
    const limit = 'delivery.perObject allows 3 calls at once, then one every 2s';
    assert.equal(event?.note, `called too often; ${limit}, with the newest state`);
    assert.equal(event?.type, 'Warning');
    const again = world.host.onCall;
    world.host.onCall = () => undefined;
    await world.pass(60_000);
    world.host.onCall = again;
    world.cluster.edit('storm', { size: 1000 });
    await world.pass(60_000);
    assert.deepEqual(slowed(world), ['storm', 'storm']);
  });
});
