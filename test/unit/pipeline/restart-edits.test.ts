/** What a process makes of edits of its trigger, and of wishes, that came while none ran. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { REDELIVER_ANNOTATION } from '../../../forwarder/model/trigger.ts';
import { counting, handled, sentBy, WRITTEN_MS } from '../../support/restarts.ts';

describe('A process that goes on', () => {
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
