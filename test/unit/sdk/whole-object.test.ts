/** Events that only name their object (`dataref`): the handler gets the whole one all the same. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as z from 'zod';
import { ApiFailure } from '../../../functions/sdk/cluster/api-request.ts';
import { customResource } from '../../../functions/sdk/custom-resource.ts';
import { defineFunction, type HandlerContext } from '../../../functions/sdk/define-function.ts';
import {
  eventFor,
  type HostName,
  MemoryCluster,
  type TestFunctionOptions,
  testFunction,
} from '../../../functions/sdk/testing.ts';

const Widget = customResource({
  group: 'example.com',
  version: 'v1',
  kind: 'Widget',
  spec: z.object({ text: z.string() }),
});
const metadata = { name: 'web', namespace: 'demo', uid: 'uid-web', generation: 2 };
const sent = { metadata, spec: { text: 'as the forwarder saw it' } };
const named = {
  apiVersion: 'example.com/v1',
  kind: 'Widget',
  metadata: { name: 'web', namespace: 'demo', uid: 'uid-web' },
};

function clusterWith(stored: object = {}): MemoryCluster {
  const cluster = new MemoryCluster();
  cluster.add({ apiVersion: 'example.com/v1', kind: 'Widget', ...sent, spec: { text: 'now' }, ...stored });
  return cluster;
}

function spied(options: TestFunctionOptions) {
  const seen: HandlerContext<unknown>[] = [];
  const spy = (context: HandlerContext<unknown>): void => void seen.push(context);
  const fn = defineFunction(Widget, { created: spy, updated: spy, deleted: spy });
  return { seen, tested: testFunction(fn, options) };
}

const objectOf = (context: HandlerContext<unknown> | undefined): Record<string, unknown> =>
  (context?.object ?? assert.fail('no handler was called')) as Record<string, unknown>;

describe('an event with dataref', () => {
  it('brings the identity of its object and the API path', () => {
    const { dataref, subject, data } = eventFor(Widget, 'Updated', sent, { dataref: true });
    assert.equal(dataref, '/apis/example.com/v1/namespaces/demo/widgets/web');
    assert.equal(dataref, subject);
    assert.deepEqual(data.object, named);
  });

  for (const host of [undefined, 'lambda', 'http', 'openfaas', 'knative', 'azure', 'fetch'] as const) {
    it(`calls the handler on ${host ?? 'no host'} with the whole object, as it is now`, async () => {
      const how = host === undefined ? {} : { host: host satisfies HostName };
      const { seen, tested } = spied({ cluster: clusterWith(), ...how });
      const { result } = await tested.updated(sent, { dataref: true });
      assert.equal(result.error, undefined);
      assert.deepEqual(objectOf(seen[0])['spec'], { text: 'now' });
    });
  }

  it('calls it without what events never hold', async () => {
    const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': '{}', kept: 'yes' };
    const cluster = clusterWith({
      metadata: { ...metadata, annotations, managedFields: [{ manager: 'me' }] },
    });
    const { seen, tested } = spied({ cluster });
    await tested.created(sent, { dataref: true });
    const {
      resourceVersion: _,
      creationTimestamp: __,
      ...rest
    } = objectOf(seen[0])['metadata'] as object & {
      resourceVersion: string;
      creationTimestamp: string;
    };
    assert.deepEqual(rest, { ...metadata, annotations: { kept: 'yes' } });
  });

  it('lets patchStatus speak about the state that was read', async () => {
    const cluster = clusterWith({ metadata: { ...metadata, generation: 7 } });
    const fn = defineFunction(Widget, {
      updated: async ({ patchStatus }) => {
        const condition = { type: 'Ready', status: 'True', reason: 'Done' } as const;
        assert.equal(await patchStatus({ conditions: [condition] }), 'written');
      },
    });
    const { result } = await testFunction(fn, { cluster }).updated(sent, { dataref: true });
    assert.equal(result.error, undefined);
    const status = cluster.objects()[0]?.['status'] as { conditions: { observedGeneration: number }[] };
    assert.equal(status.conditions[0]?.observedGeneration, 7);
  });

  for (const [why, cluster] of [
    ['gone', new MemoryCluster()],
    ['another of that name', clusterWith({ metadata: { ...metadata, uid: 'uid-2' } })],
    ['being deleted', clusterWith({ metadata: { ...metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } })],
  ] as const) {
    it(`is done without a call where the object is ${why}: a later event tells of that`, async () => {
      const { seen, tested } = spied({ cluster });
      for (const type of ['created', 'updated'] as const) {
        const { result, logs } = await tested[type](sent, { dataref: true });
        assert.equal(result.error, undefined);
        assert.equal(logs.at(-1)?.['msg'], 'skipped: the object is gone, or going');
      }
      assert.deepEqual(seen, []);
    });
  }

  it('tells of a deletion with what there is: all of an object that is held, the identity of one that is gone', async () => {
    const held = spied({
      cluster: clusterWith({ metadata: { ...metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } }),
    });
    await held.tested.deleted(sent, { dataref: true });
    assert.deepEqual(objectOf(held.seen[0])['spec'], { text: 'now' });
    for (const cluster of [new MemoryCluster(), clusterWith({ metadata: { ...metadata, uid: 'uid-2' } })]) {
      const gone = spied({ cluster });
      await gone.tested.deleted(sent, { dataref: true });
      assert.deepEqual(objectOf(gone.seen[0]), { ...named, spec: undefined });
    }
  });

  it('fails for now, and says so, where the object may not be read', async () => {
    const cluster = new MemoryCluster();
    cluster.get = () =>
      Promise.reject(
        new ApiFailure(
          { method: 'GET', path: '/a' },
          { status: 403, body: { message: 'widgets is forbidden' } },
        ),
      );
    for (const type of ['created', 'updated', 'deleted'] as const) {
      const { seen, tested } = spied({ cluster });
      const { result } = await tested[type](sent, { dataref: true });
      assert.deepEqual(result.error, {
        message: 'the object is too large for the event and cannot be read: GET /a: 403 widgets is forbidden',
        retryable: true,
      });
      assert.deepEqual(seen, []);
    }
  });

  it('fails for now where the function has no access to the API server', async () => {
    const { tested } = spied({});
    const { result } = await tested.updated(sent, { dataref: true });
    assert.match(
      result.error?.message ?? '',
      /cannot be read: no access to the API server: .*payload\.token/,
    );
    assert.equal(result.error?.retryable, true);
  });

  it('is refused unread where it is about another kind', async () => {
    const cluster = new MemoryCluster();
    cluster.get = () => assert.fail('it was read');
    const { tested } = spied({ cluster });
    const event = eventFor({ ...Widget, kind: 'Gadget' }, 'Updated', sent, { dataref: true });
    const { result } = await tested.send(event);
    assert.deepEqual(result.error, {
      message: 'this function takes example.com/v1 Widget, not example.com/v1 Gadget',
      retryable: false,
    });
  });
});
