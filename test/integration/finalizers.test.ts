/** `finalizer: true`: an object stays until its function has heard of its deletion. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually, quietFor } from '../support/eventually.ts';
import { result, type Scene, useStage, type Widget } from '../support/stage.ts';

const HELD = { finalizer: true };
/** Retries that hardly show in a test's time. */
const IMPATIENT = { delivery: { maxAttempts: 1000, backoff: { initial: '50ms', max: '200ms' } } };

describe('An object with a finalizer', () => {
  const stage = useStage();
  let names = 0;
  /** A name that no other test has: an object of theirs may still be on its way. */
  const fresh = (): string => `one-${++names}`;
  const finalizerOf = ({ name }: Scene): string => `trigger.statewire.dev/${name}`;
  const find = async (name: string): Promise<Widget | undefined> => {
    const { status, text } = await stage.api.send('GET', stage.path(name));
    return status === 200 ? (JSON.parse(text) as Widget) : undefined;
  };
  const gone = (name: string): Promise<boolean> =>
    eventually(`${name} is gone`, async () => (await find(name)) === undefined);
  const triggerGone = ({ name }: Scene): Promise<boolean> =>
    eventually('the trigger is gone', async () => {
      const { status } = await stage.api.send('GET', stage.triggerPath(name));
      return status === 404;
    });

  it('carries it before the first call, and goes after its deletion was handled', async (t) => {
    const one = fresh();
    const seen: (readonly string[] | undefined)[] = [];
    const scene = await stage.scene(t, {
      spec: HELD,
      answer: async ({ type }) => {
        if (type === 'created') seen.push((await find(one))?.metadata.finalizers);
        return {};
      },
    });
    await stage.create(one, { metadata: { finalizers: ['example.com/other'] } });
    await scene.calls(one, 1);
    await eventually('answered', () => seen.length === 1);
    assert.deepEqual(seen, [['example.com/other', finalizerOf(scene)]]);
    const { metadata } = await stage.trigger(scene.name);
    assert.deepEqual(metadata.finalizers, ['statewire.dev/objects']);
    await stage.remove(one);
    await scene.calls(one, 2);
    await eventually('released', async () => (await find(one))?.metadata.finalizers?.length === 1);
    await stage.merge(one, { metadata: { finalizers: null } });
    await gone(one);
    await quietFor(300);
    assert.deepEqual(scene.types(one), ['created', 'deleted']);
    assert.equal(scene.of(one)[1]?.data.reason, 'Deleted');
    assert.equal(await scene.metric('statewire_finalizers_released_total', { reason: 'deleted' }), 1);
  });

  it('fires nothing by being held, whatever counts', async (t) => {
    const one = fresh();
    const scene = await stage.scene(t, { spec: { ...HELD, changes: ['Any'] } });
    await stage.create(one, { spec: { size: 1 } });
    await scene.calls(one, 1);
    await quietFor(500);
    assert.deepEqual(scene.types(one), ['created']);
    assert.deepEqual((await stage.read(one)).metadata.finalizers, [finalizerOf(scene)]);
  });

  it('stays while its function fails, says so, and goes when the function is healed', async (t) => {
    const one = fresh();
    let healed = false;
    const scene = await stage.scene(t, {
      spec: { ...HELD, ...IMPATIENT },
      answer: ({ type }) => ({ status: type === 'deleted' && !healed ? 500 : 204 }),
    });
    await stage.create(one);
    await scene.calls(one, 1);
    await stage.remove(one);
    await scene.calls(one, 4);
    assert.notEqual(await find(one), undefined);
    const { message } = await scene.becomes('ObjectsReleased', 'False', 'DeletionPending');
    assert.ok(message.startsWith('1 deletion waits') && message.endsWith(`/${one}`), message);
    const event = await eventually('an Event', async () => {
      const path = `/apis/events.k8s.io/v1/namespaces/${stage.bench.namespace}/events`;
      const { items } = await stage.api.call<{ items: readonly Record<string, unknown>[] }>('GET', path);
      return items.find(({ reason }) => reason === 'DeletionPending');
    });
    assert.equal(event['type'], 'Warning');
    healed = true;
    await gone(one);
    assert.equal(
      new Set(
        scene
          .of(one)
          .slice(1)
          .map(({ id }) => id),
      ).size,
      1,
    );
    await scene.becomes('ObjectsReleased', 'True');
  });

  it('stays where the function is not done, and calls again after requeueAfter', async (t) => {
    const one = fresh();
    let calls = 0;
    const scene = await stage.scene(t, {
      spec: HELD,
      answer: ({ type }) =>
        type === 'deleted' && ++calls < 3 ? result({ finalized: false, requeueAfter: '1s' }) : {},
    });
    await stage.create(one);
    await scene.calls(one, 1);
    await stage.remove(one);
    await gone(one);
    assert.deepEqual(scene.types(one), ['created', 'deleted', 'deleted', 'deleted']);
    const [, first, second] = scene.of(one);
    assert.ok((second?.startedMs ?? 0) - (first?.startedMs ?? 0) >= 950);
  });

  it('stays where all attempts are used up, until it is asked for again', async (t) => {
    const one = fresh();
    let healed = false;
    const scene = await stage.scene(t, {
      spec: { ...HELD, delivery: { maxAttempts: 2, backoff: { initial: '50ms', max: '100ms' } } },
      answer: ({ type }) => ({ status: type === 'deleted' && !healed ? 500 : 204 }),
    });
    await stage.create(one);
    await scene.calls(one, 1);
    await stage.remove(one);
    await scene.calls(one, 3);
    await quietFor(500);
    assert.equal(scene.of(one).length, 3);
    healed = true;
    await stage.merge(one, { metadata: { annotations: { 'statewire.dev/redeliver-at': 'now' } } });
    await gone(one);
    assert.equal(scene.of(one).length, 4);
  });

  it('is told of when it leaves the selection, and lives on without the finalizer', async (t) => {
    const one = fresh();
    const watch = { labelSelector: { matchLabels: { team: 'a' } } };
    const scene = await stage.scene(t, { spec: HELD, watch });
    await stage.create(one, { metadata: { labels: { team: 'a' } } });
    await scene.calls(one, 1);
    await stage.merge(one, { metadata: { labels: { team: 'b' } } });
    await scene.calls(one, 2);
    await eventually('released', async () => (await stage.read(one)).metadata.finalizers === undefined);
    assert.equal(scene.of(one)[1]?.data.reason, 'LeftScope');
    await stage.merge(one, { metadata: { labels: { team: 'a' } } });
    await scene.calls(one, 3);
    assert.deepEqual(scene.types(one), ['created', 'deleted', 'created']);
    assert.deepEqual((await stage.read(one)).metadata.finalizers, [finalizerOf(scene)]);
  });

  it('keeps the trigger until what is being deleted was handled; what lives is released without a call', async (t) => {
    const [one, two] = [fresh(), fresh()];
    let healed = false;
    const scene = await stage.scene(t, {
      spec: { ...HELD, ...IMPATIENT },
      answer: ({ type }) => ({ status: type === 'deleted' && !healed ? 500 : 204 }),
    });
    await stage.create(one);
    await stage.create(two);
    await scene.calls(one, 1);
    await scene.calls(two, 1);
    await stage.remove(one);
    await scene.calls(one, 2);
    await stage.api.call('DELETE', stage.triggerPath(scene.name));
    await eventually(
      'two is released',
      async () => (await stage.read(two)).metadata.finalizers === undefined,
    );
    await scene.calls(one, 4);
    await stage.trigger(scene.name);
    healed = true;
    await gone(one);
    await triggerGone(scene);
    assert.deepEqual(scene.types(two), ['created']);
  });

  it('is released where the trigger holds nothing any longer, and so is the trigger', async (t) => {
    const one = fresh();
    const scene = await stage.scene(t, { spec: HELD });
    await stage.create(one);
    await scene.calls(one, 1);
    await scene.apply({ spec: { finalizer: false } });
    await eventually('released', async () => (await stage.read(one)).metadata.finalizers === undefined);
    await eventually('the trigger is released', async () => {
      const { metadata } = await stage.trigger(scene.name);
      return metadata.finalizers === undefined;
    });
    await quietFor(300);
    assert.deepEqual(scene.types(one), ['created']);
  });

  it('is held from then on where its trigger begins to hold', async (t) => {
    const one = fresh();
    const scene = await stage.scene(t);
    await stage.create(one);
    await scene.calls(one, 1);
    await scene.apply({ spec: HELD });
    await eventually('held', async () => {
      const { metadata } = await stage.read(one);
      return metadata.finalizers?.includes(finalizerOf(scene)) === true;
    });
    await quietFor(300);
    assert.deepEqual(scene.types(one), ['created']);
  });

  it('stays while its trigger is suspended', async (t) => {
    const one = fresh();
    const scene = await stage.scene(t, { spec: HELD });
    await stage.create(one);
    await scene.calls(one, 1);
    await scene.apply({ spec: { ...HELD, suspend: true } });
    await scene.taken();
    await stage.remove(one);
    await scene.becomes('ObjectsReleased', 'False');
    assert.equal(scene.of(one).length, 1);
    await scene.apply({ spec: HELD });
    await gone(one);
    assert.deepEqual(scene.types(one), ['created', 'deleted']);
  });

  it('is deleted for one life and created for the next under the same name', async (t) => {
    const one = fresh();
    const scene = await stage.scene(t, { spec: HELD });
    const first = await stage.create(one);
    await scene.calls(one, 1);
    await stage.remove(one);
    await gone(one);
    const second = await stage.create(one);
    await scene.calls(one, 3);
    assert.deepEqual(
      scene.of(one).map(({ id }) => id),
      [`${first.metadata.uid}:g1`, `${first.metadata.uid}:deleted`, `${second.metadata.uid}:g1`],
    );
    const { metadata } = await stage.read(one);
    assert.deepEqual(metadata.finalizers, [finalizerOf(scene)]);
  });
});
