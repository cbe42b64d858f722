/** What a function is told: every attribute of the event, and the object as it is sent. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import type { Call } from '../support/function-host.ts';
import { useStage } from '../support/stage.ts';

const attribute = (call: Call | undefined, name: string): string => String(call?.headers[`ce-${name}`]);
const eightHex = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 8);

describe('What a function is told', () => {
  const stage = useStage({ args: ['--cluster-id', 'c-1'] });

  describe('an event', () => {
    it('says in its attributes who speaks, of what, and which occasion it is', async (t) => {
      const { namespace, group } = stage.bench;
      const scene = await stage.scene(t);
      const { metadata } = await stage.create('one', { spec: { size: 1 } });
      const [created] = await scene.calls('one', 1);
      assert.equal(attribute(created, 'specversion'), '1.0');
      assert.equal(attribute(created, 'type'), 'dev.statewire.resource.created');
      assert.equal(attribute(created, 'source'), `statewire://c-1/${namespace}/${scene.name}`);
      assert.equal(attribute(created, 'subject'), `/apis/${group}/v1/namespaces/${namespace}/widgets/one`);
      assert.equal(attribute(created, 'id'), `${metadata.uid}:g1`);
      assert.equal(attribute(created, 'time'), metadata.creationTimestamp);
      assert.equal(attribute(created, 'apiversion'), `${group}/v1`);
      assert.equal(attribute(created, 'kind'), 'Widget');
      assert.equal(attribute(created, 'name'), 'one');
      assert.equal(attribute(created, 'namespace'), namespace);
      assert.equal(attribute(created, 'generation'), '1');
      assert.equal(attribute(created, 'sequence'), metadata.resourceVersion.padStart(20, '0'));
      assert.equal(attribute(created, 'partitionkey'), metadata.uid);
      assert.equal(attribute(created, 'trigger'), `${namespace}/${scene.name}`);
      assert.match(attribute(created, 'traceparent'), /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
      assert.equal(attribute(created, 'statewireattempt'), '1');
      assert.match(attribute(created, 'statewiredeadline'), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      assert.equal(attribute(created, 'statewireepoch'), '0');
      assert.equal(created?.headers['content-type'], 'application/json');
      const trigger = await stage.trigger(scene.name);
      assert.equal(
        created.headers['idempotency-key'],
        createHash('sha256').update(`${trigger.metadata.uid}/${metadata.uid}:g1`).digest('hex'),
      );
      assert.equal(created.data.reason, 'Watch');
      assert.equal(created.data.changed, undefined);

      const edited = await stage.merge('one', { spec: { size: 2 } });
      const [, updated] = await scene.calls('one', 2);
      assert.equal(attribute(updated, 'type'), 'dev.statewire.resource.updated');
      assert.equal(attribute(updated, 'id'), `${metadata.uid}:g2`);
      assert.equal(attribute(updated, 'generation'), '2');
      assert.equal(attribute(updated, 'sequence'), edited.metadata.resourceVersion.padStart(20, '0'));
      assert.notEqual(attribute(updated, 'time'), metadata.creationTimestamp);
      assert.deepEqual(updated?.data.changed, ['Spec']);

      await stage.remove('one');
      const [, , deleted] = await scene.calls('one', 3);
      assert.equal(attribute(deleted, 'type'), 'dev.statewire.resource.deleted');
      assert.equal(attribute(deleted, 'id'), `${metadata.uid}:deleted`);
      assert.equal(attribute(deleted, 'partitionkey'), metadata.uid);
      assert.ok(attribute(deleted, 'sequence') > attribute(updated, 'sequence'));
      assert.equal(attribute(deleted, 'sequence').length, 20);
      assert.equal(deleted?.data.reason, 'Deleted');
      assert.equal(deleted.data.final, undefined);
      assert.deepEqual((deleted.data.object as { spec?: unknown }).spec, { size: 2 });
    });

    it('names a state by its resourceVersion where more than the spec counts', async (t) => {
      const scene = await stage.scene(t, { spec: { changes: ['Spec', 'Labels'] } });
      const { metadata } = await stage.create('one', { spec: { size: 1 } });
      const [created] = await scene.calls('one', 1);
      assert.equal(created?.id, `${metadata.uid}:${metadata.resourceVersion}`);
      const labelled = await stage.merge('one', { metadata: { labels: { a: 'b' } } });
      const [, updated] = await scene.calls('one', 2);
      assert.equal(updated?.id, `${metadata.uid}:${labelled.metadata.resourceVersion}`);
      assert.deepEqual(updated.data.changed, ['Labels']);
    });

    it('never has the id of another state, also when a state comes back', async (t) => {
      const scene = await stage.scene(t, { spec: { changes: ['Labels'] } });
      await stage.create('one', { metadata: { labels: { state: 'a' } } });
      await scene.calls('one', 1);
      await stage.merge('one', { metadata: { labels: { state: 'b' } } });
      await scene.calls('one', 2);
      await stage.merge('one', { metadata: { labels: { state: 'a' } } });
      const calls = await scene.calls('one', 3);
      assert.equal(new Set(calls.map(({ id }) => id)).size, 3);
    });

    it('has one more part in its id where the object is sent again by hand', async (t) => {
      const scene = await stage.scene(t);
      const { metadata } = await stage.create('one');
      await scene.calls('one', 1);
      await stage.merge('one', { metadata: { annotations: { 'statewire.dev/redeliver-at': 'now' } } });
      const [, again] = await scene.calls('one', 2);
      assert.equal(again?.type, 'updated');
      assert.equal(again.id, `${metadata.uid}:g1:r${eightHex('now')}`);
      assert.equal(again.data.reason, 'Redeliver');
    });

    it('has one id and counts attempts over retries, each with a deadline of its own', async (t) => {
      let calls = 0;
      const scene = await stage.scene(t, {
        spec: { delivery: { backoff: { initial: '50ms', max: '100ms' } } },
        answer: () => ({ status: ++calls < 3 ? 500 : 204 }),
      });
      await stage.create('one');
      const [first, second, third] = await scene.calls('one', 3);
      assert.deepEqual(
        [first, second, third].map((call) => attribute(call, 'statewireattempt')),
        ['1', '2', '3'],
      );
      for (const same of ['id', 'time', 'sequence']) {
        assert.equal(attribute(second, same), attribute(first, same));
        assert.equal(attribute(third, same), attribute(first, same));
      }
      assert.equal(third?.headers['idempotency-key'], first?.headers['idempotency-key']);
      assert.ok(attribute(second, 'statewiredeadline') > attribute(first, 'statewiredeadline'));
      const [trace, span] = attribute(first, 'traceparent').split('-').slice(1);
      const [sameTrace, otherSpan] = attribute(second, 'traceparent').split('-').slice(1);
      assert.equal(sameTrace, trace);
      assert.notEqual(otherSpan, span);
    });
  });

  describe('the object in an event', () => {
    it('comes without managedFields and last-applied-configuration, its numbers exactly as the server sends them', async (t) => {
      const { group } = stage.bench;
      const scene = await stage.scene(t);
      await stage.api.call(
        'POST',
        stage.path(),
        `{"apiVersion":"${group}/v1","kind":"Widget","metadata":{"name":"exact","annotations":{` +
          `"kubectl.kubernetes.io/last-applied-configuration":"{}","mine":"stays"}},` +
          `"spec":{"size":9007199254740993,"free":{"whole":1.0,"small":1e-7,"large":123456789012345678}}}`,
      );
      const [{ text, data } = assert.fail()] = await scene.calls('exact', 1);
      const { text: served } = await stage.api.send('GET', stage.path('exact'));
      const spec = /"spec":\{.*?\}\}/.exec(served)?.[0];
      assert.match(String(spec), /9007199254740993/);
      assert.ok(text.includes(String(spec)), `${text} lacks ${spec}`);
      const { metadata, apiVersion, kind } = data.object;
      assert.equal(metadata.managedFields, undefined);
      assert.deepEqual(metadata.annotations, { mine: 'stays' });
      assert.deepEqual({ apiVersion, kind }, { apiVersion: `${group}/v1`, kind: 'Widget' });
    });

    it('is metadata only where it is a Secret', async (t) => {
      const { namespace } = stage.bench;
      const scene = await stage.scene(t, { watch: { apiVersion: 'v1', kind: 'Secret' } });
      await stage.api.call('POST', `/api/v1/namespaces/${namespace}/secrets`, {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'key', labels: { of: 'shop' } },
        stringData: { password: 'swordfish' },
      });
      const [call = assert.fail()] = await scene.calls('key', 1);
      assert.equal(attribute(call, 'subject'), `/api/v1/namespaces/${namespace}/secrets/key`);
      assert.equal(attribute(call, 'generation'), 'undefined');
      assert.match(call.id, /^[0-9a-f-]{36}:\d+$/);
      assert.deepEqual(Object.keys(call.data.object).toSorted(), ['apiVersion', 'kind', 'metadata']);
      assert.deepEqual(call.data.object.metadata.labels, { of: 'shop' });
      assert.ok(!call.text.includes('c3dvcmRmaXNo') && !call.text.includes('swordfish'));

      await stage.api.call('PATCH', `/api/v1/namespaces/${namespace}/secrets/key`, {
        stringData: { password: 'other' },
      });
      const [, updated] = await scene.calls('key', 2);
      assert.equal(updated?.type, 'updated', 'what is not sent counts all the same');
    });
  });
});
