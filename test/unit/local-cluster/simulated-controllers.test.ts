import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DeploymentController } from '../../../local-cluster/simulated/deployment-controller.ts';
import { GarbageCollector } from '../../../local-cluster/simulated/garbage-collector.ts';
import { NamespaceController } from '../../../local-cluster/simulated/namespace-controller.ts';
import { callKube, makeMap, mapNames, MAPS, simulate, withCode } from '../../support/simulated-kube.ts';

describe('simulated controllers', () => {
  it('collect what has lost its last owner, and take the dead owner off the rest', async () => {
    const { kube, api, clock } = simulate();
    new GarbageCollector({ state: api.state, clock, delayMs: 100 }).start();
    const uidOf = async (name: string): Promise<object> => {
      const { metadata } = (await makeMap(kube, name)) as { readonly metadata: { readonly uid: string } };
      return { apiVersion: 'v1', kind: 'ConfigMap', name, uid: metadata.uid };
    };
    const [one, two] = [await uidOf('one'), await uidOf('two')];
    await makeMap(kube, 'child', { ownerReferences: [one] });
    await makeMap(kube, 'shared', { ownerReferences: [one, two] });
    await callKube(kube, { method: 'DELETE', path: `${MAPS}/one` });
    assert.deepEqual(await mapNames(kube), ['child', 'shared', 'two']);
    await clock.advance(100);
    assert.deepEqual(await mapNames(kube), ['shared', 'two']);
    await makeMap(kube, 'orphan', { ownerReferences: [one] });
    await callKube(kube, { method: 'DELETE', path: `${MAPS}/two` });
    await clock.advance(100);
    assert.deepEqual(await mapNames(kube), []);
  });

  it('empty a namespace that goes, and wait for what holds on', async () => {
    const { kube, api, clock } = simulate();
    new NamespaceController({ state: api.state, clock, delayMs: 100 }).start();
    await makeMap(kube, 'free');
    await makeMap(kube, 'held', { finalizers: ['example.com/hold'] });
    await callKube(kube, { method: 'DELETE', path: '/api/v1/namespaces/shop' });
    await clock.advance(100);
    assert.deepEqual(await mapNames(kube), ['held']);
    const body = JSON.stringify({ metadata: { finalizers: null } });
    const contentType = 'application/merge-patch+json';
    await callKube(kube, { method: 'PATCH', path: `${MAPS}/held`, body, contentType });
    await clock.advance(100);
    await assert.rejects(
      callKube(kube, { method: 'GET', path: '/api/v1/namespaces/shop' }),
      withCode('API_NOT_FOUND'),
    );
  });

  it('let a Deployment become available, and again after a change', async () => {
    const { kube, api, clock } = simulate();
    new DeploymentController({ state: api.state, clock, delayMs: 100 }).start();
    const path = '/apis/apps/v1/namespaces/shop/deployments';
    const available = async (): Promise<unknown> => {
      const { status } = (await callKube(kube, { method: 'GET', path: `${path}/web` })) as {
        readonly status?: { readonly availableReplicas: number; readonly observedGeneration: number };
      };
      return [status?.observedGeneration, status?.availableReplicas];
    };
    const spec = { replicas: 2, selector: {}, template: { spec: { containers: [] } } };
    await callKube(kube, { method: 'POST', path, body: JSON.stringify({ metadata: { name: 'web' }, spec }) });
    await clock.advance(100);
    assert.deepEqual(await available(), [1, 0]);
    await clock.advance(100);
    assert.deepEqual(await available(), [1, 2]);
    const body = JSON.stringify({ spec: { replicas: 3 } });
    const contentType = 'application/merge-patch+json';
    await callKube(kube, { method: 'PATCH', path: `${path}/web`, body, contentType });
    await clock.advance(200);
    assert.deepEqual(await available(), [2, 3]);
  });
});
