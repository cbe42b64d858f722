/** What a process knows of children when it begins: what it waits for, and what it tells of the time before it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { applying, confSent, CONFIG_MAP, reasons, watchingAll } from '../../support/child-worlds.ts';
import { CHILDREN_PATH } from '../../support/model-cluster.ts';
import { PipelineWorld } from '../../support/pipeline-world.ts';

describe('A trigger that owns kinds', () => {
  /** A world in which the list of objects comes before that of their children, which is held back. */
  const beforeChildren = async (
    health?: 'Forbidden' | 'ResourceNotFound' | 'Unavailable',
  ): Promise<{ readonly world: PipelineWorld; readonly list: () => void }> => {
    let list = (): void => undefined;
    const world = await PipelineWorld.start({
      spec: { watch: { owns: [{ ...CONFIG_MAP, labelSelector: '' }] } },
      before: ({ cluster, sources }) => {
        cluster.create('web', { size: 1 });
        const owner = cluster.object('web');
        assert.ok(owner);
        cluster.child('conf', { size: 'first' }, [owner]);
        const subscribe = sources.subscribe.bind(sources);
        sources.subscribe = (key, subscriber) => {
          if (key.kind !== 'ConfigMap') return subscribe(key, subscriber);
          if (health !== undefined) {
            queueMicrotask(() => subscriber.health({ state: health, message: 'no' }));
            return { relist: () => undefined, unsubscribe: () => undefined };
          }
          const late = Promise.withResolvers<void>();
          list = () => late.resolve();
          void late.promise.then(() => subscribe(key, subscriber));
          return { relist: () => undefined, unsubscribe: () => undefined };
        };
      },
    });
    await world.pass(10_000);
    return { world, list };
  };

  it('calls once the children are listed, and tells all of them', async () => {
    const { world, list } = await beforeChildren();
    assert.deepEqual(world.told, []);
    list();
    await world.pass(10_000);
    assert.deepEqual(world.told, ['created web-1:g1']);
    assert.equal(confSent(world.call), 'first');
  });

  for (const health of ['Forbidden', 'ResourceNotFound', 'Unavailable'] as const) {
    it(`does not wait for children that cannot be listed (${health})`, async () => {
      const { world } = await beforeChildren(health);
      assert.deepEqual(world.told, ['created web-1:g1']);
    });
  }
});

describe('A process that goes on', () => {
  /** One whose function has applied a ConfigMap, all of it written down. */
  const applied = async (): Promise<PipelineWorld> => {
    const world = await applying();
    world.cluster.create('web', { size: 1 });
    await world.pass(10_000);
    return world;
  };

  for (const how of ['kill', 'end'] as const) {
    it(`tells nothing of children that are as they were (${how})`, async () => {
      const world = await applied();
      await world[how]();
      await world.again();
      await world.pass(60_000);
      assert.deepEqual(reasons(world), ['Watch']);
    });

    it(`tells that a child has changed meanwhile, once (${how})`, async () => {
      const world = await applied();
      await world[how]();
      world.cluster.child('conf', { size: 'other' });
      await world.again();
      await world.pass(60_000);
      assert.deepEqual(reasons(world), ['Watch', 'Child']);
      await world[how]();
      await world.again();
      await world.pass(60_000);
      assert.equal(world.calls.length, 2);
    });

    it(`tells that a child has gone meanwhile, and the function makes it anew (${how})`, async () => {
      const world = await applied();
      await world[how]();
      world.cluster.remove(`${CHILDREN_PATH}/conf`);
      await world.again();
      await world.pass(60_000);
      assert.deepEqual(reasons(world), ['Watch', 'Child']);
      assert.ok(world.cluster.find(`${CHILDREN_PATH}/conf`));
    });
  }

  it('tells of a child that has come meanwhile', async () => {
    const world = await watchingAll();
    world.cluster.create('web');
    await world.pass(10_000);
    world.kill();
    const owner = world.cluster.object('web');
    assert.ok(owner);
    world.cluster.child('conf', { size: 'first' }, [owner]);
    await world.again();
    await world.pass(60_000);
    assert.deepEqual(reasons(world), ['Watch', 'Child']);
  });

  it('tells of its children once more where it was killed before it had seen what it wrote', async () => {
    const world = await applying();
    world.sources.lagMs = () => Infinity;
    world.cluster.create('web', { size: 1 });
    world.sources.flush();
    await world.pass(10_000);
    assert.deepEqual(reasons(world), ['Watch']);
    world.kill();
    world.sources.lagMs = () => 0;
    await world.again();
    await world.pass(60_000);
    assert.deepEqual(reasons(world), ['Watch', 'Child']);
  });

  it('tells nothing where other kinds are owned than before', async () => {
    const world = await applied();
    await world.end();
    world.cluster.child('conf', { size: 'other' });
    await world.again({ watch: { owns: [{ ...CONFIG_MAP, labelSelector: 'a=b' }] } });
    await world.pass(60_000);
    assert.deepEqual(reasons(world), ['Watch']);
  });

  it('tells what changed after other kinds were owned than when it was written down first', async () => {
    const world = await applied();
    await world.edit({ watch: { owns: [CONFIG_MAP, { ...CONFIG_MAP, kind: 'Application' }] } });
    await world.pass(10_000);
    world.kill();
    world.cluster.child('conf', { size: 'other' });
    await world.again();
    await world.pass(60_000);
    assert.deepEqual(reasons(world), ['Watch', 'Child']);
  });

  it('has nothing to write down where a child is as it was, with another version', async () => {
    const world = await watchingAll();
    world.cluster.create('web');
    await world.pass();
    const owner = world.cluster.object('web');
    assert.ok(owner);
    world.cluster.child('conf', { size: 'first' }, [owner]);
    await world.pass(10_000);
    const stored = (): number | undefined =>
      world.meter.value('statewire_checkpoint_bytes', { trigger: 'shop/app' });
    const before = stored();
    world.cluster.child('conf', { size: 'first' });
    await world.pass(10_000);
    assert.deepEqual(reasons(world), ['Watch', 'Child']);
    assert.ok(before !== undefined);
    assert.equal(stored(), before);
  });
});
