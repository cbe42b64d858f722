/** What a process that goes on from another's checkpoint sends, and what it does not. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TargetError } from '../../../forwarder/lib/errors.ts';
import { REDELIVER_ANNOTATION } from '../../../forwarder/model/trigger.ts';
import type { ChangeClass } from '../../../protocol/event.ts';
import { MemorySegmentStores } from '../../../forwarder/checkpoint/memory-segment-store.ts';
import type { TriggerIdentity } from '../../../forwarder/model/trigger.ts';
import { apiError } from '../../support/fake-apply-server.ts';
import { PipelineWorld, type SpecPatch } from '../../support/pipeline-world.ts';

const TRIGGER = {
  namespace: 'shop',
  name: 'app',
  uid: 'trigger-uid',
  generation: 1,
} satisfies TriggerIdentity;
/** Longer than it takes until a delivery is written down. */
const WRITTEN_MS = 1000;

function counting(...classes: ChangeClass[]): SpecPatch {
  return { counting: { kind: 'changes', classes } };
}

/** A world with one handled object, `web`. */
async function handled(spec: SpecPatch = {}): Promise<PipelineWorld> {
  const world = await PipelineWorld.start({ spec });
  world.cluster.create('web', { size: 1 }, { tier: 'a' });
  await world.pass(WRITTEN_MS);
  assert.equal(world.calls.length, 1);
  return world;
}

/** Something is written down just now: what follows within a second is not, for a while. */
async function writtenJustNow(world: PipelineWorld): Promise<void> {
  world.cluster.create('other', {}, { tier: 'a' });
  await world.pass();
}

/** What is sent from here on. */
async function sentBy(world: PipelineWorld, act: () => void | Promise<void>): Promise<string[]> {
  const before = world.told.length;
  await act();
  await world.pass(WRITTEN_MS);
  return world.told.slice(before);
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

  it('repeats what was not written down yet, with the same id', async () => {
    const world = await PipelineWorld.start();
    world.cluster.create('first');
    await world.pass();
    world.cluster.create('web');
    await world.pass();
    world.kill();
    assert.deepEqual(await sentBy(world, () => world.again()), ['created web-2:g1']);
    world.cluster.edit('first', { size: 2 });
    await world.pass();
    world.cluster.edit('web', { size: 2 });
    await world.pass();
    world.kill();
    assert.deepEqual(await sentBy(world, () => world.again()), ['updated web-2:g2']);
  });

  it('repeats a state under the name that it got when the object came back to it', async () => {
    const world = await PipelineWorld.start({ spec: { debounce: { quietMs: 2000, maxWaitMs: 5000 } } });
    for (const name of ['web', 'first', 'second']) world.cluster.create(name, { size: 1 });
    await world.pass(5000);
    world.host.script = () => [new TargetError('TARGET_FAILED', 'no', { blame: 'delivery' })];
    world.cluster.edit('web', { size: 2 });
    await world.pass(2000);
    assert.equal(world.call.text, 'updated web-1:g2');
    await world.pass(900);
    world.host.script = () => [{}];
    world.cluster.edit('web', { size: 3 });
    await world.pass();
    world.cluster.edit('web', { size: 2 });
    await world.pass();
    // Ends are told at once, and with them it is written down how far the watch has come.
    world.remove('first');
    await world.pass(1800);
    world.remove('second');
    await world.pass(300);
    assert.equal(world.call.text, 'updated web-1:g4');
    world.kill();
    await world.again();
    await world.pass(5000);
    assert.equal(world.call.text, 'updated web-1:g4');
  });

  describe('sends a state again to which the object came back, where another may have been sent unrecorded:', () => {
    it('the spec', async () => {
      const world = await handled();
      await writtenJustNow(world);
      world.cluster.edit('web', { size: 2 });
      await world.pass();
      assert.equal(world.call.text, 'updated web-1:g2');
      world.kill();
      world.cluster.edit('web', { size: 1 });
      assert.deepEqual(await sentBy(world, () => world.again()), ['updated web-1:g3']);
      world.kill();
      assert.deepEqual(await sentBy(world, () => world.again()), []);
    });

    it('labels', async () => {
      const world = await handled(counting('Spec', 'Labels'));
      await writtenJustNow(world);
      world.cluster.label('web', { tier: 'b' });
      await world.pass();
      const { id } = world.call.event;
      world.kill();
      world.cluster.label('web', { tier: 'a' });
      const [again, ...more] = await sentBy(world, () => world.again());
      assert.match(again ?? '', /^updated web-1:\d+$/);
      assert.notEqual(again, `updated ${id}`);
      assert.deepEqual(more, []);
    });

    it('the status', async () => {
      const world = await handled(counting('Status'));
      await world.cluster.status('web', { phase: 'a' });
      await world.pass(WRITTEN_MS);
      await writtenJustNow(world);
      await world.cluster.status('web', { phase: 'b' });
      await world.pass();
      world.kill();
      await world.cluster.status('web', { phase: 'a' });
      assert.equal((await sentBy(world, () => world.again())).length, 1);
    });

    it('the selection', async () => {
      const world = await handled({ watch: { labelSelector: 'tier=a' } });
      await writtenJustNow(world);
      world.cluster.label('web', { tier: 'b' });
      await world.pass();
      assert.match(world.call.text, /^deleted /);
      world.kill();
      world.cluster.label('web', { tier: 'a' });
      const before = await sentBy(world, () => world.again());
      assert.deepEqual(
        before.map((text) => text.split(' ')[0]),
        ['updated'],
      );
      world.kill();
      assert.deepEqual(await sentBy(world, () => world.again()), []);
    });

    it('the selection, also where the trigger selects no more', async () => {
      const world = await handled({ watch: { labelSelector: 'tier=a' } });
      await writtenJustNow(world);
      world.cluster.label('web', { tier: 'b' });
      await world.pass();
      assert.match(world.call.text, /^deleted /);
      world.kill();
      assert.match(
        (await sentBy(world, () => world.again({ watch: { labelSelector: '' } }))).join(),
        /web-1/,
      );
    });

    it('also where the process after it ends before anything is written', async () => {
      const world = await handled(counting('Labels'));
      await writtenJustNow(world);
      world.host.script = () => undefined;
      world.cluster.label('web', { tier: 'b' });
      await world.pass();
      world.kill();
      world.cluster.label('web', { tier: 'a' });
      await world.again();
      world.kill();
      assert.equal((await sentBy(world, () => world.again())).length, 1);
    });
  });

  it('knows after an orderly end that nothing was sent unrecorded', async () => {
    const world = await handled(counting('Labels'));
    await writtenJustNow(world);
    world.cluster.label('web', { tier: 'b' });
    await world.pass();
    await world.end();
    await world.cluster.status('web', { phase: 'noise' });
    assert.deepEqual(await sentBy(world, () => world.again()), []);
  });

  it('takes what others write beside as nothing, up to where the watch was', async () => {
    const world = await handled(counting('Labels'));
    await world.cluster.status('web', { phase: 'noise' });
    await world.pass(20_000);
    world.kill();
    assert.deepEqual(await sentBy(world, () => world.again()), []);
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
    const world = await handled();
    world.host.script = () => [{ requeueAfter: '60s' }];
    world.cluster.edit('web', { size: 2 });
    await world.pass(WRITTEN_MS);
    const due = Math.floor((world.clock.now() - WRITTEN_MS + 60_000) / 1000);
    world.kill();
    await world.pass(10_000);
    world.host.script = () => [{}];
    assert.deepEqual(await sentBy(world, () => world.again()), []);
    assert.deepEqual(await sentBy(world, () => world.pass(60_000)), [`updated web-1:g2:t${due}`]);
  });

  it('makes up at once for a requeue that was due meanwhile', async () => {
    const world = await handled();
    world.host.script = () => [{ requeueAfter: '60s' }];
    world.cluster.edit('web', { size: 2 });
    await world.pass(WRITTEN_MS);
    const due = Math.floor((world.clock.now() - WRITTEN_MS + 60_000) / 1000);
    world.kill();
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

  describe('takes an edit of its trigger made meanwhile', () => {
    it('silently, where it is what counts', async () => {
      const world = await handled();
      world.kill();
      assert.deepEqual(await sentBy(world, () => world.again(counting('Spec', 'Labels'))), []);
      world.cluster.label('web', { tier: 'z' });
      await world.pass();
      assert.match(world.call.text, /^updated web-1:\d+$/);
    });

    it('as objects that come or go, where it is what is selected', async () => {
      const world = await handled();
      world.cluster.create('other', {}, { tier: 'b' });
      await world.pass(WRITTEN_MS);
      world.kill();
      const sent = await sentBy(world, () => world.again({ watch: { labelSelector: 'tier=b' } }));
      assert.match(sent.join(), /^deleted web-1:left:\d+$/);
      assert.equal(world.call.data.reason, 'LeftScope');
    });

    it('as a new trigger, where it is the kind', async () => {
      const world = await handled();
      world.kill();
      world.cluster.child('settings', { size: '1' });
      const other = { apiVersion: 'v1', kind: 'ConfigMap' };
      assert.deepEqual(await sentBy(world, () => world.again({ watch: other })), ['created settings-2:g1']);
      world.kill();
      assert.deepEqual(await sentBy(world, () => world.again({ watch: other })), []);
    });

    it('as a wish for all, where it is the annotation', async () => {
      const world = await handled();
      world.kill();
      const sent = await sentBy(world, () => world.again({}, { redeliverAt: 'now' }));
      assert.match(sent.join(), /^updated web-1:g1:r[0-9a-f]{8}$/);
      world.kill();
      assert.deepEqual(await sentBy(world, () => world.again()), []);
    });
  });

  it('obeys an annotation that an object was given meanwhile, once', async () => {
    const world = await handled();
    world.kill();
    world.cluster.annotate('web', { [REDELIVER_ANNOTATION]: 'now' });
    assert.match((await sentBy(world, () => world.again())).join(), /^updated web-1:g1:r[0-9a-f]{8}$/);
    world.kill();
    assert.deepEqual(await sentBy(world, () => world.again()), []);
  });
});

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
    const { documents } = stores.open(TRIGGER) as unknown as { documents: Map<number, { records: string }> };
    const [, [number, document] = []] = [...documents].filter(([, { records }]) => records !== '');
    assert.ok(number !== undefined && document !== undefined);
    documents.set(number, { ...document, records: `x${document.records}` });
    assert.deepEqual(await sentBy(world, () => world.again()), ['created other-2:g1']);
    assert.match(world.condition('CheckpointHealthy') ?? '', /False Damaged/);
    assert.equal(world.events.filter(({ reason }) => reason === 'CheckpointDamaged').length, 1);
  });
});
