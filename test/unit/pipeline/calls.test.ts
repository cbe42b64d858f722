/** What becomes of calls that fail, hang, or are asked for, and of objects that change meanwhile. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TargetError } from '../../../forwarder/lib/errors.ts';
import { REDELIVER_ANNOTATION } from '../../../forwarder/model/trigger.ts';
import { PipelineWorld } from '../../support/pipeline-world.ts';

const failed = new TargetError('TARGET_FAILED', 'no', { blame: 'delivery' });
const refused = new TargetError('TARGET_REFUSED', 'never', { blame: 'delivery', permanent: true });
const away = new TargetError('TARGET_UNAVAILABLE', 'away', { blame: 'target' });

/** The object web, which was told, and a host whose calls the test ends. */
async function told(): Promise<PipelineWorld> {
  const world = await PipelineWorld.start();
  world.cluster.create('web', { size: 1 });
  await world.pass();
  world.host.script = () => undefined;
  return world;
}

describe('What is sent', () => {
  it('is the newest state also where it came while the event was being built', async () => {
    const world = await PipelineWorld.start();
    world.host.script = () => [{ requeueAfter: '1s' }];
    world.cluster.create('web', { size: 1 });
    await world.pass();
    world.host.script = () => undefined;
    // An unchanged object is not kept, so it is read.
    world.cluster.latencyMs = () => 100;
    await world.pass(1050);
    world.cluster.edit('web', { size: 2 });
    await world.pass(500);
    assert.deepEqual(world.told, ['created web-1:g1', 'updated web-1:g2']);
    world.call.end();
    await world.pass(60_000);
    assert.equal(world.told.length, 2);
  });

  it('is nothing where the state that was handled is back before the call', async () => {
    const world = await PipelineWorld.start({ spec: { debounce: { quietMs: 500, maxWaitMs: 5000 } } });
    world.cluster.create('web', { size: 1 });
    await world.pass(1000);
    world.cluster.edit('web', { size: 2 });
    await world.pass(100);
    world.cluster.edit('web', { size: 1 });
    await world.pass(60_000);
    assert.equal(world.told.length, 1);
  });
});

describe('A key with nothing to send', () => {
  it('reads nothing', async () => {
    const world = await PipelineWorld.start();
    world.cluster.create('web', { size: 1 });
    await world.pass();
    world.cluster.latencyMs = () => 100;
    // The list that follows an edit shows the object while it is read for the call.
    await world.edit({}, { redeliverAt: 'now' });
    await world.pass(1000);
    assert.equal(world.told.length, 2);
    assert.equal(world.cluster.server.requests.length, 1);
  });
});

describe('A deletion', () => {
  it('follows the call that is under way', async () => {
    const world = await told();
    world.cluster.edit('web', { size: 2 });
    await world.pass();
    world.remove('web');
    await world.pass(100);
    assert.equal(world.told.length, 2);
    world.call.end();
    await world.pass();
    assert.equal(world.call.text, 'deleted web-1:deleted');
  });

  it('waits for no backoff of what it makes void', async () => {
    const world = await told();
    world.cluster.edit('web', { size: 2 });
    await world.pass();
    world.call.end(failed);
    await world.pass(10);
    world.remove('web');
    await world.pass(10);
    assert.equal(world.call.text, 'deleted web-1:deleted');
    world.call.end();
    await world.pass(60_000);
    assert.equal(world.told.length, 3);
  });

  it('sends no event where the function was never called', async () => {
    const world = await PipelineWorld.start({ spec: { debounce: { quietMs: 500, maxWaitMs: 5000 } } });
    world.cluster.create('web');
    await world.pass(100);
    world.remove('web');
    await world.pass(60_000);
    assert.deepEqual(world.told, []);
    assert.deepEqual(world.counts, { watched: 0, pending: 0, failing: 0, deadLettered: 0 });
  });
});

describe('A state that is given up', () => {
  it('is read anew when somebody asks for it by hand', async () => {
    const world = await told();
    world.cluster.edit('web', { size: 2 });
    await world.pass();
    world.call.end(refused);
    await world.pass(60_000);
    assert.equal(world.told.length, 2);
    assert.equal(world.counts?.deadLettered, 1);
    const { length } = world.cluster.server.requests;
    await world.edit({}, { redeliverAt: 'now' });
    await world.pass();
    assert.equal(world.told.length, 3);
    assert.equal(world.cluster.server.requests.length, length + 1, 'it was not kept in memory');
    world.call.end();
    await world.pass(1000);
    assert.equal(world.counts.deadLettered, 0);
  });

  it('gives way to the next state, with attempts of its own', async () => {
    const world = await told();
    world.cluster.edit('web', { size: 2 });
    await world.pass();
    world.call.end(refused);
    await world.pass();
    world.cluster.edit('web', { size: 3 });
    await world.pass();
    assert.equal(world.call.text, 'updated web-1:g3');
    assert.equal(world.call.event.statewireattempt, '1');
  });

  it('gets its attempts back where three in a row show that it was the target', async () => {
    const world = await PipelineWorld.start();
    world.host.script = () => [refused];
    for (const name of ['a', 'b', 'c']) world.cluster.create(name);
    await world.pass();
    assert.equal(world.condition('TargetReachable'), 'False TargetRefused');
    assert.equal(world.givenUp.length, 2);
    world.host.script = () => [{}];
    await world.pass(10_000);
    assert.equal(world.condition('TargetReachable'), 'True');
    const handled = world.calls.filter(({ ok }) => ok).map(({ event }) => event.name);
    assert.deepEqual(handled.toSorted(), ['a', 'b', 'c']);
    assert.equal(world.counts?.deadLettered, 0);
  });
});

describe('A target that is away', () => {
  it('is probed by one call at a time, and gets all that waited once it is back', async () => {
    const world = await PipelineWorld.start();
    world.host.script = () => [away];
    const names = Array.from({ length: 6 }, (_, index) => `web${index}`);
    for (const name of names) world.cluster.create(name);
    await world.pass();
    const { length } = world.calls;
    await world.pass(999);
    assert.equal(world.calls.length, length);
    world.host.script = () => undefined;
    await world.pass(600);
    assert.equal(world.calls.length, length + 1);
    world.host.script = () => [{}];
    world.call.end();
    await world.pass();
    assert.deepEqual(
      world.calls
        .filter(({ ok }) => ok)
        .map(({ event }) => event.name)
        .toSorted(),
      names,
    );
  });

  it('is why a state is tried before its time; a rate that is used up is not', async () => {
    const world = await PipelineWorld.start({
      spec: { delivery: { ratePerSecond: 0.5, backoff: { initialMs: 8000, maxMs: 8000 } } },
    });
    world.host.script = ({ event }) => [event.name === 'bad' ? failed : {}];
    world.cluster.create('bad');
    await world.pass();
    world.cluster.create('good');
    await world.pass(2100);
    world.cluster.create('later');
    await world.pass(10);
    world.remove('later');
    await world.pass(3000);
    assert.equal(world.calls.filter(({ event }) => event.name === 'bad').length, 1);
  });
});

describe('A wake-up', () => {
  it('that the function asked for is cancelled by a change before it', async () => {
    const world = await PipelineWorld.start();
    world.host.script = () => [{ requeueAfter: '10s' }];
    world.cluster.create('web', { size: 1 });
    await world.pass(5000);
    world.host.script = () => [{}];
    world.cluster.edit('web', { size: 2 });
    await world.pass(60_000);
    assert.deepEqual(world.told, ['created web-1:g1', 'updated web-1:g2']);
  });

  it('comes once where nothing changes', async () => {
    const world = await PipelineWorld.start();
    world.host.script = ({ data }) => [data.reason === 'Watch' ? { requeueAfter: '10s' } : {}];
    world.cluster.create('web', { size: 1 });
    await world.pass(60_000);
    assert.deepEqual(
      world.calls.map(({ data }) => data.reason),
      ['Watch', 'Requeue'],
    );
  });

  it('of a resync comes again and again', async () => {
    const world = await PipelineWorld.start({ spec: { resyncMs: 10_000 } });
    world.cluster.create('web', { size: 1 });
    await world.pass(35_000);
    assert.deepEqual(
      world.calls.map(({ data }) => data.reason),
      ['Watch', 'Resync', 'Resync', 'Resync'],
    );
    world.remove('web');
    await world.pass(35_000);
    assert.equal(world.calls.length, 5);
  });
});

describe('A pipeline that drains', () => {
  it('starts nothing, and waits for the running call and its result', async () => {
    const world = await told();
    world.cluster.edit('web', { size: 2 });
    await world.pass();
    world.cluster.create('late');
    let drained = false;
    const done = world.pipeline.drain().then(() => (drained = true));
    await world.pass(1000);
    assert.ok(!drained);
    world.cluster.latencyMs = () => 100;
    world.call.end({ status: { phase: 'Ready' } });
    await world.pass(150);
    assert.ok(!drained, 'the result is being written');
    await world.pass(1000);
    await done;
    assert.deepEqual(world.cluster.object('web')?.['status'], { phase: 'Ready' });
    assert.equal(world.told.length, 2);
    world.pipeline.stop();
    assert.equal(world.clock.pending, 0);
  });

  it('sends nothing that it was still building', async () => {
    const world = await told();
    world.cluster.latencyMs = () => 100;
    world.cluster.annotate('web', { [REDELIVER_ANNOTATION]: '1' });
    world.cluster.edit('web', { size: 1 });
    await world.edit({}, { redeliverAt: 'now' });
    await world.pass(10);
    let drained = false;
    void world.pipeline.drain().then(() => (drained = true));
    await world.pass(1000);
    assert.equal(world.told.length, 1);
    assert.ok(drained);
  });
});

describe('A fault that no target names', () => {
  it('counts against that delivery, which is tried again, and ends nothing else', async () => {
    const world = await told();
    world.cluster.edit('web', { size: 2 });
    await world.pass(1000);
    world.call.abort(new RangeError('too deep'));
    world.host.script = () => [{}];
    await world.pass(60_000);
    assert.deepEqual(world.told, ['created web-1:g1', 'updated web-1:g2', 'updated web-1:g2']);
    assert.deepEqual(
      world.calls.map(({ event }) => event.statewireattempt),
      ['1', '1', '2'],
    );
  });
});
