/** What the contract suite cannot ask of a real API server: time, several servers on one etcd, faults, controllers. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Readable } from 'node:stream';
import { ApiError } from '../../../forwarder/lib/errors.ts';
import {
  SimulatedApiServer,
  type SimulatedApiServerOptions,
} from '../../../local-cluster/simulated/api-server.ts';
import { DeploymentController } from '../../../local-cluster/simulated/deployment-controller.ts';
import { GarbageCollector } from '../../../local-cluster/simulated/garbage-collector.ts';
import { InProcessKube } from '../../../local-cluster/simulated/in-process.ts';
import { NamespaceController } from '../../../local-cluster/simulated/namespace-controller.ts';
import type { KubeRequest } from '../../../forwarder/model/kube-client.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const MAPS = '/api/v1/namespaces/shop/configmaps';

interface Loose {
  readonly type: string;
  readonly object: { readonly metadata: { readonly name?: string; readonly resourceVersion: string } };
}

/** Numbers that are the same in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function setUp(options: Partial<SimulatedApiServerOptions> = {}): {
  readonly clock: ManualClock;
  readonly api: SimulatedApiServer;
  readonly kube: InProcessKube;
} {
  const clock = new ManualClock();
  const api = new SimulatedApiServer({ clock, random: seeded(1), namespaces: ['shop'], ...options });
  return { clock, api, kube: new InProcessKube({ server: () => api, clock }) };
}

async function call(kube: InProcessKube, request: KubeRequest): Promise<unknown> {
  return JSON.parse((await kube.request(request)).text);
}

function make(kube: InProcessKube, name: string, metadata: object = {}): Promise<unknown> {
  return call(kube, {
    method: 'POST',
    path: MAPS,
    body: JSON.stringify({ metadata: { name, ...metadata } }),
  });
}

/** What a watch tells, as `TYPE name`. */
function told(body: Readable): string[] {
  const lines: string[] = [];
  body.on('data', (chunk: Buffer) => {
    for (const line of chunk.toString().trim().split('\n')) {
      const { type, object } = JSON.parse(line) as Loose;
      lines.push([type, object.metadata.name].filter((part) => part !== undefined).join(' '));
    }
  });
  body.on('error', () => lines.push('lost'));
  body.on('end', () => lines.push('end'));
  return lines;
}

async function watch(
  kube: InProcessKube,
  query: Readonly<Record<string, string>>,
  signal: AbortSignal = new AbortController().signal,
): Promise<string[]> {
  const all = { watch: 'true', ...query };
  return told(await kube.open({ path: MAPS, query: all, headTimeoutMs: 1000, signal }));
}

async function names(kube: InProcessKube, query: Readonly<Record<string, string>> = {}): Promise<string[]> {
  const { items } = (await call(kube, { method: 'GET', path: MAPS, query })) as {
    readonly items: readonly { readonly metadata: { readonly name: string } }[];
  };
  return items.map(({ metadata }) => metadata.name);
}

function code(wanted: string): (error: unknown) => boolean {
  return (error) => error instanceof ApiError && error.code === wanted;
}

describe('a simulated API server', () => {
  it('answers alike for the same clock and seed', async () => {
    const run = async (): Promise<unknown> => {
      const { kube, clock } = setUp();
      await make(kube, 'a');
      await clock.advance(5000);
      await make(kube, 'b');
      return call(kube, { method: 'GET', path: MAPS });
    };
    assert.deepEqual(await run(), await run());
  });

  it('sends a bookmark every minute, by its clock', async () => {
    const { kube, clock } = setUp();
    const lines = await watch(kube, { allowWatchBookmarks: 'true', resourceVersion: '4' });
    await clock.advance(59_000);
    assert.deepEqual(lines, []);
    await clock.advance(61_000);
    assert.deepEqual(lines, ['BOOKMARK', 'BOOKMARK']);
  });

  it('ends a watch when its time is over, by its clock', async () => {
    const { kube, clock, api } = setUp();
    const lines = await watch(kube, { resourceVersion: '4', timeoutSeconds: '300' });
    await clock.advance(299_000);
    assert.deepEqual([lines, api.watching], [[], 1]);
    await clock.advance(1000);
    assert.deepEqual([lines, api.watching], [['end'], 0]);
    assert.equal(clock.pending, 0);
  });

  it('forgets what is older than five to ten minutes', async () => {
    const { kube, clock, api } = setUp();
    for (let minute = 0; minute < 12; minute++) {
      await make(kube, `m-${minute}`);
      await clock.advance(60_000);
    }
    const from = (name: string): Promise<string[]> =>
      watch(kube, { resourceVersion: String(api.store.get('configmaps', `shop/${name}`)?.revision) });
    const [old, recent] = [await from('m-0'), await from('m-9')];
    await clock.advance(0);
    assert.deepEqual(
      [old, recent],
      [
        ['ERROR', 'end'],
        ['ADDED m-10', 'ADDED m-11'],
      ],
    );
  });

  it('leaves no timer and no watch behind when a watch is given up', async () => {
    const { kube, clock, api } = setUp();
    const stop = new AbortController();
    await watch(kube, { allowWatchBookmarks: 'true' }, stop.signal);
    stop.abort(new Error('enough'));
    await clock.advance(0);
    assert.deepEqual([api.watching, clock.pending], [0, 0]);
  });
});

describe('a stale API server', () => {
  it('tells its watches late, and lists what it knows to whoever allows old data', async () => {
    const { kube, clock, api } = setUp();
    const behind = new SimulatedApiServer({ clock, peer: api });
    const other = new InProcessKube({ server: () => behind, clock });
    behind.cache.lagMs = 5000;
    const lines = await watch(other, { resourceVersion: '4' });
    await make(kube, 'a');
    await clock.advance(4999);
    assert.deepEqual([lines, await names(other, { resourceVersion: '0' })], [[], []]);
    assert.deepEqual(await names(other), ['a'], 'a consistent list asks etcd');
    await clock.advance(1);
    assert.deepEqual([lines, await names(other, { resourceVersion: '0' })], [['ADDED a'], ['a']]);
  });

  it('begins a streaming list when it has caught up, or says within three seconds that it has not', async () => {
    const { clock, api, kube } = setUp();
    const query = {
      sendInitialEvents: 'true',
      resourceVersionMatch: 'NotOlderThan',
      allowWatchBookmarks: 'true',
    };
    api.cache.lagMs = 2000;
    await make(kube, 'a');
    const lines = await watch(kube, query);
    await clock.advance(1999);
    assert.deepEqual(lines, []);
    await clock.advance(1);
    assert.deepEqual(lines, ['ADDED a', 'BOOKMARK']);
    api.cache.lagMs = Infinity;
    await make(kube, 'b');
    const late = await watch(kube, query);
    await clock.advance(3000);
    assert.deepEqual(late, ['ERROR', 'end']);
    api.cache.lagMs = 0;
    await clock.advance(0);
    assert.deepEqual(lines, ['ADDED a', 'BOOKMARK', 'ADDED b']);
  });

  it('knows after a compaction what it still has to tell', async () => {
    const { clock, api, kube } = setUp();
    api.cache.lagMs = Infinity;
    const lines = await watch(kube, { resourceVersion: '4' });
    await make(kube, 'a');
    await make(kube, 'b');
    await call(kube, { method: 'DELETE', path: `${MAPS}/a` });
    api.store.compact();
    assert.deepEqual(await names(kube, { resourceVersion: '0' }), []);
    api.cache.lagMs = 0;
    await clock.advance(0);
    assert.deepEqual(lines, ['ADDED a', 'ADDED b', 'DELETED a']);
  });
});

describe('a fault', () => {
  it('of an answer that is lost leaves what the server did', async () => {
    const { kube, api } = setUp();
    api.fault = ({ method }) => (method === 'POST' ? { kind: 'lost-answer' } : undefined);
    await assert.rejects(make(kube, 'a'), code('API_UNAVAILABLE'));
    assert.deepEqual(await names(kube), ['a']);
  });

  it('of a request that is lost, or that nobody accepts, does nothing', async () => {
    const { kube, api } = setUp();
    for (const kind of ['lost-request', 'unreachable'] as const) {
      api.fault = ({ method }) => (method === 'POST' ? { kind } : undefined);
      await assert.rejects(make(kube, 'a'), code('API_UNAVAILABLE'));
    }
    api.fault = () => undefined;
    api.refusing = true;
    await assert.rejects(make(kube, 'a'), code('API_UNAVAILABLE'));
    api.refusing = false;
    assert.deepEqual(await names(kube), []);
  });

  it('of throttling says when to come again', async () => {
    const { kube, api } = setUp();
    api.fault = () => ({ kind: 'refuse', status: 429, retryAfterSeconds: 7 });
    await assert.rejects(
      make(kube, 'a'),
      (error) => code('API_THROTTLED')(error) && (error as ApiError).retryAfterMs === 7000,
    );
  });

  it('of silence ends with the patience of whoever asked', async () => {
    const { kube, api, clock } = setUp();
    api.fault = () => ({ kind: 'silence' });
    const asked = assert.rejects(
      call(kube, { method: 'GET', path: MAPS, timeoutMs: 400 }),
      code('API_UNAVAILABLE'),
    );
    await clock.advance(400);
    await asked;
  });

  it('of a cut hands on what came before it', async () => {
    const { kube, api, clock } = setUp();
    await make(kube, 'a');
    api.fault = () => ({ kind: 'cut', afterBytes: 10 });
    const signal = new AbortController().signal;
    const body = await kube.open({ path: MAPS, query: {}, headTimeoutMs: 1000, signal });
    const chunks: Buffer[] = [];
    const ends: string[] = [];
    body.on('data', (chunk: Buffer) => chunks.push(chunk));
    body.on('error', (error) => ends.push(error.message));
    body.on('end', () => ends.push('end'));
    await clock.advance(10);
    assert.deepEqual([Buffer.concat(chunks).length, ends], [10, ['connection lost']]);
  });

  for (const { how, ends } of [
    { how: 'end', ends: ['end'] },
    { how: 'lost', ends: ['lost'] },
    { how: 'stall', ends: [] },
  ] as const) {
    it(`of every watch: ${how}`, async () => {
      const { kube, api, clock } = setUp();
      const lines = await watch(kube, { resourceVersion: '4' });
      api.breakWatches(how);
      await make(kube, 'a');
      await clock.advance(0);
      assert.deepEqual(lines, ends);
    });
  }
});

describe('simulated controllers', () => {
  it('collect what has lost its last owner, and take the dead owner off the rest', async () => {
    const { kube, api, clock } = setUp();
    new GarbageCollector({ state: api.state, clock, delayMs: 100 }).start();
    const uidOf = async (name: string): Promise<object> => {
      const { metadata } = (await make(kube, name)) as { readonly metadata: { readonly uid: string } };
      return { apiVersion: 'v1', kind: 'ConfigMap', name, uid: metadata.uid };
    };
    const [one, two] = [await uidOf('one'), await uidOf('two')];
    await make(kube, 'child', { ownerReferences: [one] });
    await make(kube, 'shared', { ownerReferences: [one, two] });
    await call(kube, { method: 'DELETE', path: `${MAPS}/one` });
    assert.deepEqual(await names(kube), ['child', 'shared', 'two']);
    await clock.advance(100);
    assert.deepEqual(await names(kube), ['shared', 'two']);
    await make(kube, 'orphan', { ownerReferences: [one] });
    await call(kube, { method: 'DELETE', path: `${MAPS}/two` });
    await clock.advance(100);
    assert.deepEqual(await names(kube), []);
  });

  it('empty a namespace that goes, and wait for what holds on', async () => {
    const { kube, api, clock } = setUp();
    new NamespaceController({ state: api.state, clock, delayMs: 100 }).start();
    await make(kube, 'free');
    await make(kube, 'held', { finalizers: ['example.com/hold'] });
    await call(kube, { method: 'DELETE', path: '/api/v1/namespaces/shop' });
    await clock.advance(100);
    assert.deepEqual(await names(kube), ['held']);
    const body = JSON.stringify({ metadata: { finalizers: null } });
    const contentType = 'application/merge-patch+json';
    await call(kube, { method: 'PATCH', path: `${MAPS}/held`, body, contentType });
    await clock.advance(100);
    await assert.rejects(
      call(kube, { method: 'GET', path: '/api/v1/namespaces/shop' }),
      code('API_NOT_FOUND'),
    );
  });

  it('let a Deployment become available, and again after a change', async () => {
    const { kube, api, clock } = setUp();
    new DeploymentController({ state: api.state, clock, delayMs: 100 }).start();
    const path = '/apis/apps/v1/namespaces/shop/deployments';
    const available = async (): Promise<unknown> => {
      const { status } = (await call(kube, { method: 'GET', path: `${path}/web` })) as {
        readonly status?: { readonly availableReplicas: number; readonly observedGeneration: number };
      };
      return [status?.observedGeneration, status?.availableReplicas];
    };
    const spec = { replicas: 2, selector: {}, template: { spec: { containers: [] } } };
    await call(kube, { method: 'POST', path, body: JSON.stringify({ metadata: { name: 'web' }, spec }) });
    await clock.advance(100);
    assert.deepEqual(await available(), [1, 0]);
    await clock.advance(100);
    assert.deepEqual(await available(), [1, 2]);
    const body = JSON.stringify({ spec: { replicas: 3 } });
    const contentType = 'application/merge-patch+json';
    await call(kube, { method: 'PATCH', path: `${path}/web`, body, contentType });
    await clock.advance(200);
    assert.deepEqual(await available(), [2, 3]);
  });
});
