/** `finalizer: true`, with a clock of the test's own. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TargetError } from '../../../forwarder/lib/errors.ts';
import { apiError } from '../../support/fake-apply-server.ts';
import { OBJECTS_PATH } from '../../support/model-cluster.ts';
import { PipelineWorld, type SpecPatch } from '../../support/pipeline-world.ts';

const FINALIZER = 'trigger.statewire.dev/app';

async function holding(spec: SpecPatch = {}): Promise<PipelineWorld> {
  const world = await PipelineWorld.start({ spec: { finalizer: true, ...spec } });
  world.cluster.create('web');
  await world.pass();
  return world;
}

function finalizers({ cluster }: PipelineWorld): readonly string[] | undefined {
  return cluster.object('web')?.metadata.finalizers;
}

describe('An object that is held', () => {
  it('is not called for before the finalizer is set, however long that takes', async () => {
    const world = await PipelineWorld.start({ spec: { finalizer: true } });
    world.cluster.fault = ({ method }) => (method === 'PATCH' ? apiError(403, 'no rights') : undefined);
    world.cluster.create('web');
    await world.pass(60_000);
    assert.deepEqual(world.told, []);
    assert.equal(world.condition('StatusApplied'), 'False FinalizerForbidden');
    world.cluster.fault = () => undefined;
    await world.pass(60_000);
    assert.deepEqual(world.told, ['created web-1:g1']);
    assert.deepEqual(finalizers(world), [FINALIZER]);
    assert.equal(world.condition('StatusApplied'), 'True');
  });

  it('is no problem of the trigger any more once it is gone, also where the answer comes after that', async () => {
    for (const latencyMs of [0, 60_000]) {
      const world = await PipelineWorld.start({ spec: { finalizer: true } });
      world.cluster.fault = ({ method }) => (method === 'PATCH' ? apiError(403, 'no rights') : undefined);
      world.cluster.create('web');
      await world.pass(10_000);
      assert.equal(world.condition('StatusApplied'), 'False FinalizerForbidden');
      world.cluster.latencyMs = () => latencyMs;
      await world.pass(40_000);
      world.remove('web');
      await world.pass(300_000);
      assert.equal(world.condition('StatusApplied'), 'True');
    }
  });

  it('is told its end once, also where a list from before that comes after it', async () => {
    const [asked, answered] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const world = await PipelineWorld.start({
      spec: { finalizer: true, watch: { labelSelector: 'team=a' } },
      before: ({ cluster }) => {
        // By this list, it looks for what is held outside the selection.
        cluster.held = ({ method, path }, way) =>
          method === 'GET' && path === OBJECTS_PATH
            ? (way === 'there' ? asked : answered).promise
            : undefined;
      },
    });
    world.cluster.create('web', {}, { team: 'a' });
    await world.pass();
    asked.resolve();
    await world.pass();
    world.remove('web');
    await world.pass();
    const told = ['created web-1:101', 'deleted web-1:deleted'];
    assert.deepEqual(world.told, told);
    answered.resolve();
    await world.pass(60_000);
    assert.deepEqual(world.told, told);
  });

  it('is called for again after the backoff where its first call fails', async () => {
    const world = await PipelineWorld.start({ spec: { finalizer: true } });
    world.host.script = () => [new TargetError('TARGET_FAILED', 'it failed', { blame: 'delivery' })];
    world.cluster.create('web');
    await world.pass(5000);
    const [first, second] = world.calls;
    assert.ok(first !== undefined && second !== undefined);
    assert.ok(second.startedMs - first.startedMs >= 500, `${second.startedMs - first.startedMs} ms`);
  });

  it('keeps the attempts and the backoff of its deletion, whatever is written to it meanwhile', async () => {
    const world = await holding();
    world.host.script = () => [new TargetError('TARGET_FAILED', 'it failed', { blame: 'delivery' })];
    world.remove('web');
    await world.pass();
    world.cluster.edit('web', { size: 2 });
    await world.pass(400);
    assert.equal(world.calls.length, 2, 'an edit does not cut the backoff short');
    await world.pass(600);
    assert.equal(world.call.event.statewireattempt, '2');
  });

  it('is asked for with backoff where it is gone and the watch has not said so', async () => {
    const world = await PipelineWorld.start();
    world.cluster.create('web');
    await world.pass();
    world.sources.lagMs = () => Infinity;
    world.remove('web');
    let requests = 0;
    world.cluster.fault = () => {
      // Without a wait between them there is no end of them.
      assert.ok(++requests < 100, 'it is asked for without a pause');
      return undefined;
    };
    await world.edit({ finalizer: true });
    await world.pass(60_000);
    assert.ok(requests > 1);
    world.sources.flush();
    await world.pass();
    assert.deepEqual(world.told, ['created web-1:g1', 'deleted web-1:deleted']);
  });

  it('goes once its deletion was handled', async () => {
    const world = await holding();
    world.remove('web');
    await world.pass();
    assert.deepEqual(world.told, ['created web-1:g1', 'deleted web-1:deleted']);
    assert.equal(world.cluster.object('web'), undefined);
  });

  it('is not called for again where only the removal of the finalizer fails', async () => {
    const world = await holding();
    world.cluster.fault = ({ method }) => (method === 'PATCH' ? apiError(503, 'away') : undefined);
    world.remove('web');
    await world.pass(60_000);
    assert.equal(world.calls.length, 2);
    assert.deepEqual(finalizers(world), [FINALIZER]);
    world.cluster.fault = () => undefined;
    await world.pass(60_000);
    assert.equal(world.calls.length, 2);
    assert.equal(world.cluster.object('web'), undefined);
  });

  it('is called for again with backoff where the function is not done, and uses up no attempts', async () => {
    const world = await holding();
    world.host.script = () => [{ finalized: false }];
    world.remove('web');
    await world.pass(60_000);
    const times = world.calls.slice(1).map(({ startedMs }) => startedMs);
    assert.ok(times.length > 5, String(times));
    assert.ok((times[1] ?? 0) - (times[0] ?? 0) < (times[3] ?? 0) - (times[2] ?? 0));
    assert.deepEqual(world.givenUp, []);
    assert.deepEqual(
      world.events.map(({ type, reason }) => `${type} ${reason}`),
      ['Normal DeletionPending'],
    );
    world.host.script = () => [{}];
    await world.pass(60_000);
    assert.equal(world.cluster.object('web'), undefined);
  });

  it('stays where its end is given up', async () => {
    const world = await holding();
    world.host.script = () => [
      new TargetError('TARGET_REFUSED', 'never', { blame: 'delivery', permanent: true }),
    ];
    world.remove('web');
    await world.pass(3_600_000);
    assert.equal(world.calls.length, 2);
    assert.deepEqual(finalizers(world), [FINALIZER]);
    assert.equal(world.condition('ObjectsReleased'), 'False DeletionPending');
  });

  it('is released at the deadline in a namespace that goes, and in no other', async () => {
    const world = await holding({ finalizerDeadlineMs: 100_000 });
    world.host.script = () => [new TargetError('TARGET_FAILED', 'no', { blame: 'delivery' })];
    world.remove('web');
    await world.pass(3_600_000);
    assert.deepEqual(finalizers(world), [FINALIZER]);
    world.cluster.terminating = true;
    await world.pass(90_000);
    assert.deepEqual(finalizers(world), [FINALIZER]);
    await world.pass(60_000);
    assert.equal(world.cluster.object('web'), undefined);
    assert.equal(world.clock.pending, 0);
  });

  it('is held again before it is created anew where it comes back into the selection', async () => {
    const world = await PipelineWorld.start({
      spec: { finalizer: true, watch: { labelSelector: 'team=a' } },
    });
    world.cluster.create('web', {}, { team: 'a' });
    await world.pass();
    world.cluster.latencyMs = () => 100;
    world.cluster.label('web', { team: 'b' });
    await world.pass(250);
    world.cluster.label('web', { team: 'a' });
    await world.pass(10_000);
    assert.deepEqual(
      world.calls.map(({ type }) => type),
      ['created', 'deleted', 'created'],
    );
    assert.deepEqual(finalizers(world), [FINALIZER]);
  });
});

describe('An object that `when` holds back', () => {
  const isGrown = 'object.spec.size > 1';

  it('is not held because a resync is due, and nobody hears of its end', async () => {
    const world = await PipelineWorld.start({
      spec: { finalizer: true, when: isGrown, resyncMs: 100_000 },
    });
    world.cluster.create('web', { size: 1 });
    await world.pass(1_000_000);
    assert.equal(finalizers(world), undefined);
    world.remove('web');
    await world.pass(60_000);
    assert.deepEqual(world.told, []);
    assert.equal(world.cluster.object('web'), undefined);
  });

  it('is not held where that turns out while the finalizer is written', async () => {
    const world = await PipelineWorld.start({ spec: { finalizer: true, when: isGrown } });
    world.cluster.create('web', { size: 2 });
    world.cluster.held = ({ method }, way) => {
      if (method !== 'PATCH' || way === 'back') return undefined;
      world.cluster.held = () => undefined;
      world.cluster.edit('web', { size: 1 });
      return undefined;
    };
    await world.pass(60_000);
    assert.deepEqual(world.told, []);
    assert.equal(finalizers(world), undefined);
  });

  it('is held and called for once it no longer is', async () => {
    const world = await PipelineWorld.start({
      spec: { finalizer: true, when: isGrown, resyncMs: 100_000 },
    });
    world.cluster.create('web', { size: 1 });
    await world.pass(150_000);
    world.cluster.edit('web', { size: 2 });
    await world.pass(1000);
    assert.deepEqual(world.told, ['created web-1:g2']);
    assert.deepEqual(finalizers(world), [FINALIZER]);
  });
});

describe('An object that was released', () => {
  it('is held anew before it is called for, whatever a list from before still shows', async () => {
    const world = await PipelineWorld.start({
      spec: { finalizer: true, debounce: { quietMs: 0, maxWaitMs: 0 }, delivery: { concurrency: 1 } },
    });
    const held: boolean[] = [];
    world.host.onCall = ({ type }) => {
      if (type !== 'deleted') held.push(finalizers(world)?.includes(FINALIZER) === true);
    };
    world.cluster.create('web', {}, { team: 'a' });
    await world.pass();
    await world.edit({ suspend: true });
    await world.edit({ watch: { labelSelector: 'team=a' } });
    world.cluster.label('web', { team: 'b' });
    await world.pass();
    world.cluster.label('web', { team: 'a' });
    await world.edit({ suspend: false });
    world.sources.cut();
    await world.pass(60_000);
    assert.deepEqual(world.told, ['created web-1:g1', 'deleted web-1:left:103', 'created web-1:105']);
    assert.deepEqual(held, [true, true]);
    assert.deepEqual(finalizers(world), [FINALIZER]);
  });
});

describe('A trigger that ends', () => {
  it('releases what lives, and waits for what is being deleted', async () => {
    const world = await holding();
    world.cluster.create('dying');
    await world.pass();
    world.host.script = () => [new TargetError('TARGET_UNAVAILABLE', 'away', { blame: 'target' })];
    world.remove('dying');
    await world.pass();
    let hasEnded = false;
    void world.pipeline.end().then(() => {
      hasEnded = true;
    });
    await world.pass(1000);
    assert.deepEqual(finalizers(world), []);
    assert.equal(hasEnded, false);
    world.host.script = () => [{}];
    await world.pass(60_000);
    assert.equal(hasEnded, true);
    assert.equal(world.cluster.object('dying'), undefined);
    assert.deepEqual(
      new Set(world.told),
      new Set(['created web-1:g1', 'created dying-2:g1', 'deleted dying-2:deleted']),
    );
  });

  it('releases all where it is invalid', async () => {
    const world = await holding();
    world.cluster.terminate('web');
    world.pipeline.halt('Invalid', 'a mistake');
    await world.pipeline.end();
    assert.deepEqual(finalizers(world), ['example.com/hold']);
  });
});
