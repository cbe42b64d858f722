/** Objects that exist when a trigger is first seen, and what sends an object again. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { eventually, quietFor } from '../support/eventually.ts';
import { result, useStage } from '../support/stage.ts';

const REDELIVER = 'statewire.dev/redeliver-at';
const eightHex = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 8);

describe('What is sent without a change', () => {
  const stage = useStage();

  describe('objects that exist when the trigger comes', () => {
    it('are all sent as created by default, with no regard to quiet', async (t) => {
      await stage.create('one');
      await stage.create('two');
      const scene = await stage.scene(t, { spec: { debounce: { quiet: '50s', maxWait: '60s' } } });
      await scene.calls('one', 1);
      await scene.calls('two', 1);
      assert.deepEqual([...scene.types('one'), ...scene.types('two')], ['created', 'created']);
    });

    it('are not sent with initial Skip; later edits are updates, later objects are created', async (t) => {
      await stage.create('old', { spec: { size: 1 } });
      const scene = await stage.scene(t, { spec: { initial: 'Skip' } });
      await scene.filtered('baseline');
      await stage.create('new');
      await scene.calls('new', 1);
      await stage.merge('old', { spec: { size: 2 } });
      const [updated] = await scene.calls('old', 1);
      assert.deepEqual(updated?.data.changed, ['Spec']);
      await stage.remove('old');
      await scene.calls('old', 2);
      assert.deepEqual(scene.types('old'), ['updated', 'deleted']);
      assert.deepEqual(scene.types('new'), ['created']);
    });
  });

  describe('redeliver-at', () => {
    it('on an object sends that one, once for each value, and does not wait for a change', async (t) => {
      const scene = await stage.scene(t);
      const { metadata } = await stage.create('one');
      await stage.create('two');
      await scene.calls('one', 1);
      await scene.calls('two', 1);
      await stage.merge('one', { metadata: { annotations: { [REDELIVER]: 'a' } } });
      await scene.calls('one', 2);
      await stage.merge('one', { metadata: { labels: { some: 'thing' } } });
      await scene.filtered('unchanged');
      await stage.merge('one', { metadata: { annotations: { [REDELIVER]: 'b' } } });
      await scene.calls('one', 3);
      await quietFor(200);
      assert.deepEqual(
        scene.of('one').map(({ id }) => id),
        [
          `${metadata.uid}:g1`,
          `${metadata.uid}:g1:r${eightHex('a')}`,
          `${metadata.uid}:g1:r${eightHex('b')}`,
        ],
      );
      assert.equal(scene.of('two').length, 1);
    });

    it('on the trigger sends all, also those that were skipped; the value it was born with sends none', async (t) => {
      await stage.create('old');
      const scene = await stage.scene(t, {
        spec: { initial: 'Skip' },
        annotations: { [REDELIVER]: 'birth' },
      });
      await stage.create('new');
      await scene.calls('new', 1);
      await quietFor(200);
      assert.equal(scene.of('old').length, 0);
      await scene.apply({ spec: { initial: 'Skip' }, annotations: { [REDELIVER]: 'now' } });
      const [old] = await scene.calls('old', 1);
      const [, again] = await scene.calls('new', 2);
      assert.equal(old?.data.reason, 'Redeliver');
      assert.equal(old.type, 'updated');
      assert.ok(again?.id.endsWith(`:r${eightHex('now')}`));
      await quietFor(200);
      assert.equal(scene.host.calls.length, 3);
    });
  });

  describe('requeueAfter', () => {
    it('is one wake-up, as an update, which the next result sets or ends', async (t) => {
      let left = 2;
      const scene = await stage.scene(t, {
        spec: { eventTypes: ['Created'] },
        answer: () => (left-- > 0 ? result({ requeueAfter: '1s' }) : { status: 204 }),
      });
      const { metadata } = await stage.create('one');
      const calls = await scene.calls('one', 3);
      await quietFor(1500);
      assert.equal(scene.of('one').length, 3);
      assert.deepEqual(
        calls.map(({ type, data }) => `${type} ${data.reason}`),
        ['created Watch', 'updated Requeue', 'updated Requeue'],
      );
      for (const { id } of calls.slice(1)) assert.match(id, new RegExp(`^${metadata.uid}:g1:t\\d{10}$`));
      assert.equal(new Set(calls.map(({ id }) => id)).size, 3);
      assert.equal(await scene.metric('statewire_invocations_total', { result: 'requeue' }), 2);
    });

    for (const { reason, status } of [
      { reason: 'another invocation', status: 204 },
      { reason: 'an invocation that fails, too', status: 500 },
    ]) {
      it(`is cancelled by ${reason}`, async (t) => {
        const scene = await stage.scene(t, {
          spec: { delivery: { maxAttempts: 1 } },
          answer: ({ type }) => (type === 'created' ? result({ requeueAfter: '1s' }) : { status }),
        });
        await stage.create('one', { spec: { size: 1 } });
        await scene.calls('one', 1);
        await stage.merge('one', { spec: { size: 2 } });
        await scene.calls('one', 2);
        await quietFor(1500);
        assert.equal(scene.of('one').length, 2);
      });
    }
  });

  describe('resync', () => {
    it('sends every object again after that long, also after a failure and those that were skipped', async (t) => {
      await stage.create('skipped');
      const scene = await stage.scene(t, {
        spec: { resync: '1s', initial: 'Skip', delivery: { maxAttempts: 1 } },
        answer: ({ key }) => ({ status: key.endsWith('poison') ? 400 : 204 }),
      });
      const { metadata } = await stage.create('one');
      await stage.create('poison');
      const [, , again] = await scene.calls('one', 3);
      assert.equal(again?.data.reason, 'Resync');
      assert.equal(again.type, 'updated');
      assert.match(again.id, new RegExp(`^${metadata.uid}:g1:t\\d{10}$`));
      assert.equal((await scene.calls('skipped', 1))[0]?.data.reason, 'Resync');
      assert.equal((await scene.calls('poison', 2))[1]?.data.reason, 'Resync');
      await scene.apply({});
      await scene.taken();
      await quietFor(200);
      const count = scene.host.calls.length;
      await quietFor(1500);
      assert.equal(scene.host.calls.length, count, 'taken out, it ends');
      await scene.apply({ spec: { resync: '1s' } });
      await eventually('put in, it begins', () => scene.host.calls.length >= count + 2);
    });
  });

  describe('suspend', () => {
    it('invokes nothing while watching goes on; on resume each changed object is sent once', async (t) => {
      const scene = await stage.scene(t);
      await stage.create('one', { spec: { size: 1 } });
      await stage.create('same', { spec: { size: 1 } });
      await stage.create('gone', { spec: { size: 1 } });
      for (const name of ['one', 'same', 'gone']) await scene.calls(name, 1);
      await scene.apply({ spec: { suspend: true } });
      await scene.taken();
      for (const size of [2, 3, 4]) await stage.merge('one', { spec: { size } });
      await stage.merge('same', { spec: { size: 2 } });
      await stage.merge('same', { spec: { size: 1 } });
      await stage.create('new');
      await stage.create('brief');
      await stage.remove('brief');
      await stage.remove('gone');
      await stage.merge('one', { metadata: { annotations: { [REDELIVER]: 'meanwhile' } } });
      await quietFor(500);
      assert.equal(scene.host.calls.length, 3);
      await scene.apply({});
      await scene.calls('new', 1);
      await scene.calls('gone', 2);
      await scene.calls('one', 2);
      await quietFor(300);
      assert.deepEqual(scene.types('one'), ['created', 'updated']);
      assert.deepEqual((scene.of('one')[1]?.data.object as { spec?: unknown } | undefined)?.spec, {
        size: 4,
      });
      assert.deepEqual(scene.types('same'), ['created']);
      assert.deepEqual(scene.types('new'), ['created']);
      assert.deepEqual(scene.types('brief'), []);
      assert.deepEqual(scene.types('gone'), ['created', 'deleted']);
    });
  });
});
