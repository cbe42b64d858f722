/** How results are written back, and that our own writes fire nothing. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ApiError } from '../../../forwarder/lib/errors.ts';
import type { KubeRequest } from '../../../forwarder/model/kube-client.ts';
import { apiError } from '../../support/fake-apply-server.ts';
import { PipelineWorld, type WorldOptions } from '../../support/pipeline-world.ts';

/** Status counts, and every call states a phase. */
async function stating(options: WorldOptions = {}): Promise<PipelineWorld> {
  const counting = { kind: 'changes', classes: ['Spec', 'Status'] } as const;
  const world = await PipelineWorld.start({ ...options, spec: { counting, ...options.spec } });
  world.host.script = () => [{ status: { phase: 'Ready' } }];
  return world;
}

/** An object whose phase somebody else has stated, so that the write of the result takes it over. */
async function contested(world: PipelineWorld): Promise<void> {
  const { lagMs } = world.sources;
  world.sources.lagMs = () => Infinity;
  world.cluster.create('web', { size: 1 });
  await world.cluster.status('web', { phase: 'Pending' });
  world.sources.flush();
  world.sources.lagMs = lagMs;
}

/** Answers writes of status with that error for the next so many times. */
function refuse(world: PipelineWorld, times: number, error: ApiError, part = '/status'): void {
  let left = times;
  world.cluster.fault = ({ method, path }: KubeRequest) =>
    method === 'PATCH' && path.includes(part) && left-- > 0 ? error : undefined;
}

const away = apiError(503, 'away');

describe('A status that takes a field over', () => {
  for (const [when, lagMs, latencyMs] of [
    ['before', 0, 100],
    ['after', 200, 0],
  ] as const) {
    it(`fires nothing where the watch shows it ${when} the reply`, async () => {
      const world = await stating();
      world.sources.lagMs = () => lagMs;
      world.cluster.latencyMs = () => latencyMs;
      await contested(world);
      await world.pass(10_000);
      assert.deepEqual(world.cluster.object('web')?.['status'], { phase: 'Ready' });
      assert.equal(world.calls.length, 1);
    });

    it(`fires nothing either where the write was tried again, ${when} the reply`, async () => {
      const world = await stating();
      world.sources.lagMs = () => lagMs;
      world.cluster.latencyMs = () => latencyMs;
      refuse(world, 2, away);
      await contested(world);
      await world.pass(10_000);
      assert.deepEqual(world.cluster.object('web')?.['status'], { phase: 'Ready' });
      assert.equal(world.calls.length, 1);
    });
  }

  it('fires nothing while a child of the same result is still refused', async () => {
    const world = await stating();
    const apply = [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'conf' } }];
    world.host.script = () => [{ status: { phase: 'Ready' }, apply }];
    world.cluster.latencyMs = () => 20;
    refuse(world, 3, away, '/configmaps');
    await contested(world);
    await world.pass(20_000);
    assert.equal(world.calls.length, 1);
    assert.ok(world.cluster.find('/api/v1/namespaces/shop/configmaps/conf'));
  });
});

describe('A result', () => {
  it('is written over what somebody else has written, and their change is sent once', async () => {
    const world = await stating();
    world.host.script = () => undefined;
    world.sources.lagMs = () => 500;
    world.cluster.create('web', { size: 1 });
    await world.pass(500);
    world.cluster.edit('web', { size: 2 });
    world.call.end({ status: { phase: 'Ready' } });
    world.host.script = () => [{ status: { phase: 'Ready' } }];
    await world.pass(60_000);
    assert.deepEqual(world.told, ['created web-1:101', 'updated web-1:102']);
    assert.deepEqual(world.call.data.object['spec'], { size: 2 });
    assert.deepEqual(world.cluster.object('web')?.['status'], { phase: 'Ready' });
  });

  it('that waits for the API server holds up no change, and gives way to that one’s result', async () => {
    const world = await stating();
    refuse(world, 1, away);
    world.host.script = ({ event }) => [{ status: { phase: `for ${event.generation}` } }];
    world.cluster.create('web', { size: 1 });
    await world.pass(10);
    world.cluster.edit('web', { size: 2 });
    await world.pass(10);
    assert.deepEqual(world.told, ['created web-1:101', 'updated web-1:102']);
    await world.pass(60_000);
    assert.deepEqual(world.cluster.object('web')?.['status'], { phase: 'for 2' });
    assert.equal(world.calls.length, 2);
  });

  it('that is being written again lets a call for the object wait for the answer', async () => {
    const world = await stating();
    refuse(world, 1, away);
    world.cluster.create('web', { size: 1 });
    await world.pass();
    world.cluster.latencyMs = () => 400;
    // The second try has been carried out, and its answer is on the way.
    await world.pass(900);
    world.cluster.edit('web', { size: 2 });
    await world.pass(10);
    assert.equal(world.calls.length, 1);
    await world.pass(10_000);
    assert.deepEqual(world.told, ['created web-1:101', 'updated web-1:103']);
    assert.deepEqual(world.call.data.object['spec'], { size: 2 });
  });

  it('that is being written again lets a call wait also where that has been built meanwhile', async () => {
    const world = await stating();
    refuse(world, 1, away);
    world.cluster.create('web', { size: 1 });
    await world.pass(300);
    // The object is read for the call; the second try is carried out meanwhile, and then comes an edit.
    world.cluster.latencyMs = () => 100;
    await world.edit({}, { redeliverAt: 'now' });
    await world.pass(190);
    world.cluster.edit('web', { size: 2 });
    await world.pass(10_000);
    assert.deepEqual(
      world.calls.map(({ data }) => data.object['spec']),
      [{ size: 1 }, { size: 2 }],
    );
  });

  it('does not bring back an object that has left the selection', async () => {
    const world = await stating({ spec: { watch: { labelSelector: 'team=a' } } });
    world.host.script = () => undefined;
    world.cluster.create('web', { size: 1 }, { team: 'a' });
    await world.pass();
    // The write meets a conflict, and reads a state that is newer than the leave, of which the watch tells meanwhile.
    world.cluster.latencyMs = () => 10;
    world.sources.lagMs = () => 40;
    world.call.end({ status: { phase: 'Ready' } });
    await world.pass();
    world.cluster.label('web', { team: 'b' });
    world.cluster.edit('web', { size: 2 });
    world.host.script = () => [{}];
    await world.pass(10_000);
    assert.deepEqual(
      world.calls.map(({ type, data }) => `${type} ${data.reason}`),
      ['created Watch', 'deleted LeftScope'],
    );
  });

  it('does not bring back an object that came and went while it was written', async () => {
    const world = await stating({ spec: { watch: { labelSelector: 'team=a' } } });
    world.cluster.latencyMs = () => 100;
    world.cluster.create('web', {}, { team: 'a' });
    await world.pass(10);
    world.cluster.label('web', { team: 'b' });
    world.cluster.label('web', { team: 'a' });
    await world.pass(10);
    world.remove('web');
    await world.pass(10_000);
    assert.deepEqual(world.told, ['created web-1:101', 'deleted web-1:deleted']);
  });
});
