/** What a trigger says of itself. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually, quietFor } from '../support/eventually.ts';
import { useStage } from '../support/stage.ts';

const CONDITIONS = [
  'Accepted',
  'SourceSynced',
  'SufficientPermissions',
  'FilterHealthy',
  'TargetReachable',
  'StatusApplied',
  'Ready',
];

describe('The status of a trigger', () => {
  const stage = useStage();

  it('has all conditions at once, for the generation that runs, and counts within ten seconds', async (t) => {
    const scene = await stage.scene(t, {
      spec: { delivery: { maxAttempts: 1 } },
      answer: ({ key }) => ({ status: key.endsWith('poison') ? 400 : 204 }),
    });
    for (const name of ['one', 'two', 'poison']) await stage.create(name);
    await scene.becomes('Ready', 'True');
    const { status, metadata } = await eventually('the counts', async () => {
      const trigger = await stage.trigger(scene.name);
      return trigger.status?.objects?.watched === 3 && trigger.status.objects.deadLettered === 1
        ? trigger
        : undefined;
    });
    assert.deepEqual(status?.objects, { watched: 3, pending: 0, failing: 1, deadLettered: 1 });
    assert.deepEqual(
      status.conditions?.map(({ type, status: is }) => `${type} ${is}`),
      CONDITIONS.map((type) => `${type} True`),
    );
    for (const condition of status.conditions ?? []) {
      assert.match(condition.lastTransitionTime, /^\d{4}-.*Z$/);
      assert.notEqual(condition.reason, '');
    }
    assert.equal(status.observedGeneration, metadata.generation);
    assert.match(String(status.target), /^http /);

    const [head, row] = (
      await stage.bench.cluster.kubectl(['-n', stage.bench.namespace, 'get', 'ft', scene.name])
    ).split('\n');
    assert.match(String(head), /^NAME +KIND +TARGET +WATCHED +PENDING +FAILING +READY +AGE/);
    assert.match(String(row), new RegExp(`^${scene.name} +Widget +http .* 3 +0 +1 +True +`));
  });

  it('is not written while nothing changes, also after a restart of the forwarder', async (t) => {
    const scene = await stage.scene(t);
    await stage.create('one');
    await scene.calls('one', 1);
    await eventually(
      'the counts',
      async () => {
        const { status } = await stage.trigger(scene.name);
        return status?.objects?.watched === 1 && status.objects.pending === 0;
      },
      { withinMs: 15_000 },
    );
    const { metadata } = await stage.trigger(scene.name);
    await quietFor(1500);
    for (const size of [1, 2, 3]) {
      await stage.merge('one', { spec: { size } });
      await scene.calls('one', size + 1);
    }
    await quietFor(1500);
    assert.equal((await stage.trigger(scene.name)).metadata.resourceVersion, metadata.resourceVersion);
  });

  it('says of an edit that it is taken, and keeps the times of conditions that stay as they are', async (t) => {
    const scene = await stage.scene(t);
    const ready = await scene.becomes('Ready', 'True');
    await quietFor(1100);
    const { metadata } = await scene.apply({ spec: { suspend: true } });
    await scene.taken();
    await scene.becomes('Ready', 'True');
    const { status } = await stage.trigger(scene.name);
    assert.equal(status?.observedGeneration, metadata.generation);
    assert.equal((await scene.condition('Ready'))?.lastTransitionTime, ready.lastTransitionTime);
  });

  it('shows one bad trigger as bad, while the others go on', async (t) => {
    const good = await stage.scene(t);
    const bad = await stage.scene(t, { spec: { when: 'object.' }, wait: false });
    await bad.becomes('Accepted', 'False');
    assert.equal((await bad.condition('Ready'))?.status, 'False');
    await stage.create('one');
    await good.calls('one', 1);
    assert.equal(bad.host.calls.length, 0);
  });
});
