/** What a process that goes on from another's checkpoint sends, and what it does not. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TargetError } from '../../../forwarder/lib/errors.ts';
import { REDELIVER_ANNOTATION } from '../../../forwarder/model/trigger.ts';
import { apiError } from '../../support/fake-apply-server.ts';
import { PipelineWorld, type SpecPatch } from '../../support/pipeline-world.ts';
import { handled, sentBy, WRITTEN_MS } from '../../support/restarts.ts';

/** A process that ends with a requeue in a minute written down, due at that Unix second. */
async function killedBeforeRequeue(): Promise<{ readonly world: PipelineWorld; readonly due: number }> {
  const world = await handled();
  world.host.script = () => [{ requeueAfter: '60s' }];
  world.cluster.edit('web', { size: 2 });
  await world.pass(WRITTEN_MS);
  world.kill();
  return { world, due: Math.floor((world.clock.now() - WRITTEN_MS + 60_000) / 1000) };
}

describe('A process that goes on', () => {
  for (const how of ['kill', 'end'] as const) {
    it(`sends nothing that was handled, after the one before ended by ${how}`, async () => {
      const world = await handled();
      await world[how]();
      assert.deepEqual(await sentBy(world, () => world.again()), []);
    });

    it(`sends what has changed, come and gone meanwhile (${how})`, async () => {
      const world = await handled();
      world.cluster.create('old');
      await world.pass(WRITTEN_MS);
      await world[how]();
      world.cluster.edit('web', { size: 2 });
      world.cluster.create('new');
      world.remove('old');
      assert.deepEqual((await sentBy(world, () => world.again())).toSorted(), [
        'created new-3:g1',
        'deleted old-2:deleted',
        'updated web-1:g2',
      ]);
      assert.deepEqual(
        world.calls
          .slice(-3)
          .map(({ data }) => data.reason)
          .toSorted(),
        ['GoneWhileAway', 'Watch', 'Watch'],
      );
    });
  }

  it('sends an object anew that was deleted and created under the same name', async () => {
    const world = await handled();
    world.kill();
    world.remove('web');
    world.cluster.create('web');
    assert.deepEqual(await sentBy(world, () => world.again()), ['deleted web-1:deleted', 'created web-2:g1']);
  });

  it('sends a call that was under way again, with its wish and its id', async () => {
    const world = await handled();
    world.host.script = () => undefined;
    world.cluster.annotate('web', { [REDELIVER_ANNOTATION]: 'now' });
    await world.pass(WRITTEN_MS);
    const { text } = world.call;
    assert.match(text, /^updated web-1:g1:r/);
    world.kill();
    assert.deepEqual(await sentBy(world, () => world.again()), [text]);
  });

  it('goes on with a requeue, at its time and with its id', async () => {
    const { world, due } = await killedBeforeRequeue();
    await world.pass(10_000);
    world.host.script = () => [{}];
    assert.deepEqual(await sentBy(world, () => world.again()), []);
    assert.deepEqual(await sentBy(world, () => world.pass(60_000)), [`updated web-1:g2:t${due}`]);
  });

  it('makes up at once for a requeue that was due meanwhile', async () => {
    const { world, due } = await killedBeforeRequeue();
    await world.pass(600_000);
    world.host.script = () => [{}];
    assert.deepEqual(await sentBy(world, () => world.again()), [`updated web-1:g2:t${due}`]);
  });

  it('goes on counting attempts', async () => {
    const world = await PipelineWorld.start({ spec: { delivery: { maxAttempts: 3 } } });
    world.host.script = () => [new TargetError('TARGET_FAILED', 'no', { blame: 'delivery' })];
    world.cluster.create('web');
    await world.pass(5000);
    const before = world.calls.length;
    assert.equal(before, 3);
    world.kill();
    assert.deepEqual(await sentBy(world, () => world.again()), [], 'what was given up stays so');
    world.cluster.edit('web', { size: 2 });
    await world.pass();
    assert.equal(world.call.event.statewireattempt, '1');
  });

  it('tells an end that could not be told before, and passes on the name', async () => {
    const world = await handled();
    world.host.script = () => [new TargetError('TARGET_UNAVAILABLE', 'away', { blame: 'target' })];
    world.remove('web');
    await world.pass(WRITTEN_MS);
    world.kill();
    world.host.script = () => [{}];
    world.cluster.create('web');
    assert.deepEqual(await sentBy(world, () => world.again()), ['deleted web-1:deleted', 'created web-2:g1']);
  });

  describe('makes a call again whose result was not written', () => {
    const states = { status: { phase: 'Ready' } };

    async function unwritten(
      act: (world: PipelineWorld) => void,
      spec: SpecPatch = {},
    ): Promise<PipelineWorld> {
      const world = await PipelineWorld.start({ spec });
      world.host.script = () => [states];
      world.cluster.create('web', { size: 1 });
      await world.pass(WRITTEN_MS);
      world.cluster.fault = ({ method }) => (method === 'GET' ? undefined : apiError(503, 'away'));
      act(world);
      await world.pass(10 * WRITTEN_MS);
      world.kill();
      world.cluster.fault = () => undefined;
      return world;
    }
    const phase = (world: PipelineWorld, name: string): unknown =>
      (world.cluster.object(name)?.['status'] as { readonly phase?: string } | undefined)?.phase;

    it('of a creation', async () => {
      const world = await unwritten(({ cluster }) => cluster.create('other'));
      assert.equal(world.call.text, 'created other-2:g1');
      assert.deepEqual(await sentBy(world, () => world.again()), ['created other-2:g1']);
      assert.equal(phase(world, 'other'), 'Ready');
    });

    it('of an update', async () => {
      const world = await unwritten(({ cluster, host }) => {
        host.script = () => [{ status: { phase: 'Changed' } }];
        cluster.edit('web', { size: 2 });
      });
      assert.deepEqual(await sentBy(world, () => world.again()), ['updated web-1:g2']);
      assert.equal(phase(world, 'web'), 'Changed');
    });

    it('but not where it was refused for good', async () => {
      const world = await unwritten(({ cluster }) => {
        cluster.fault = ({ method }) => (method === 'GET' ? undefined : apiError(403, 'no'));
        cluster.create('other');
      });
      assert.deepEqual(await sentBy(world, () => world.again()), []);
    });
  });

  it('lets nobody wait for an end that was given up', async () => {
    const world = await handled();
    world.host.script = () => [
      new TargetError('TARGET_REFUSED', 'no', { blame: 'delivery', permanent: true }),
    ];
    world.remove('web');
    await world.pass(WRITTEN_MS);
    world.kill();
    world.host.script = () => [{}];
    world.cluster.create('web');
    assert.deepEqual(await sentBy(world, () => world.again()), ['created web-2:g1']);
  });

  it('forgets what has been told to its end', async () => {
    const world = await handled();
    world.remove('web');
    await world.pass(WRITTEN_MS);
    assert.equal(world.call.text, 'deleted web-1:deleted');
    world.kill();
    assert.deepEqual(await sentBy(world, () => world.again()), []);
  });

  it('takes objects that came meanwhile as new, also where the first ones were skipped', async () => {
    const world = await PipelineWorld.start({
      spec: { initial: 'Skip' },
      before: ({ cluster }) => cluster.create('web'),
    });
    await world.pass(WRITTEN_MS);
    world.kill();
    world.cluster.create('new');
    assert.deepEqual(await sentBy(world, () => world.again()), ['created new-2:g1']);
    world.cluster.edit('web', { size: 2 });
    await world.pass();
    assert.equal(world.call.text, 'updated web-1:g2');
  });
});
