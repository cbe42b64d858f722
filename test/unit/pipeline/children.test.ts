/** When a change of a child is one for its owner. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { apiError } from '../../support/fake-apply-server.ts';
import { CHILDREN_PATH } from '../../support/model-cluster.ts';
import { PipelineWorld, type WorldOptions } from '../../support/pipeline-world.ts';

const CONFIG_MAP = { apiVersion: 'v1', kind: 'ConfigMap' } as const;

function conf(data: Readonly<Record<string, string>>): {
  readonly apply: { apiVersion: string; kind: string; metadata: { name: string }; data: unknown }[];
} {
  return { apply: [{ ...CONFIG_MAP, metadata: { name: 'conf' }, data }] };
}

/** A world whose function applies one ConfigMap with the size in it. */
async function applying(options: WorldOptions = {}): Promise<PipelineWorld> {
  const world = await PipelineWorld.start({
    ...options,
    spec: { watch: { owns: [CONFIG_MAP] }, ...options.spec },
  });
  world.host.script = ({ data, type }) =>
    type === 'deleted' ? [{}] : [conf({ size: JSON.stringify(data.object['spec']) })];
  return world;
}

/** A world in which a ConfigMap without a label of ours is watched too. */
function watchingAll(): Promise<PipelineWorld> {
  return PipelineWorld.start({ spec: { watch: { owns: [{ ...CONFIG_MAP, labelSelector: '' }] } } });
}

/** The size in the ConfigMap `conf` as a call told it. */
function confSent({ data }: PipelineWorld['call']): unknown {
  const children = data.children?.['ConfigMap.v1'] as { conf?: { data: { size: unknown } } } | undefined;
  return children?.conf?.data.size;
}

const reasons = (world: PipelineWorld): string[] => world.calls.map(({ data }) => data.reason);

describe('A child that the trigger applies', () => {
  for (const [when, lagMs, latencyMs] of [
    ['first', 0, 100],
    ['last', 200, 0],
  ] as const) {
    it(`fires nothing where the watch shows it ${when}`, async () => {
      const world = await applying();
      world.sources.lagMs = () => lagMs;
      world.cluster.latencyMs = () => latencyMs;
      world.cluster.create('web', { size: 1 });
      await world.pass(10_000);
      world.cluster.edit('web', { size: 2 });
      await world.pass(10_000);
      assert.deepEqual(world.cluster.find(`${CHILDREN_PATH}/conf`)?.['data'], { size: '{"size":2}' });
      assert.deepEqual(reasons(world), ['Watch', 'Watch']);
    });
  }

  it('fires nothing where its status is refused for a while', async () => {
    const world = await applying();
    world.host.script = () => [{ ...conf({}), status: { phase: 'Ready' } }];
    world.cluster.latencyMs = () => 20;
    let refused = 3;
    world.cluster.fault = ({ path }) =>
      path.endsWith('/status') && refused-- > 0 ? apiError(503, 'away') : undefined;
    world.cluster.create('web');
    await world.pass(30_000);
    assert.deepEqual(reasons(world), ['Watch']);
  });

  it('fires nothing where it is pruned, whichever comes first', async () => {
    for (const latencyMs of [0, 100]) {
      const world = await applying();
      world.cluster.create('web');
      await world.pass(1000);
      world.cluster.latencyMs = () => latencyMs;
      world.sources.lagMs = () => 50;
      world.host.script = () => [{ apply: [] }];
      world.cluster.edit('web', { size: 2 });
      await world.pass(60_000);
      assert.equal(world.cluster.find(`${CHILDREN_PATH}/conf`), undefined);
      assert.deepEqual(reasons(world), ['Watch', 'Watch']);
    }
  });

  it('fires once when somebody else changes it', async () => {
    const world = await applying();
    world.cluster.create('web');
    await world.pass(1000);
    world.cluster.child('conf', { size: 'other' });
    await world.pass(60_000);
    assert.deepEqual(reasons(world), ['Watch', 'Child']);
  });

  it('is sent as it is in the end, also where it changes between its reading and the call', async () => {
    for (let changedMs = 0; changedMs < 400; changedMs += 20) {
      const world = await applying();
      world.cluster.create('web');
      world.host.script = ({ type }) => (type === 'created' ? [conf({ size: '1' })] : [{}]);
      await world.pass(1000);
      world.cluster.latencyMs = () => 100;
      world.cluster.child('conf', { size: 'first' });
      await world.pass(changedMs);
      world.cluster.child('conf', { size: 'last' });
      await world.pass(60_000);
      assert.equal(confSent(world.call), 'last', `after ${changedMs}`);
    }
  });

  it('is sent again where it is back at what the watch has shown last, and was sent otherwise', async () => {
    const world = await watchingAll();
    world.host.script = ({ data }) => [data.reason === 'Child' ? { requeueAfter: '3s' } : {}];
    world.cluster.create('web');
    await world.pass();
    const owner = world.cluster.object('web');
    assert.ok(owner);
    world.cluster.child('conf', { size: 'first' }, [owner]);
    await world.pass(1000);
    world.sources.lagMs = () => Infinity;
    world.cluster.child('conf', { size: 'other' });
    await world.pass(3000);
    world.cluster.child('conf', { size: 'first' });
    world.sources.lagMs = () => 0;
    world.sources.cut();
    await world.pass(1000);
    assert.deepEqual(reasons(world), ['Watch', 'Child', 'Requeue', 'Child']);
    assert.deepEqual(world.calls.map(confSent), [undefined, 'first', 'other', 'first']);
  });

  it('fires once when somebody changes it before the watch has shown it', async () => {
    const world = await applying();
    world.sources.lagMs = () => Infinity;
    world.cluster.create('web');
    await world.pass();
    world.sources.flush();
    await world.pass(100);
    assert.ok(world.cluster.find(`${CHILDREN_PATH}/conf`));
    world.cluster.child('conf', { size: 'other' });
    world.sources.lagMs = () => 0;
    world.sources.cut();
    await world.pass(60_000);
    assert.deepEqual(reasons(world), ['Watch', 'Child']);
  });

  it('fires once when somebody else changes it while the result is written', async () => {
    const world = await applying();
    world.host.script = () => [{ ...conf({ size: 'ours' }), status: { phase: 'Ready' } }];
    world.cluster.create('web');
    await world.pass(1000);
    world.cluster.latencyMs = () => 100;
    world.cluster.edit('web', { size: 2 });
    await world.pass(250);
    world.cluster.child('conf', { size: 'other' });
    await world.pass(60_000);
    assert.deepEqual(reasons(world), ['Watch', 'Watch', 'Child']);
  });

  it('fires once when somebody else deletes it', async () => {
    const world = await applying();
    world.cluster.create('web');
    await world.pass(1000);
    world.cluster.remove(`${CHILDREN_PATH}/conf`);
    await world.pass(60_000);
    assert.deepEqual(reasons(world), ['Watch', 'Child']);
  });
});

describe('A child of two owners', () => {
  it('fires once for each', async () => {
    const world = await watchingAll();
    world.cluster.create('a');
    world.cluster.create('b');
    await world.pass();
    const owners = ['a', 'b'].flatMap((name) => world.cluster.object(name) ?? []);
    world.cluster.child('conf', { x: '1' }, owners);
    await world.pass(1000);
    world.cluster.child('conf', { x: '2' });
    await world.pass(1000);
    assert.deepEqual(
      world.calls.slice(2).map(({ event, data }) => `${data.reason} ${event.name}`),
      ['Child a', 'Child b', 'Child a', 'Child b'],
    );
  });

  it('is told in the order of its changes where one owner’s result is being written', async () => {
    const world = await watchingAll();
    world.cluster.create('a');
    world.cluster.create('b');
    await world.pass();
    const [a, b] = ['a', 'b'].map((name) => world.cluster.object(name));
    assert.ok(a && b);
    world.cluster.child('conf', { x: '1' }, [a]);
    await world.pass(1000);
    world.host.script = ({ event }) => [event.name === 'a' ? { status: { phase: 'Ready' } } : {}];
    world.cluster.latencyMs = () => 100;
    world.cluster.edit('a', { size: 2 });
    // The child changes, and then it goes, while the status is written.
    await world.pass(250);
    world.cluster.child('conf', { x: '2' });
    await world.pass(10);
    world.cluster.remove(`${CHILDREN_PATH}/conf`);
    await world.pass(60_000);
    const children = world.calls.findLast(({ event }) => event.name === 'a')?.data.children;
    assert.deepEqual(children, { 'ConfigMap.v1': {} });
    world.cluster.latencyMs = () => 0;
    const { length } = world.cluster.server.requests;
    world.cluster.edit('a', { size: 3 });
    await world.pass(1000);
    const read = world.cluster.server.requests.slice(length).filter(({ path }) => path.includes('conf'));
    assert.deepEqual(read, [], 'a child that is gone is not looked for');
  });
});

describe('A trigger whose owned kinds are edited', () => {
  it('reads no child any more that it does not own', async () => {
    const world = await applying();
    world.cluster.create('web');
    await world.pass(1000);
    world.host.script = () => [{}];
    await world.edit({ watch: { owns: [] } });
    await world.pass(1000);
    const { length } = world.cluster.server.requests;
    world.cluster.edit('web', { size: 2 });
    await world.pass(1000);
    assert.equal(world.call.data.children, undefined);
    const read = world.cluster.server.requests.slice(length).filter(({ path }) => path.includes('conf'));
    assert.deepEqual(read, []);
  });

  it('reads no child of a kind that it only applies', async () => {
    const world = await applying({ spec: { watch: { owns: [] } } });
    world.cluster.create('web');
    await world.pass(1000);
    world.host.script = () => [{}];
    const { length } = world.cluster.server.requests;
    world.cluster.edit('web', { size: 2 });
    await world.pass(1000);
    const read = world.cluster.server.requests.slice(length).filter(({ path }) => path.includes('conf'));
    assert.deepEqual(read, []);
  });

  it('tells the owner of a child that went while its kind was being listed anew', async () => {
    const world = await applying();
    world.cluster.create('web');
    await world.pass(1000);
    world.host.script = () => [{}];
    world.sources.lagMs = () => Infinity;
    world.cluster.remove(`${CHILDREN_PATH}/conf`);
    await world.edit({ watch: { owns: [{ ...CONFIG_MAP, labelSelector: '' }] } });
    await world.pass();
    world.sources.flush();
    await world.pass(1000);
    assert.deepEqual(reasons(world), ['Watch', 'Child']);
  });
});

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
});
