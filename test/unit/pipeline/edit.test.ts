/** What an edit of the trigger does to its objects. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TargetError } from '../../../forwarder/lib/errors.ts';
import { PipelineWorld } from '../../support/pipeline-world.ts';

describe('An edited trigger', () => {
  it('tells the end of what its new selector leaves out', async () => {
    const world = await PipelineWorld.start();
    world.cluster.create('in', {}, { team: 'a' });
    world.cluster.create('out', {}, { team: 'b' });
    await world.pass();
    await world.edit({ watch: { labelSelector: 'team=a' } });
    await world.pass();
    assert.deepEqual(world.told, ['created in-1:g1', 'created out-2:g1', 'deleted out-2:left:102']);
    assert.equal(world.call.data.reason, 'LeftScope');
  });

  it('tells it also where another edit comes before the new list', async () => {
    const world = await PipelineWorld.start();
    world.cluster.create('out', {}, { team: 'b' });
    await world.pass();
    world.sources.lagMs = () => 100;
    await world.edit({ watch: { labelSelector: 'team=a' } });
    await world.edit({ debounce: { quietMs: 500 } });
    await world.pass(1000);
    assert.equal(world.call.data.reason, 'LeftScope');
  });

  it('tells the end of an object before the beginning of the next one under its name', async () => {
    const world = await PipelineWorld.start();
    world.cluster.create('web', {}, { team: 'a' });
    await world.pass();
    world.sources.lagMs = () => Infinity;
    world.remove('web');
    world.cluster.create('web', {}, { team: 'a' });
    await world.edit({ watch: { labelSelector: 'team=a' } });
    await world.pass();
    world.sources.flush();
    await world.pass();
    assert.deepEqual(world.told, ['created web-1:g1', 'deleted web-1:deleted', 'created web-2:103']);
  });

  it('never has more calls under way than its concurrency, those to the target before included', async () => {
    const world = await PipelineWorld.start({ spec: { delivery: { concurrency: 3 } } });
    world.host.script = () => undefined;
    for (const name of ['a', 'b', 'c', 'd']) world.cluster.create(name);
    await world.pass();
    const target = { type: 'http', url: 'https://two.example', headers: {} } as const;
    await world.edit({ target, delivery: { concurrency: 2 } });
    await world.pass();
    assert.equal(world.calls.length, 3);
    world.calls[0]?.end();
    await world.pass();
    assert.equal(world.calls.length, 3);
    world.calls[1]?.end();
    await world.pass();
    assert.deepEqual(world.calls.map(({ url, open }) => `${url} ${open}`).slice(2), [
      'https://one.example true',
      'https://two.example true',
    ]);
  });

  it('tries its new target at once with all that failed at the one before', async () => {
    const world = await PipelineWorld.start({
      spec: { delivery: { backoff: { initialMs: 60_000, maxMs: 60_000 } } },
    });
    const away = new TargetError('TARGET_UNREACHABLE', 'away', { blame: 'target', conclusive: true });
    world.host.script = ({ url }) => [url === 'https://one.example' ? away : {}];
    for (const name of ['a', 'b', 'c', 'd']) world.cluster.create(name);
    await world.pass();
    const before = world.calls.length;
    await world.edit({ target: { type: 'http', url: 'https://two.example', headers: {} } });
    await world.pass();
    assert.deepEqual(
      world.calls.slice(before).map(({ url, ok }) => `${url} ${ok}`),
      Array.from({ length: 4 }, () => 'https://two.example true'),
    );
  });

  it('is not told that its new target is away by calls to the one before', async () => {
    const world = await PipelineWorld.start();
    const away = new TargetError('TARGET_UNREACHABLE', 'away', { blame: 'target', conclusive: true });
    world.host.script = () => undefined;
    for (const name of ['a', 'b', 'c']) world.cluster.create(name);
    await world.pass();
    await world.edit({ target: { type: 'http', url: 'https://two.example', headers: {} } });
    world.host.script = () => [{}];
    for (const call of world.calls) call.end(away);
    await world.pass(10_000);
    assert.equal(world.condition('TargetReachable'), 'True');
    assert.deepEqual(
      world.calls.slice(3).map(({ url, ok }) => `${url} ${ok}`),
      Array.from({ length: 3 }, () => 'https://two.example true'),
    );
  });

  it('sends what waits to its new target, and lets the running call end as it began', async () => {
    const world = await PipelineWorld.start();
    world.host.script = () => undefined;
    world.cluster.create('web', { size: 1 });
    await world.pass();
    world.cluster.edit('web', { size: 2 });
    await world.edit({ target: { type: 'http', url: 'https://two.example', headers: {} } });
    await world.pass(1000);
    assert.deepEqual(
      world.calls.map(({ url, open }) => `${url} ${open}`),
      ['https://one.example true'],
    );
    world.call.end({ status: { phase: 'Ready' } });
    await world.pass();
    assert.deepEqual(world.cluster.object('web')?.['status'], { phase: 'Ready' });
    assert.equal(world.call.url, 'https://two.example');
    assert.equal(world.call.text, 'updated web-1:g2');
  });

  it('sends nothing while it is suspended, not even what was being built, and all afterwards', async () => {
    const world = await PipelineWorld.start();
    world.cluster.create('web', { size: 1 });
    await world.pass();
    world.cluster.latencyMs = () => 100;
    await world.edit({}, { redeliverAt: 'now' });
    await world.pass(10);
    await world.edit({ suspend: true });
    world.cluster.edit('web', { size: 2 });
    world.cluster.create('new');
    await world.pass(10_000);
    assert.equal(world.calls.length, 1);
    await world.edit({ suspend: false });
    await world.pass(10_000);
    assert.deepEqual(world.told.slice(1).toSorted(), ['created new-2:g1', 'updated web-1:g2']);
  });

  it('sends all once it is mended', async () => {
    const world = await PipelineWorld.start();
    world.cluster.create('web', { size: 1 });
    await world.pass();
    world.pipeline.halt('Invalid', 'spec.when: does not compile');
    world.cluster.edit('web', { size: 2 });
    await world.pass(10_000);
    assert.equal(world.calls.length, 1);
    assert.equal(world.condition('Accepted'), 'False Invalid');
    await world.edit({});
    await world.pass();
    assert.deepEqual(world.told, ['created web-1:g1', 'updated web-1:g2']);
  });

  it('lets no object wait for an end that it does not tell any more', async () => {
    const world = await PipelineWorld.start();
    world.cluster.create('web');
    await world.pass();
    await world.edit({ suspend: true });
    world.remove('web');
    world.cluster.create('web');
    await world.pass();
    await world.edit({ suspend: false, eventTypes: ['Created', 'Updated'] });
    await world.pass(2000);
    assert.deepEqual(world.told, ['created web-1:g1', 'created web-2:g1']);
    assert.deepEqual(world.counts, { watched: 1, pending: 0, failing: 0, deadLettered: 0 });
  });
});
