/** When a change of a child is one for its owner. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { apiError } from '../../support/fake-apply-server.ts';
import { applying, conf, confSent, CONFIG_MAP, reasons, watchingAll } from '../../support/child-worlds.ts';
import { CHILDREN_PATH } from '../../support/model-cluster.ts';

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
