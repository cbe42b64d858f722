/** What a process sends again because the one before it may have sent something that it had not written down. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TargetError } from '../../../forwarder/lib/errors.ts';
import { PipelineWorld } from '../../support/pipeline-world.ts';
import { counting, handled, sentBy, WRITTEN_MS } from '../../support/restarts.ts';

/** Something is written down just now: what follows within a second is not, for a while. */
async function writtenJustNow(world: PipelineWorld): Promise<void> {
  world.cluster.create('other', {}, { tier: 'a' });
  await world.pass();
}

describe('A process that goes on', () => {
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
});
