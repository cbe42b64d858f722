/** Two lives of one name: what is said of the first never lands on the second. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually, quietFor } from '../support/eventually.ts';
import { result, useStage } from '../support/stage.ts';

describe('An object that is deleted and made anew under its name', () => {
  const stage = useStage();

  it('is deleted for the old uid, then created for the new one, never updated', async (t) => {
    const scene = await stage.scene(t);
    const first = await stage.create('one', { spec: { size: 1 } });
    await scene.calls('one', 1);
    await stage.remove('one');
    const second = await stage.create('one', { spec: { size: 1 } });
    await scene.calls('one', 3);
    await quietFor(300);
    assert.deepEqual(
      scene.of('one').map(({ id }) => id),
      [`${first.metadata.uid}:g1`, `${first.metadata.uid}:deleted`, `${second.metadata.uid}:g1`],
    );
    assert.deepEqual(scene.types('one'), ['created', 'deleted', 'created']);
  });

  it('waits for the first life, whose call still runs and whose status never lands on the second', async (t) => {
    const gate = Promise.withResolvers<void>();
    let call = 0;
    const scene = await stage.scene(t, {
      spec: { changes: ['Any'] },
      answer: () =>
        ++call === 1 ? { ...result({ status: { phase: 'Of the first' } }), after: gate.promise } : {},
    });
    const first = await stage.create('one');
    await scene.calls('one', 1);
    await stage.remove('one');
    const second = await stage.create('one');
    await quietFor(500);
    assert.equal(scene.of('one').length, 1);
    gate.resolve();
    await scene.calls('one', 3);
    await quietFor(500);
    assert.deepEqual(
      scene.of('one').map(({ type, headers }) => `${type} ${String(headers['ce-partitionkey'])}`),
      [`created ${first.metadata.uid}`, `deleted ${first.metadata.uid}`, `created ${second.metadata.uid}`],
    );
    assert.equal((await stage.read('one')).status, undefined);
  });

  it('waits for the running call also where nobody hears of deletions; its status stays away', async (t) => {
    const gate = Promise.withResolvers<void>();
    let call = 0;
    const scene = await stage.scene(t, {
      spec: { eventTypes: ['Created'] },
      answer: () =>
        ++call === 1 ? { ...result({ status: { phase: 'Of the first' } }), after: gate.promise } : {},
    });
    await stage.create('one');
    await scene.calls('one', 1);
    await stage.remove('one');
    const second = await stage.create('one');
    await scene.filtered('event-type');
    await quietFor(500);
    assert.equal(scene.of('one').length, 1);
    gate.resolve();
    const [, call2] = await scene.calls('one', 2);
    assert.equal(call2?.id, `${second.metadata.uid}:g1`);
    await quietFor(500);
    assert.equal((await stage.read('one')).status, undefined);
    assert.deepEqual(scene.types('one'), ['created', 'created']);
  });

  it('waits no longer once the first life is given up', async (t) => {
    const scene = await stage.scene(t, {
      spec: { delivery: { maxAttempts: 2, backoff: { initial: '50ms', max: '100ms' } } },
      answer: ({ type }) => ({ status: type === 'deleted' ? 500 : 204 }),
    });
    await stage.create('one');
    await scene.calls('one', 1);
    await stage.remove('one');
    await stage.create('one');
    await scene.calls('one', 4);
    assert.deepEqual(scene.types('one'), ['created', 'deleted', 'deleted', 'created']);
  });

  it('is nothing to a function that never heard of it', async (t) => {
    const scene = await stage.scene(t, { spec: { debounce: { quiet: '1s', maxWait: '2s' } } });
    await stage.create('one');
    await stage.remove('one');
    const { metadata } = await stage.create('one');
    await scene.calls('one', 1);
    await quietFor(300);
    assert.deepEqual(
      scene.of('one').map(({ id }) => id),
      [`${metadata.uid}:g1`],
    );
  });

  it('gets no updates while it is being deleted, and deleted once it is gone', async (t) => {
    const scene = await stage.scene(t);
    await stage.create('one', { spec: { size: 1 }, metadata: { finalizers: ['example.com/hold'] } });
    await scene.calls('one', 1);
    await stage.remove('one');
    await stage.merge('one', { spec: { size: 2 } });
    await scene.filtered('deleting', 2);
    await quietFor(300);
    assert.equal(scene.of('one').length, 1);
    await stage.merge('one', { metadata: { finalizers: null } });
    await eventually('deleted', () => scene.of('one').length === 2);
    assert.deepEqual(scene.types('one'), ['created', 'deleted']);
    assert.deepEqual((scene.of('one')[1]?.data.object as { spec?: unknown } | undefined)?.spec, { size: 2 });
  });
});
