/** Sources on a real API server of their own, because its server is killed and its store compacted. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../forwarder/lib/clock.ts';
import { silentLogger } from '../../forwarder/lib/logger.ts';
import { systemRandom } from '../../forwarder/lib/random.ts';
import type { Delta } from '../../forwarder/model/delta.ts';
import { type Meter, noMeter } from '../../forwarder/model/metrics.ts';
import { Discovery } from '../../forwarder/kube/discovery.ts';
import type { KubeAccess } from '../../forwarder/kube/kube-access.ts';
import { HttpKubeClient } from '../../forwarder/kube/kube-client.ts';
import { loadAccess } from '../../forwarder/kube/load-access.ts';
import { StreamTransport } from '../../forwarder/kube/stream-transport.ts';
import { SourceRegistry } from '../../forwarder/source/source-registry.ts';
import type { SourceKey } from '../../forwarder/source/source-key.ts';
import type { SourceSubscriber } from '../../forwarder/source/source-subscriber.ts';
import { type LocalCluster, startLocalCluster } from '../../local-cluster/start.ts';

const WAIT_MS = 30_000;

let cluster: LocalCluster;
let access: KubeAccess;
let client: HttpKubeClient;

before(async () => {
  cluster = await startLocalCluster({ components: 'api' });
  access = await loadAccess({ kubeconfig: cluster.kubeconfigPath, clock: systemClock, logger: silentLogger });
  client = new HttpKubeClient({ access, clock: systemClock });
});

after(async () => {
  await client[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
});

function crd(plural: string, kind: string, scope = 'Namespaced'): object {
  const any = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  const openAPIV3Schema = { type: 'object', properties: { spec: any, status: any } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.reflector.test` },
    spec: {
      group: 'reflector.test',
      scope,
      names: { plural, singular: kind.toLowerCase(), kind, listKind: `${kind}List` },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          subresources: { status: {} },
          schema: { openAPIV3Schema },
        },
      ],
    },
  };
}

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

async function eventually(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const endMs = Date.now() + WAIT_MS; Date.now() < endMs; await sleep(20)) if (await holds()) return;
  assert.fail(`never came: ${what}`);
}

async function install(plural: string, kind: string): Promise<void> {
  await client.request({ method: 'POST', path: CRDS, body: JSON.stringify(crd(plural, kind)) });
  await eventually(`${plural} served`, async () => {
    const { text } = await client.request({ method: 'GET', path: '/apis' });
    return text.includes('reflector.test') && (await served(plural));
  });
}

async function served(plural: string): Promise<boolean> {
  const path = `/apis/reflector.test/v1/${plural}`;
  return client.request({ method: 'GET', path }).then(
    () => true,
    () => false,
  );
}

/** Keeps what a source tells. */
class Follower implements SourceSubscriber {
  readonly deltas: Delta[] = [];
  readonly log: string[] = [];
  readonly #objects = new Map<string, string>();

  resolved({ plural }: { readonly plural: string }): void {
    this.log.push(`resolved ${plural}`);
  }
  delta(delta: Delta): void {
    this.deltas.push(delta);
    this.log.push(`${delta.type} ${delta.head.name}`);
    if (delta.type === 'Deleted') this.#objects.delete(delta.head.uid);
    else this.#objects.set(delta.head.uid, delta.head.name);
  }
  synced(): void {
    this.log.push('synced');
  }
  health({ state }: { readonly state: string }): void {
    this.log.push(state);
  }

  /** Names of what exists, as far as it was told. */
  get names(): string {
    return [...this.#objects.values()].sort().join();
  }

  async has(line: string, times = 1): Promise<void> {
    const seen = (): number => this.log.filter((entry) => entry === line).length;
    await eventually(`${times} × ${line} in ${this.log.join(', ')}`, () => seen() >= times);
  }
}

interface Following {
  readonly follower: Follower;
  /** Reasons of the lists made. */
  readonly relists: readonly string[];
  /** One more on the same sources. */
  readonly join: () => Follower;
}

/** Follows a kind with sources of its own, gone with the test. */
function follow(
  t: { after(action: () => Promise<void>): void },
  key: Partial<SourceKey> & { readonly kind: string },
  as: KubeAccess = access,
): Following {
  const relists: string[] = [];
  const meter: Meter = {
    ...noMeter,
    count: (name, labels) => {
      if (name === 'statewire_relists_total') relists.push(labels['reason'] ?? '');
    },
  };
  const transport = new StreamTransport({ access: as, clock: systemClock });
  const own = new HttpKubeClient({ access: as, clock: systemClock });
  const sources = new SourceRegistry({
    connect: () => ({ transport, discovery: new Discovery(own) }),
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    meter,
  });
  const join = (): Follower => {
    const follower = new Follower();
    sources.subscribe({ apiVersion: 'reflector.test/v1', identity: 'test', ...key }, follower);
    return follower;
  };
  t.after(async () => {
    await sources.stop();
    transport.close();
    await own[Symbol.asyncDispose]();
  });
  return { follower: join(), relists, join };
}

interface Item {
  readonly create: (name: string, labels?: Record<string, string>) => Promise<void>;
  readonly remove: (name: string) => Promise<void>;
  readonly patch: (name: string, body: object) => Promise<void>;
}

function items(plural: string, kind: string): Item {
  const root = `/apis/reflector.test/v1/namespaces/default/${plural}`;
  return {
    async create(name, labels = {}) {
      const body = {
        apiVersion: 'reflector.test/v1',
        kind,
        metadata: { name, labels },
        spec: { text: 'ü{"' },
      };
      await client.request({ method: 'POST', path: root, body: JSON.stringify(body) });
    },
    async remove(name) {
      await client.request({ method: 'DELETE', path: `${root}/${name}` });
    },
    async patch(name, body) {
      const contentType = 'application/merge-patch+json';
      await client.request({
        method: 'PATCH',
        path: `${root}/${name}`,
        body: JSON.stringify(body),
        contentType,
      });
    },
  };
}

describe('Source on a real API server', () => {
  it('lists, watches, and tells each change with the bytes of the object', async (t) => {
    await install('apples', 'Apple');
    const apples = items('apples', 'Apple');
    await apples.create('a');
    const { follower, relists } = follow(t, { kind: 'Apple' });
    await follower.has('synced');
    await apples.create('b');
    await apples.patch('b', { spec: { n: 1 } });
    await apples.remove('a');
    await follower.has('Deleted a');
    assert.deepEqual(
      follower.deltas.map(({ type, head }) => `${type} ${head.name} ${head.generation}`),
      ['Listed a 1', 'Added b 1', 'Modified b 2', 'Deleted a 1'],
    );
    for (const { raw, head } of follower.deltas) {
      const object = JSON.parse(raw ?? '');
      assert.equal(object.kind, 'Apple');
      assert.equal(object.metadata.resourceVersion, head.resourceVersion);
      assert.equal(object.spec.text, 'ü{"');
    }
    assert.deepEqual(relists, ['start']);
  });

  it('tells an object that leaves the selector as deleted, and one that enters it as added', async (t) => {
    await install('pears', 'Pear');
    const pears = items('pears', 'Pear');
    await pears.create('a', { keep: 'yes' });
    await pears.create('b');
    const { follower } = follow(t, { kind: 'Pear', namespace: 'default', labelSelector: 'keep=yes' });
    await follower.has('synced');
    await pears.patch('a', { metadata: { labels: { keep: 'no' } } });
    await pears.patch('b', { metadata: { labels: { keep: 'yes' } } });
    await follower.has('Added b');
    assert.deepEqual(
      follower.deltas.map(({ type, head }) => `${type} ${head.name}`),
      ['Listed a', 'Deleted a', 'Added b'],
    );
  });

  it('tells a name that is deleted and made again as two objects', async (t) => {
    await install('plums', 'Plum');
    const plums = items('plums', 'Plum');
    await plums.create('a');
    const { follower } = follow(t, { kind: 'Plum' });
    await follower.has('synced');
    await plums.remove('a');
    await plums.create('a');
    await follower.has('Added a');
    assert.deepEqual(
      follower.deltas.map(({ type }) => type),
      ['Listed', 'Deleted', 'Added'],
    );
    assert.notEqual(follower.deltas[1]?.head.uid, follower.deltas[2]?.head.uid);
  });

  it('follows a kind that is installed later, removed and installed again', async (t) => {
    const { follower } = follow(t, { kind: 'Fig' });
    await follower.has('ResourceNotFound');
    await install('figs', 'Fig');
    await follower.has('synced');
    const figs = items('figs', 'Fig');
    await figs.create('a');
    await follower.has('Added a');
    await client.request({ method: 'DELETE', path: `${CRDS}/figs.reflector.test` });
    await follower.has('ResourceNotFound', 2);
    await eventually('figs gone', async () => !(await served('figs')));
    await install('figs', 'Fig');
    await follower.has('synced', 2);
    await figs.create('b');
    await follower.has('Added b');
    assert.equal(follower.names, 'b');
    assert.deepEqual(
      follower.log.filter((line) => line === 'Deleted a'),
      ['Deleted a'],
    );
  });

  it('lists thousands of built-in objects in pages, with apiVersion and kind in each', async (t) => {
    const path = '/api/v1/namespaces/default/configmaps';
    const created = Array.from({ length: 1200 }, (_, i) => `many-${i}`);
    for (let at = 0; at < created.length; at += 100) {
      await Promise.all(
        created.slice(at, at + 100).map((name) => {
          return client.request({ method: 'POST', path, body: JSON.stringify({ metadata: { name } }) });
        }),
      );
    }
    const { follower, join, relists } = follow(t, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      namespace: 'default',
    });
    await follower.has('synced');
    const late = join();
    await late.has('synced');
    assert.deepEqual(relists, ['start', 'subscriber']);
    // One came by a streaming list, the other in pages, whose items carry neither apiVersion nor kind.
    const parsed = ({ deltas }: Follower): Map<unknown, unknown> =>
      new Map(deltas.map(({ head, raw }) => [head.uid, JSON.parse(raw ?? '')]));
    assert.equal(late.deltas.length, 1200);
    assert.deepEqual(parsed(late), parsed(follower));
  });

  it('misses nothing while the API server restarts', async (t) => {
    await install('limes', 'Lime');
    const limes = items('limes', 'Lime');
    await limes.create('a');
    const { follower, relists } = follow(t, { kind: 'Lime' });
    await follower.has('synced');
    await limes.create('b');
    await follower.has('Added b');
    await cluster.apiServer(0).restart();
    await eventually('limes served', () => served('limes'));
    await limes.remove('a');
    await limes.create('c');
    await eventually('the new state', () => follower.names === 'b,c');
    await follower.has('Deleted a');
    assert.ok(relists.length <= 2, `lists: ${relists.join()}`);
  });

  it('lists again after compaction, and tells what was deleted meanwhile', async (t) => {
    await install('kiwis', 'Kiwi');
    const kiwis = items('kiwis', 'Kiwi');
    await kiwis.create('a');
    await kiwis.create('b');
    let gate = Promise.resolve();
    const gated: KubeAccess = { ...access, headers: () => gate.then(() => access.headers()) };
    const { follower } = follow(t, { kind: 'Kiwi' }, gated);
    await follower.has('synced');
    // The source is kept away from the server, whose restart ends its watch.
    const { promise, resolve } = Promise.withResolvers<void>();
    gate = promise;
    await cluster.apiServer(0).restart();
    await eventually('kiwis served', () => served('kiwis'));
    await kiwis.remove('a');
    await cluster.compactEtcd();
    await cluster.apiServer(0).restart();
    resolve();
    await follower.has('Deleted a');
    assert.equal(follower.names, 'b');
    assert.deepEqual(
      follower.deltas.map(
        ({ type, head, raw }) => `${type} ${head.name} ${raw === undefined ? 'unseen' : 'seen'}`,
      ),
      ['Listed a seen', 'Listed b seen', 'Listed b seen', 'Deleted a unseen'],
    );
  });

  it('takes a rotated token from its file after the old one is refused', async (t) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'statewire-token-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const token = path.join(folder, 'token');
    writeFileSync(token, 'not-a-token');
    const file = path.join(folder, 'kubeconfig');
    writeFileSync(path.join(folder, 'ca.pem'), cluster.caPem);
    const config = {
      'current-context': 'c',
      clusters: [{ name: 'c', cluster: { server: cluster.server, 'certificate-authority': 'ca.pem' } }],
      users: [{ name: 'u', user: { tokenFile: 'token' } }],
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    };
    writeFileSync(file, JSON.stringify(config));
    const rotating = await loadAccess({ kubeconfig: file, clock: systemClock, logger: silentLogger });
    await using own = new HttpKubeClient({ access: rotating, clock: systemClock });
    await assert.rejects(own.request({ method: 'GET', path: '/apis' }), { code: 'API_UNAUTHORIZED' });
    writeFileSync(token, cluster.token);
    assert.equal((await own.request({ method: 'GET', path: '/apis' })).status, 200);
  });
});
