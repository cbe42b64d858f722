/** What a handler may rely on when it reads and writes: held by the real API server, and by the cluster in memory. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Cluster, KubernetesObject, Manifest, StatusSubject } from '@statewire/functions';

export interface ClusterUnderTest {
  readonly cluster: Cluster;
  /** Served as Widget: spec takes anything, conditions merge by type. */
  readonly apiVersion: string;
  readonly namespace: string;
  /** As somebody else does it. */
  readonly create: (object: Manifest) => Promise<KubernetesObject>;
}

export function functionClusterContract(name: string, start: () => Promise<ClusterUnderTest>): void {
  describe(`a cluster for handlers: ${name}`, async () => {
    const world = await start();
    const { cluster } = world;

    const ref = (widget: string) => ({
      apiVersion: world.apiVersion,
      kind: 'Widget',
      name: widget,
      namespace: world.namespace,
    });
    const manifest = (widget: string, rest: Readonly<Record<string, unknown>> = {}): Manifest => ({
      apiVersion: world.apiVersion,
      kind: 'Widget',
      metadata: { name: widget, namespace: world.namespace },
      ...rest,
    });
    const make = (widget: string): Promise<KubernetesObject> =>
      world.create(manifest(widget, { spec: { size: 1 } }));
    const statusOf = async (widget: string): Promise<Record<string, unknown>> =>
      ((await cluster.get(ref(widget)))?.['status'] ?? {}) as Record<string, unknown>;
    const ready = (status: 'True' | 'False', message = '') =>
      ({ type: 'Ready', status, reason: 'Tried', message }) as const;

    it('gets an object, and undefined where there is none', async () => {
      const { metadata } = await make('got');
      assert.equal((await cluster.get(ref('got')))?.metadata.uid, metadata.uid);
      assert.equal(await cluster.get(ref('none')), undefined);
    });

    it('lists by namespace and labels, each item with its kind', async () => {
      const labels = (team: string) => ({
        name: `listed-${team}`,
        namespace: world.namespace,
        labels: { team },
      });
      for (const team of ['a', 'b', 'c']) await world.create({ ...manifest(''), metadata: labels(team) });
      const names = async (labelSelector: string) =>
        (await cluster.list({ ...ref(''), labelSelector })).map(
          ({ kind, metadata }) => `${kind} ${metadata.name}`,
        );
      assert.deepEqual(await names('team=a'), ['Widget listed-a']);
      assert.deepEqual(await names('team in (a,b), team!=a'), ['Widget listed-b']);
      assert.deepEqual(await names('team,team notin (a, b)'), ['Widget listed-c']);
      assert.deepEqual(
        (await names('!team')).filter((one) => one.includes('listed')),
        [],
      );
      assert.deepEqual(await cluster.list({ ...ref(''), namespace: 'no-such-namespace' }), []);
    });

    it('applies: makes, changes, removes what is left out, and leaves what others have', async () => {
      const made = await cluster.apply(manifest('applied', { spec: { size: 1, color: 'red' } }));
      assert.equal(made.metadata.generation, 1);
      await make('shared');
      await cluster.apply(manifest('shared', { spec: { color: 'red', shape: 'round' } }));
      const changed = await cluster.apply(manifest('shared', { spec: { color: 'blue' } }));
      assert.deepEqual(changed['spec'], { size: 1, color: 'blue' });
    });

    it('changes no version where nothing changes, and the generation with the spec alone', async () => {
      const first = await cluster.apply(manifest('same', { spec: { size: 1 } }));
      const second = await cluster.apply(manifest('same', { spec: { size: 1 } }));
      assert.equal(second.metadata.resourceVersion, first.metadata.resourceVersion);
      await cluster.patchStatus(first, { status: { phase: 'On' } });
      assert.equal((await cluster.get(ref('same')))?.metadata.generation, 1);
      const third = await cluster.apply(manifest('same', { spec: { size: 2 } }));
      assert.equal(third.metadata.generation, 2);
    });

    it('deletes, and minds no second time', async () => {
      await make('deleted');
      await cluster.delete(ref('deleted'));
      assert.equal(await cluster.get(ref('deleted')), undefined);
      await cluster.delete(ref('deleted'));
    });

    it('states a status: what is left out the next time goes', async () => {
      const object = await make('stated');
      assert.equal(await cluster.patchStatus(object, { status: { phase: 'On', count: 1 } }), 'written');
      assert.equal(await cluster.patchStatus(object, { status: { phase: 'On' } }), 'written');
      assert.deepEqual(await statusOf('stated'), { phase: 'On' });
      assert.equal(await cluster.patchStatus(object, { status: { phase: 'On' } }), 'unchanged');
      await cluster.patchStatus(object, {});
      assert.deepEqual(await statusOf('stated'), {});
    });

    it('completes conditions: their time changes with their status only', async () => {
      const object = await make('timed');
      const first = await condition(object, ready('False'));
      assert.equal(first['observedGeneration'], 1);
      assert.match(String(first['lastTransitionTime']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      const second = await condition(object, ready('False', 'still'));
      assert.deepEqual(second, { ...first, message: 'still' });
    });

    async function condition(object: StatusSubject, value: ReturnType<typeof ready>) {
      await cluster.patchStatus(object, { conditions: [value] });
      const { conditions } = await statusOf(object.metadata.name);
      return (conditions as Record<string, unknown>[])[0] ?? {};
    }

    it('keeps the parts apart that several functions state', async () => {
      const object = await make('parts');
      const types = async () =>
        ((await statusOf('parts'))['conditions'] as { type: string }[]).map(({ type }) => type);
      await Promise.all(
        ['User', 'Billing'].map((type) =>
          cluster.patchStatus(
            object,
            { conditions: [{ ...ready('True'), type }] },
            { part: type.toLowerCase() },
          ),
        ),
      );
      assert.deepEqual((await types()).toSorted(), ['Billing', 'User']);
      await cluster.patchStatus(object, {}, { part: 'user' });
      assert.deepEqual(await types(), ['Billing']);
    });

    it('never writes about an object that was made anew under the name, or is gone', async () => {
      const old = await make('anew');
      await cluster.delete(ref('anew'));
      assert.equal(await cluster.patchStatus(old, { status: { phase: 'On' } }), 'gone');
      await make('anew');
      assert.equal(await cluster.patchStatus(old, { status: { phase: 'On' } }), 'gone');
      assert.deepEqual(await statusOf('anew'), {});
    });

    it('leaves a condition that is about a newer generation', async () => {
      const old = await make('newer');
      const grown = await world.create(manifest('newer', { spec: { size: 2 } }));
      assert.equal(grown.metadata.generation, 2);
      await cluster.patchStatus(grown, { conditions: [ready('True')] });
      assert.equal(await cluster.patchStatus(old, { conditions: [ready('False')] }), 'older');
    });
  });
}
