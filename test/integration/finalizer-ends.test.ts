/** `finalizer: true` where much goes at once: the forwarder, or the whole namespace. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { startForwarder } from '../support/forwarder-process.ts';
import { type Bench, startBench } from '../support/widgets.ts';

const HELD = { finalizer: true, debounce: { quiet: '20ms', maxWait: '2s' } };

function count(bench: Bench, type: string): number {
  return bench.host.calls.filter((call) => call.type === type).length;
}

async function isGone(bench: Bench, kind: string, name: string): Promise<boolean> {
  const found = await bench.cluster.kubectl([
    'get',
    kind,
    name,
    ...(kind === 'namespace' ? [] : ['--namespace', bench.namespace]),
    '--ignore-not-found',
    '--output=name',
  ]);
  return found.trim() === '';
}

describe('An object that is held', () => {
  it('is told of as deleted by the next process, which remembers nothing of it', async (t) => {
    const bench = await startBench(t, { args: ['--checkpoint', 'memory'] });
    await bench.trigger({ spec: HELD });
    await bench.createMany(['one', 'two']);
    await eventually('both are created', () => count(bench, 'created') === 2);
    await bench.forwarder.stop('SIGKILL');
    const one = [`widgets.${bench.group}`, 'one', '--namespace', bench.namespace];
    await bench.cluster.kubectl(['delete', ...one, '--wait=false']);
    const { kubeconfigPath } = bench.cluster;
    await startForwarder(t, {
      kubeconfigPath,
      namespaces: [bench.namespace],
      args: ['--checkpoint', 'memory'],
    });
    await eventually('one is gone', () => isGone(bench, `widgets.${bench.group}`, 'one'));
    assert.deepEqual(
      bench.host.of('one').map(({ type }) => type),
      ['created', 'deleted'],
    );
  });

  it('is released where its trigger was deleted meanwhile, also outside the selection', async (t) => {
    const bench = await startBench(t, { args: ['--checkpoint', 'memory'] });
    await bench.trigger({ spec: HELD, watch: { labelSelector: { matchLabels: { team: 'a' } } } });
    await bench.widgets({ name: 'in', labels: { team: 'a' } }, { name: 'out', labels: { team: 'a' } });
    await eventually('both are created', () => count(bench, 'created') === 2);
    await bench.forwarder.stop('SIGKILL');
    await bench.patch('out', { metadata: { labels: { team: 'b' } } });
    const trigger = ['functiontrigger', 'widget', '--namespace', bench.namespace];
    await bench.cluster.kubectl(['delete', ...trigger, '--wait=false']);
    const { kubeconfigPath } = bench.cluster;
    await startForwarder(t, { kubeconfigPath, namespaces: [bench.namespace] });
    await eventually('the trigger is gone', () => isGone(bench, 'functiontrigger', 'widget'));
    for (const name of ['in', 'out']) {
      const { metadata } = await bench.get<{ metadata: { finalizers?: unknown } }>(
        `widgets.${bench.group}`,
        name,
      );
      assert.equal(metadata.finalizers, undefined, name);
    }
    assert.equal(bench.host.calls.length, 2);
  });

  it('is told of as deleted where its namespace goes, with fifty others', async (t) => {
    const bench = await startBench(t);
    await bench.trigger({ spec: HELD });
    const names = Array.from({ length: 50 }, (_, index) => `w-${index}`);
    await bench.createMany(names);
    await eventually('all are created', () => count(bench, 'created') === 50);
    await bench.cluster.kubectl(['delete', 'namespace', bench.namespace, '--wait=false']);
    await eventually('the namespace is gone', () => isGone(bench, 'namespace', bench.namespace), {
      withinMs: 60_000,
    });
    assert.equal(count(bench, 'deleted'), 50);
    assert.equal(new Set(bench.host.calls.map(({ id }) => id)).size, 100);
  });

  it('is released at the deadline where its namespace goes and nobody handles its deletion', async (t) => {
    const bench = await startBench(t);
    bench.host.answer = ({ type }) => ({ status: type === 'deleted' ? 500 : 204 });
    await bench.trigger({ spec: { ...HELD, finalizerDeadline: '3s' } });
    await bench.createMany(['one', 'two']);
    await eventually('both are created', () => count(bench, 'created') === 2);
    await bench.cluster.kubectl(['delete', 'namespace', bench.namespace, '--wait=false']);
    await eventually('both are given up', async () => {
      const labels = { reason: 'deadline' };
      const released = await bench.forwarder.metric('statewire_finalizers_released_total', labels);
      return released === 2 || (await isGone(bench, 'namespace', bench.namespace));
    });
    await eventually('the namespace is gone', () => isGone(bench, 'namespace', bench.namespace), {
      withinMs: 60_000,
    });
    const warnings = bench.forwarder.logs.filter(({ msg }) => msg.includes('within the deadline'));
    assert.equal(warnings.length, 2);
  });
});
