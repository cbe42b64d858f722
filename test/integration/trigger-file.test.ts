/** Triggers from a file, in a cluster that knows nothing of us. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { KubeObject } from '../../forwarder/model/kube-object.ts';
import { type LocalCluster, startLocalCluster } from '../../local-cluster/start.ts';
import { applyYaml, testNamespace } from '../support/cluster.ts';
import { eventually, quietFor } from '../support/eventually.ts';
import { startForwarder } from '../support/forwarder-process.ts';
import { startFunction } from '../support/function-host.ts';
import { KubeApi } from '../support/kube-api.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { widgetCrd } from '../support/widgets.ts';

const GROUP = 'file.statewire.test';

describe('With --triggers FILE', () => {
  let cluster: LocalCluster;
  let api: KubeApi;

  before(async () => {
    cluster = await startLocalCluster({ components: 'api' });
    api = new KubeApi(cluster);
    await applyYaml(JSON.stringify(widgetCrd(GROUP)), undefined, cluster);
  });
  after(async () => {
    await api.close();
    await cluster.stop();
  });

  it('the forwarder needs no CRD of ours, follows the file, and takes nothing away for a mistake in it', async (t) => {
    const namespace = await testNamespace(t, cluster);
    const one = await startFunction(t);
    const two = await startFunction(t);
    await using folder = await temporaryFolder();
    const file = path.join(folder.path, 'triggers.yaml');
    const trigger = (name: string, url: string, rest: object = {}): string =>
      JSON.stringify({
        apiVersion: 'statewire.dev/v1alpha1',
        kind: 'FunctionTrigger',
        metadata: { name, namespace },
        spec: { watch: { apiVersion: `${GROUP}/v1`, kind: 'Widget' }, target: { http: { url } }, ...rest },
      });
    const write = (...documents: string[]): Promise<void> => writeFile(file, documents.join('\n---\n'));
    const widgets = `/apis/${GROUP}/v1/namespaces/${namespace}/widgets`;
    const widget = (name: string): object => ({
      apiVersion: `${GROUP}/v1`,
      kind: 'Widget',
      metadata: { name },
      spec: { size: 1 },
    });

    const found = await api.send('GET', '/apis/statewire.dev/v1alpha1');
    assert.equal(found.status, 404);
    await write(trigger('one', one.url));
    const forwarder = await startForwarder(t, {
      kubeconfigPath: cluster.kubeconfigPath,
      args: ['--triggers', file],
    });
    await api.call('POST', widgets, widget('first'));
    await eventually('created', () => one.calls.length === 1);
    assert.equal(one.calls[0]?.headers['ce-trigger'], `${namespace}/one`);

    await write(trigger('one', one.url), trigger('two', two.url));
    await eventually('the second trigger runs', () => two.calls.length === 1);

    const mistakes = (): number =>
      forwarder.logs.filter(({ msg }) => msg === 'trigger file has a mistake').length;
    const broken = [
      ['{ this is: [no YAML'],
      [trigger('one', one.url), '{"kind": "Something"}'],
      [trigger('one', one.url), 'apiVersion: statewire.dev/v1alpha1\nkind: FunctionTrigger'],
    ];
    for (const [index, documents] of broken.entries()) {
      await write(...documents);
      await eventually('the mistake is told', () => mistakes() === index + 1);
    }
    await write(trigger('one', one.url), trigger('two', two.url, { changes: ['Nonsense'] }));
    await eventually('the refusal is told', () =>
      forwarder.logs.some(({ msg }) => msg === 'trigger refused'),
    );
    await api.call('PATCH', `${widgets}/first`, { spec: { size: 2 } });
    await eventually('the sound one goes on', () => one.calls.length === 2);
    await write(trigger('one', one.url), trigger('two', two.url));
    await eventually('the mended one goes on', () => two.calls.length === 2);
    await quietFor(300);
    assert.deepEqual(
      two.calls.map(({ type }) => type),
      ['created', 'updated'],
    );

    await write(trigger('two', two.url));
    await eventually('the first trigger is gone', async () => {
      const text = await (await forwarder.get('/metrics')).text();
      return !text.includes(`${namespace}/one`);
    });
    await api.call('PATCH', `${widgets}/first`, { spec: { size: 3 } });
    await eventually('the second goes on', () => two.calls.length === 3);
    assert.equal(one.calls.length, 2);
    assert.equal(await forwarder.stop(), 0);
  });

  it('the forwarder is ready although a kind does not exist, or there is no trigger', async (t) => {
    const namespace = await testNamespace(t, cluster);
    await using folder = await temporaryFolder();
    const watch = { apiVersion: 'nowhere.statewire.test/v1', kind: 'Nothing' };
    const missing = {
      apiVersion: 'statewire.dev/v1alpha1',
      kind: 'FunctionTrigger',
      metadata: { name: 'missing', namespace },
      spec: { watch, target: { http: { url: 'http://127.0.0.1:1' } } },
    };
    for (const [name, text] of [
      ['missing', JSON.stringify(missing)],
      ['none', ''],
    ] as const) {
      const file = path.join(folder.path, `${name}.yaml`);
      await writeFile(file, text);
      const forwarder = await startForwarder(t, {
        kubeconfigPath: cluster.kubeconfigPath,
        args: ['--triggers', file],
      });
      assert.equal(await forwarder.stop(), 0);
    }
  });

  it('dead letters live in memory, of which one warning tells, until their kind is installed', async (t) => {
    const namespace = await testNamespace(t, cluster);
    await using folder = await temporaryFolder();
    const file = path.join(folder.path, 'triggers.yaml');
    const host = await startFunction(t);
    host.answer = () => ({ status: 400 });
    const watch = { apiVersion: `${GROUP}/v1`, kind: 'Widget' };
    const trigger = (name: string): string =>
      JSON.stringify({
        apiVersion: 'statewire.dev/v1alpha1',
        kind: 'FunctionTrigger',
        metadata: { name, namespace },
        spec: { watch, target: { http: { url: host.url } } },
      });
    await writeFile(file, ['one', 'two'].map(trigger).join('\n---\n'));
    const args = ['--triggers', file];
    const forwarder = await startForwarder(t, { kubeconfigPath: cluster.kubeconfigPath, args });
    const widget = { apiVersion: watch.apiVersion, kind: 'Widget', metadata: { name: 'bad' }, spec: {} };
    await api.call('POST', `/apis/${GROUP}/v1/namespaces/${namespace}/widgets`, widget);
    const dead = (): Promise<number> => forwarder.metric('statewire_dead_letters');
    await eventually('both triggers have given it up', async () => (await dead()) === 2);
    await quietFor(300);
    const told = forwarder.logs.filter(({ error = '' }) => /deadletter/i.test(error));
    assert.deepEqual(
      told.map(({ level, msg }) => [level, msg]),
      [['warn', 'dead letters are kept in memory only']],
    );

    await applyYaml(readFileSync('deploy/crds/deadletter.yaml', 'utf8'), undefined, cluster);
    const letters = `/apis/statewire.dev/v1alpha1/namespaces/${namespace}/deadletters`;
    const { items } = await eventually(
      'they are written',
      async () => {
        const list = await api.call<{ readonly items: readonly KubeObject[] }>('GET', letters);
        return list.items.length === 2 ? list : undefined;
      },
      { withinMs: 60_000 },
    );
    assert.deepEqual(
      items.map(({ metadata }) => metadata.ownerReferences),
      [undefined, undefined],
    );
    await writeFile(file, trigger('two'));
    await eventually('that of a trigger which is gone goes', async () => {
      const list = await api.call<{ readonly items: readonly KubeObject[] }>('GET', letters);
      return list.items.length === 1 && list.items[0]?.metadata.name.startsWith('two-');
    });
    assert.equal(await forwarder.stop(), 0);
  });
});
