/** Audits on a real API server, of a watch that is in order and of one that withholds. */
import assert from 'node:assert/strict';
import { Transform } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { Discovery } from '../../forwarder/kube/discovery.ts';
import { HttpKubeClient } from '../../forwarder/kube/kube-client.ts';
import { loadAccess } from '../../forwarder/kube/load-access.ts';
import type { StreamPort } from '../../forwarder/kube/stream-port.ts';
import { StreamTransport } from '../../forwarder/kube/stream-transport.ts';
import { systemClock } from '../../forwarder/lib/clock.ts';
import { silentLogger } from '../../forwarder/lib/logger.ts';
import { systemRandom } from '../../forwarder/lib/random.ts';
import { SourceRegistry } from '../../forwarder/source/source-registry.ts';
import { applyYaml, sharedLocalCluster, testNamespace, uniqueGroup } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { connectApi } from '../support/kube-api.ts';
import { RecordingMeter } from '../support/recording-meter.ts';
import { RecordingSubscriber } from '../support/source-bench.ts';
import { widgetCrd } from '../support/widgets.ts';

interface Seen {
  readonly metadata: { readonly uid: string; readonly name: string; readonly resourceVersion: string };
}

interface Following {
  readonly subscriber: RecordingSubscriber;
  readonly audits: (result: string) => number;
  readonly repairs: (kind: string) => number;
  /** uid → resourceVersion, as told. */
  readonly state: () => Record<string, string>;
}

/** A kind in a namespace of its own, and what changes it. */
async function setUp(t: TestContext) {
  const cluster = await sharedLocalCluster();
  const namespace = await testNamespace(t);
  const group = uniqueGroup('audit');
  await applyYaml(JSON.stringify(widgetCrd(group)));
  t.after(async () => void (await cluster.kubectl(['delete', 'crd', `widgets.${group}`, '--wait=false'])));
  const api = connectApi(t, cluster);
  const root = `/apis/${group}/v1/namespaces/${namespace}/widgets`;
  const access = await loadAccess({
    kubeconfig: cluster.kubeconfigPath,
    clock: systemClock,
    logger: silentLogger,
  });

  return {
    create: (name: string) =>
      api.call('POST', root, {
        apiVersion: `${group}/v1`,
        kind: 'Widget',
        metadata: { name, labels: { app: 'x' } },
        spec: { size: 0 },
      }),
    edit: (name: string, size: number) => api.call('PATCH', `${root}/${name}`, { spec: { size } }),
    remove: (name: string) => api.call('DELETE', `${root}/${name}`),
    state: async (): Promise<Record<string, string>> => {
      const { items } = await api.call<{ readonly items: readonly Seen[] }>('GET', root);
      return Object.fromEntries(items.map(({ metadata }) => [metadata.uid, metadata.resourceVersion]));
    },
    /** @param withholds whether a line of a watch is lost */
    follow: (withholds: (line: string) => boolean = () => false): Following => {
      const transport = new StreamTransport({ access, clock: systemClock });
      const client = new HttpKubeClient({ access, clock: systemClock });
      const meter = new RecordingMeter();
      const sources = new SourceRegistry({
        connect: () => ({ transport: losing(transport, withholds), discovery: new Discovery(client) }),
        clock: systemClock,
        random: systemRandom,
        logger: silentLogger,
        meter,
        auditIntervalMs: 500,
      });
      const subscriber = new RecordingSubscriber();
      sources.subscribe(
        { apiVersion: `${group}/v1`, kind: 'Widget', namespace, labelSelector: 'app=x', identity: 'test' },
        subscriber,
      );
      t.after(async () => {
        await sources.stop();
        transport.close();
        await client[Symbol.asyncDispose]();
      });
      const source = `widgets.${group}/v1:${namespace}`;
      return {
        subscriber,
        audits: (result) => meter.value('statewire_audits_total', { source, result }) ?? 0,
        repairs: (kind) => meter.value('statewire_audit_repairs_total', { source, kind }) ?? 0,
        state: () => {
          const state: Record<string, string> = {};
          for (const { type, head } of subscriber.deltas) {
            if (type === 'Deleted') delete state[head.uid];
            else state[head.uid] = head.resourceVersion;
          }
          return state;
        },
      };
    },
  };
}

function losing(transport: StreamPort, withholds: (line: string) => boolean): StreamPort {
  return {
    async open(request) {
      const body = await transport.open(request);
      if (request.query['watch'] !== 'true') return body;
      let rest = '';
      const filter = new Transform({
        transform(chunk: Buffer, _encoding, done) {
          const lines = (rest + chunk.toString('utf8')).split('\n');
          rest = lines.pop() ?? '';
          done(null, lines.map((line) => (withholds(line) ? '\n' : `${line}\n`)).join(''));
        },
      });
      body.on('error', (error) => filter.destroy(error));
      filter.once('close', () => body.destroy());
      return body.pipe(filter);
    },
  };
}

describe('Audit on a real API server', () => {
  it('repairs nothing where the watch is in order, however fast objects change', async (t) => {
    const { create, edit, remove, state, follow } = await setUp(t);
    const names = Array.from({ length: 40 }, (_, i) => `w${i}`);
    await Promise.all(names.map(create));
    const following = follow();
    const { audits } = following;
    const over = new AbortController();
    let writes = 0;
    const churn = names.map(async (name) => {
      for (let round = 1; !over.signal.aborted; round++) {
        await edit(name, round);
        await remove(name);
        await create(name);
        writes += 3;
      }
    });
    await eventually('audits under churn', () => audits('clean') >= 4 && writes > 2000, {
      withinMs: 120_000,
    });
    over.abort();
    await Promise.all(churn);
    const before = audits('clean');
    await eventually('audits in peace', () => audits('clean') >= before + 2);
    for (const result of ['repaired', 'relisted', 'failed', 'abandoned'])
      assert.equal(audits(result), 0, result);
    assert.deepEqual(following.state(), await state());
    t.diagnostic(`${audits('clean')} audits, ${writes} writes`);
  });

  it('tells what the watch has withheld, and only that', async (t) => {
    const { create, edit, remove, state, follow } = await setUp(t);
    for (const name of ['a', 'b', 'c']) await create(name);
    let faulty = false;
    const following = follow((line) => faulty && /"name":"lost|"name":"[ab]"/.test(line));
    const { audits, repairs, subscriber } = following;
    await eventually('the list', () => subscriber.log.includes('synced'));
    faulty = true;
    await create('lost');
    await edit('a', 2);
    await remove('b');
    // The watch goes on, past what it has withheld; without that, bookmarks alone tell how far it has come.
    let size = 1;
    await eventually(
      'the repairs',
      async () => {
        await edit('c', ++size);
        return audits('repaired') >= 1;
      },
      { withinMs: 60_000 },
    );
    await eventually('an audit of that', () => audits('clean') >= 1, { withinMs: 90_000 });
    assert.deepEqual(
      ['added', 'updated', 'deleted'].map((kind) => repairs(kind)),
      [1, 1, 1],
    );
    assert.deepEqual(following.state(), await state());
    const { raw = '' } = subscriber.deltas.find(({ head }) => head.name === 'lost') ?? {};
    assert.equal((JSON.parse(raw) as { readonly kind: string }).kind, 'Widget');
  });
});
