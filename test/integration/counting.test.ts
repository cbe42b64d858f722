/** What makes an event: types, classes, single fields, and the condition over the object. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually, quietFor } from '../support/eventually.ts';
import { useStage } from '../support/stage.ts';

describe('What makes an event', () => {
  const stage = useStage();

  describe('an event type that is not listed', () => {
    it('moves the record silently: without Created an object begins with its first update', async (t) => {
      const scene = await stage.scene(t, { spec: { eventTypes: ['Updated', 'Deleted'] } });
      await stage.create('one', { spec: { size: 1 } });
      await scene.filtered('event-type');
      await stage.merge('one', { spec: { size: 2 } });
      const [updated] = await scene.calls('one', 1);
      assert.deepEqual(updated?.data.changed, ['Spec']);
      await stage.remove('one');
      await scene.calls('one', 2);
      assert.deepEqual(scene.types('one'), ['updated', 'deleted']);
    });

    it('is not made up for later: what changed while updates were not listed stays unsent', async (t) => {
      const scene = await stage.scene(t, { spec: { eventTypes: ['Created'] } });
      await stage.create('one', { spec: { size: 1 } });
      await scene.calls('one', 1);
      await stage.merge('one', { spec: { size: 2 } });
      await scene.filtered('event-type');
      await scene.apply({ spec: { eventTypes: ['Created', 'Updated'] } });
      await scene.taken();
      await quietFor(300);
      await stage.merge('one', { spec: { size: 3 } });
      await scene.calls('one', 2);
      await stage.remove('one');
      await scene.filtered('event-type', 2);
      await quietFor(300);
      assert.deepEqual(scene.types('one'), ['created', 'updated']);
    });

    it('leaves deletions alone: with Deleted only, that is all there is', async (t) => {
      const scene = await stage.scene(t, { spec: { eventTypes: ['Deleted'] } });
      await stage.create('one');
      await stage.merge('one', { spec: { size: 2 } });
      await scene.filtered('event-type', 2);
      await stage.remove('one');
      await scene.calls('one', 1);
      assert.deepEqual(scene.types('one'), ['deleted']);
    });
  });

  describe('a change of', () => {
    const touches = {
      Spec: { patch: { spec: { size: 2 } } },
      Status: { patch: { status: { phase: 'There' } }, subresource: 'status' },
      Labels: { patch: { metadata: { labels: { a: 'b' } } } },
      Annotations: { patch: { metadata: { annotations: { a: 'b' } } } },
    } as const;
    const classes = Object.keys(touches) as (keyof typeof touches)[];

    for (const counted of classes) {
      it(`${counted} counts where it is listed, and nothing else does`, async (t) => {
        const scene = await stage.scene(t, { spec: { changes: [counted] } });
        await stage.create('one', { spec: { size: 1 } });
        await scene.calls('one', 1);
        for (const touched of classes.filter((name) => name !== counted)) {
          const { patch, ...rest } = touches[touched];
          await stage.merge('one', patch, 'subresource' in rest ? rest.subresource : '');
        }
        await scene.filtered('unchanged', 3);
        await quietFor(150);
        assert.equal(scene.of('one').length, 1);
        const { patch, ...rest } = touches[counted];
        await stage.merge('one', patch, 'subresource' in rest ? rest.subresource : '');
        const [, updated] = await scene.calls('one', 2);
        assert.deepEqual(updated?.data.changed, [counted]);
      });
    }

    it('anything counts with Any, except annotations of kubectl and of ours', async (t) => {
      const scene = await stage.scene(t, { spec: { changes: ['Any'] } });
      await stage.create('one', { spec: { size: 1 } });
      await scene.calls('one', 1);
      for (const name of ['kubectl.kubernetes.io/last-applied-configuration', 'statewire.dev/note']) {
        await stage.merge('one', { metadata: { annotations: { [name]: 'x' } } });
      }
      await scene.filtered('unchanged', 2);
      for (const [index, touched] of classes.entries()) {
        const { patch, ...rest } = touches[touched];
        await stage.merge('one', patch, 'subresource' in rest ? rest.subresource : '');
        const calls = await scene.calls('one', index + 2);
        assert.deepEqual(calls.at(-1)?.data.changed, [touched]);
      }
      assert.equal(scene.of('one').length, 5);
    });
  });

  describe('with fields', () => {
    it('only these count: names with dots in quotes, every item of a list', async (t) => {
      const fields = ['spec.size', 'metadata.labels["a.b/c"]', 'spec.containers[*].image'];
      const scene = await stage.scene(t, { spec: { fields } });
      const containers = (image: string, other: string): object => ({
        spec: {
          containers: [
            { image: 'one', other },
            { image, other },
          ],
        },
      });
      const { spec } = containers('two', 'x') as { spec: object };
      await stage.create('one', { spec: { size: 1, other: 1, ...spec } });
      await scene.calls('one', 1);
      await stage.merge('one', { spec: { other: 2 } });
      await stage.merge('one', { metadata: { labels: { 'a.b': 'x', c: 'y' } } });
      await stage.merge('one', containers('two', 'y'));
      await scene.filtered('unchanged', 3);
      await quietFor(150);
      assert.equal(scene.of('one').length, 1);
      await stage.merge('one', { spec: { size: 2 } });
      await scene.calls('one', 2);
      await stage.merge('one', { metadata: { labels: { 'a.b/c': 'x' } } });
      await scene.calls('one', 3);
      await stage.merge('one', containers('three', 'y'));
      await scene.calls('one', 4);
      assert.deepEqual(
        scene.of('one').map(({ data }) => data.changed),
        [undefined, ['Spec'], ['Labels'], ['Spec']],
      );
    });
  });

  describe('a redacted field', () => {
    it('is left out of object and previous, and counts all the same', async (t) => {
      const scene = await stage.scene(t, {
        spec: { payload: { previous: true, redact: ['spec.password', 'spec.users[*].token'] } },
      });
      const users = [{ name: 'ann', token: 'swordfish' }];
      await stage.create('one', { spec: { size: 1, password: 'swordfish', users } });
      await scene.calls('one', 1);
      await stage.merge('one', { spec: { password: 'herring' } });
      const [, updated] = await scene.calls('one', 2);
      assert.deepEqual(updated?.data.changed, ['Spec']);
      const spec = { size: 1, users: [{ name: 'ann' }] };
      assert.deepEqual((updated.data.object as { spec?: unknown }).spec, spec);
      assert.deepEqual((updated.data.previous as { spec?: unknown } | undefined)?.spec, spec);
      await stage.remove('one');
      await scene.calls('one', 3);
      for (const { text } of scene.of('one')) assert.doesNotMatch(text, /swordfish|herring/);
    });
  });

  describe('the state before', () => {
    it('is the last that was delivered successfully, and absent while there is none', async (t) => {
      const scene = await stage.scene(t, {
        spec: { payload: { previous: true }, delivery: { maxAttempts: 1 } },
        answer: ({ data }) => ({
          status: (data.object as { spec?: { size?: number } }).spec?.size === 2 ? 500 : 204,
        }),
      });
      await stage.create('one', { spec: { size: 1 } });
      const sizeOf = (object: unknown): unknown =>
        (object as { spec?: { size?: number } } | undefined)?.spec?.size;
      await scene.calls('one', 1);
      await stage.merge('one', { spec: { size: 2 } });
      await scene.calls('one', 2);
      await stage.merge('one', { spec: { size: 3 } });
      await scene.calls('one', 3);
      assert.deepEqual(
        scene.of('one').map(({ data }) => [sizeOf(data.previous), sizeOf(data.object)]),
        [
          [undefined, 1],
          [1, 2],
          [1, 3],
        ],
      );
    });
  });

  describe('when', () => {
    it('holds back while it is false, and sends what differs once it is true', async (t) => {
      const scene = await stage.scene(t, { spec: { when: 'object.spec.size > 1' } });
      await stage.create('one', { spec: { size: 1 } });
      await scene.filtered('when-false');
      await stage.merge('one', { spec: { size: 5 } });
      const [created] = await scene.calls('one', 1);
      assert.equal(created?.type, 'created');
      await stage.merge('one', { spec: { size: 0, note: 'changed meanwhile' } });
      await scene.filtered('when-false', 2);
      await stage.merge('one', { spec: { size: 5, note: null } });
      await stage.merge('one', { spec: { size: 0 } });
      await stage.merge('one', { spec: { size: 6 } });
      const calls = await scene.calls('one', 2);
      assert.ok(
        calls.every(({ data }) => Number((data.object as { spec?: { size?: number } }).spec?.size) > 1),
      );
      assert.deepEqual((calls.at(-1)?.data.object as { spec?: unknown } | undefined)?.spec, { size: 6 });
      await stage.merge('one', { spec: { size: 0 } });
      await stage.remove('one');
      await eventually('deletions are not held back', () => scene.types('one').at(-1) === 'deleted');
    });

    it('may look at what does not count: the state waits for it', async (t) => {
      const when = 'has(object.metadata.labels) && "go" in object.metadata.labels';
      const scene = await stage.scene(t, { spec: { when } });
      await stage.create('one', { spec: { size: 1 } });
      await scene.filtered('when-false');
      await stage.merge('one', { metadata: { labels: { go: '' } } });
      await scene.calls('one', 1);
      await stage.merge('one', { metadata: { labels: { go: null } } });
      await stage.merge('one', { metadata: { labels: { go: '' } } });
      await scene.filtered('unchanged', 2);
      await quietFor(150);
      assert.deepEqual(scene.types('one'), ['created']);
    });

    it('counts integers exactly, to 64 bits', async (t) => {
      const scene = await stage.scene(t, { spec: { when: 'object.spec.size == 9007199254740993' } });
      const widget = (name: string, size: string): string =>
        `{"apiVersion":"${stage.bench.group}/v1","kind":"Widget","metadata":{"name":"${name}"},"spec":{"size":${size}}}`;
      await stage.api.call('POST', stage.path(), widget('near', '9007199254740992'));
      await stage.api.call('POST', stage.path(), widget('exact', '9007199254740993'));
      await scene.calls('exact', 1);
      await scene.filtered('when-false');
      assert.deepEqual(scene.types('near'), []);
    });

    it('counts as false for an object that it fails for, is shown with one example, and heals', async (t) => {
      const scene = await stage.scene(t, { spec: { when: 'object.spec.size > 1' } });
      await stage.create('odd', { spec: { note: 'no size' } });
      await stage.create('fine', { spec: { size: 2 } });
      await scene.calls('fine', 1);
      const { message } = await scene.becomes('FilterHealthy', 'False', 'WhenFailed');
      assert.match(message, new RegExp(`^${stage.bench.namespace}/odd: .*size`));
      assert.equal((await scene.condition('Ready'))?.status, 'False');
      assert.ok((await scene.metric('statewire_filter_errors_total')) > 0);
      assert.deepEqual(scene.types('odd'), []);
      await stage.merge('odd', { spec: { size: 2 } });
      await scene.calls('odd', 1);
      await scene.becomes('FilterHealthy', 'True');
      assert.deepEqual(scene.types('odd'), ['created']);
    });
  });
});
