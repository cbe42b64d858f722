/** What becomes a dead letter, and when that goes. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TargetError } from '../../../forwarder/lib/errors.ts';
import { PipelineWorld } from '../../support/pipeline-world.ts';

const BAD = { error: { message: 'bad spec', retryable: false } } as const;
const BROKEN = { error: { message: 'quota' } } as const;

describe('A state that is given up', () => {
  it('becomes a letter at once where its failure is permanent', async () => {
    const world = await PipelineWorld.start();
    world.host.script = () => [BAD];
    world.cluster.create('web');
    await world.pass();
    const { spec, status } = world.letters.letter;
    const object = world.cluster.object('web');
    assert.deepEqual(spec, {
      trigger: 'shop/app',
      object: {
        apiVersion: 'example.com/v1',
        kind: 'Application',
        namespace: object?.metadata.namespace,
        name: 'web',
        uid: object?.metadata.uid,
      },
    });
    assert.deepEqual(status, {
      eventType: 'Created',
      resourceVersion: object?.metadata.resourceVersion,
      attempts: 1,
      error: { code: 'FUNCTION_ERROR', message: 'bad spec' },
      firstFailedAt: '2026-01-01T00:00:00Z',
      lastFailedAt: '2026-01-01T00:00:00Z',
    });
    await world.pass(1000);
    assert.equal(world.counts?.deadLettered, 1);
  });

  it('becomes one when its attempts are used up, which tells when they began', async () => {
    const world = await PipelineWorld.start();
    world.host.script = () => [BROKEN];
    world.cluster.create('web');
    await world.pass(1900);
    assert.equal(world.letters.letters.size, 0);
    await world.pass(1100);
    const { status } = world.letters.letter;
    assert.equal(status?.['attempts'], 3);
    assert.equal(status['firstFailedAt'], '2026-01-01T00:00:00Z');
    assert.notEqual(status['lastFailedAt'], status['firstFailedAt']);
  });

  it('keeps its letter while a newer state is tried, and loses it with the success of that', async () => {
    const world = await PipelineWorld.start();
    world.host.script = () => [BAD];
    world.cluster.create('web', { size: 1 });
    await world.pass();
    world.host.script = () => [{}, 500];
    world.cluster.edit('web', { size: 2 });
    await world.pass(499);
    assert.equal(world.letters.letters.size, 1);
    await world.pass(1);
    assert.equal(world.letters.letters.size, 0);
  });

  it('has one letter, of the last failure, however often it fails', async () => {
    const world = await PipelineWorld.start();
    world.host.script = () => [BAD];
    world.cluster.create('web', { size: 1 });
    await world.pass(5000);
    world.host.script = () => [{ error: { message: 'still bad', retryable: false } }];
    world.cluster.edit('web', { size: 2 });
    await world.pass();
    const { status } = world.letters.letter;
    assert.deepEqual(status?.['error'], { code: 'FUNCTION_ERROR', message: 'still bad' });
    assert.deepEqual(
      [status['firstFailedAt'], status['lastFailedAt']],
      ['2026-01-01T00:00:00Z', '2026-01-01T00:00:05Z'],
    );
  });

  it('makes no letter where a newer state came meanwhile', async () => {
    const world = await PipelineWorld.start();
    world.host.script = () => undefined;
    world.cluster.create('web', { size: 1 });
    await world.pass();
    world.cluster.edit('web', { size: 2 });
    await world.pass();
    world.call.end(BAD);
    await world.pass();
    assert.equal(world.letters.letters.size, 0);
    assert.equal(world.told.length, 2);
  });

  it('loses its letter when the object is gone and its end is told', async () => {
    const world = await PipelineWorld.start();
    world.host.script = ({ type }) => [type === 'deleted' ? {} : BAD];
    world.cluster.create('web');
    await world.pass();
    world.remove('web');
    await world.pass();
    assert.deepEqual(world.told.length, 2);
    assert.equal(world.letters.letters.size, 0);
  });

  it('loses its letter when the object is gone and nobody is to hear of it', async () => {
    const world = await PipelineWorld.start({ spec: { eventTypes: ['Created'] } });
    world.host.script = () => [BAD];
    world.cluster.create('web');
    await world.pass();
    world.remove('web');
    await world.pass();
    assert.equal(world.letters.letters.size, 0);
  });

  it('keeps a letter for an end that could not be told', async () => {
    const world = await PipelineWorld.start();
    world.cluster.create('web');
    await world.pass();
    world.host.script = () => [BAD];
    world.remove('web');
    await world.pass();
    assert.equal(world.letters.letter.status?.['eventType'], 'Deleted');
    world.host.script = () => [{}];
    world.letters.annotate('now');
    await world.pass();
    assert.deepEqual(world.told.slice(1), ['deleted web-1:deleted', 'deleted web-1:deleted']);
    assert.equal(world.letters.letters.size, 0);
  });
});

describe('A replay', () => {
  it('sends the current state with reason Replay and attempts of its own, and the letter goes', async () => {
    const world = await PipelineWorld.start();
    world.host.script = () => [BAD];
    world.cluster.create('web');
    await world.pass();
    world.host.script = () => [{}];
    world.letters.annotate('now');
    await world.pass();
    assert.deepEqual([world.call.data.reason, world.call.event.statewireattempt], ['Replay', '1']);
    assert.match(world.call.text, /^created web-1:g1:r[0-9a-f]{8}$/);
    assert.equal(world.letters.letters.size, 0);
    await world.pass(1000);
    assert.equal(world.counts?.deadLettered, 0);
  });

  it('that fails leaves the letter, with what went wrong now and without the annotation', async () => {
    const world = await PipelineWorld.start();
    world.host.script = () => [BAD];
    world.cluster.create('web');
    await world.pass();
    world.host.script = () => [{ error: { message: 'no better', retryable: false } }];
    world.letters.annotate('now');
    await world.pass(1000);
    const { metadata, status } = world.letters.letter;
    assert.deepEqual(metadata.annotations, {});
    assert.deepEqual(status?.['error'], { code: 'FUNCTION_ERROR', message: 'no better' });
    assert.equal(world.told.length, 2);
  });

  it('waits while the trigger is suspended', async () => {
    const world = await PipelineWorld.start();
    world.host.script = () => [BAD];
    world.cluster.create('web');
    await world.pass();
    await world.edit({ suspend: true });
    world.host.script = () => [{}];
    world.letters.annotate('now');
    await world.pass(1000);
    assert.equal(world.told.length, 1);
    await world.edit({ suspend: false });
    await world.pass(1000);
    assert.equal(world.call.data.reason, 'Replay');
    assert.equal(world.letters.letters.size, 0);
  });
});

describe('A failure of the target', () => {
  it('makes no letter, however long it lasts', async () => {
    const world = await PipelineWorld.start();
    world.host.script = () => [
      new TargetError('TARGET_UNREACHABLE', 'refused', { blame: 'target', conclusive: true }),
    ];
    for (const name of ['a', 'b', 'c', 'd']) world.cluster.create(name);
    await world.pass(600_000);
    assert.deepEqual([world.letters.letters.size, world.givenUp.length], [0, 0]);
    world.host.script = () => [{}];
    await world.pass(20_000);
    await world.pass(1000);
    assert.deepEqual(world.counts, { watched: 4, pending: 0, failing: 0, deadLettered: 0 });
  });

  it('takes back the letters of those that seemed to be at fault themselves', async () => {
    const world = await PipelineWorld.start();
    world.host.script = () => [
      new TargetError('TARGET_NOT_FOUND', 'answered 404', { blame: 'delivery', suspect: true }),
    ];
    world.cluster.create('a');
    world.cluster.create('b');
    await world.pass(100);
    assert.equal(world.letters.letters.size, 2);
    world.cluster.create('c');
    await world.pass(100);
    assert.equal(world.letters.letters.size, 0);
    assert.equal(world.condition('TargetReachable'), 'False TargetNotFound');
  });
});

describe('When a trigger has 1,000 letters', () => {
  it('further objects stay pending, at the longest wait, and a condition says so until there is room', async () => {
    const world = await PipelineWorld.start();
    world.host.script = () => [BAD];
    for (let n = 0; n < 1001; n++) world.cluster.create(`o-${n}`);
    await world.pass(1000);
    assert.equal(world.letters.letters.size, 1000);
    assert.deepEqual(world.counts, { watched: 1001, pending: 1, failing: 1001, deadLettered: 1000 });
    assert.equal(world.condition('StatusApplied'), 'False DeadLettersFull');
    const calls = world.told.length;
    await world.pass(60_000);
    const more = world.told.length - calls;
    assert.ok(more >= 7 && more <= 15, `${more} further attempts in a minute, 8 s apart at most`);
    world.host.script = () => [{}];
    world.cluster.edit('o-1', { size: 2 });
    await world.pass(9000);
    assert.equal(world.condition('StatusApplied'), 'True');
    assert.deepEqual([world.letters.letters.size, world.counts?.pending], [999, 0]);
  });
});
