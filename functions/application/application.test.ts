/** Application on a real control plane, behind a forwarder: from sample to Ready, edits, drift, failures, deletion. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  Actions,
  condition,
  type Example,
  type ExampleObject,
  startExample,
} from '../../test/support/example.ts';
import { application } from './application.ts';

const KIND = 'applications.example.com';

describe('Application', { timeout: 240_000 }, () => {
  const actions = new Actions();
  let example: Example;

  const becomes = (phase: string, available: number): Promise<ExampleObject> =>
    example.until(`${phase} with ${available}`, KIND, 'shop', ({ status, metadata }) => {
      const isNew = status?.['observedGeneration'] === metadata.generation;
      return isNew && status?.['phase'] === phase && status['availableReplicas'] === available;
    });
  const quota = (pods: number): string =>
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'pods' },
      spec: { hard: { pods } },
    });

  before(async () => {
    example = await startExample(actions, { folder: 'application', functions: { application } });
  });
  after(() => actions.run());

  it('becomes Ready with a Deployment and a Service', async () => {
    await example.sample('shop');
    await becomes('Ready', 3);
    const { spec } = await example.get('service', 'shop');
    assert.deepEqual(
      (spec['ports'] as { port: number; targetPort: string }[]).map(({ port, targetPort }) => [
        port,
        targetPort,
      ]),
      [[80, 'http']],
    );
    assert.match(await example.kubectl('get', KIND), /^shop +nginx:1.29 +3 +3 +Ready/m);
  });

  it('follows an edit', async () => {
    await example.merge(KIND, 'shop', { spec: { replicas: 2, image: 'nginx:1.30' } });
    const { status } = await becomes('Ready', 2);
    assert.equal(status?.conditions?.[0]?.message, '2 of 2 replicas available');
  });

  it('repairs drift', async () => {
    await example.kubectl('scale', 'deployment/shop', '--replicas=7');
    await example.until('2 replicas', 'deployment', 'shop', ({ spec }) => spec['replicas'] === 2);
    await example.kubectl('delete', 'service', 'shop');
    await example.until('another Service', 'service', 'shop', () => true);
    await becomes('Ready', 2);
  });

  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    it(`repairs what drifted while no forwarder ran, after ${signal}`, async () => {
      await example.without(actions, signal, async () => {
        await example.kubectl('scale', 'deployment/shop', '--replicas=7');
        await example.kubectl('delete', 'service', 'shop');
      });
      await example.until('2 replicas', 'deployment', 'shop', ({ spec }) => spec['replicas'] === 2);
      await example.until('another Service', 'service', 'shop', () => true);
      await becomes('Ready', 2);
    });
  }

  it('is Degraded while pods are refused', async () => {
    await example.apply(quota(2));
    await example.merge(KIND, 'shop', { spec: { replicas: 4 } });
    const degraded = await becomes('Degraded', 2);
    assert.match(condition(degraded, 'Ready')?.message ?? '', /exceeded quota/);
    await example.apply(quota(20));
    // The controller of ReplicaSets would try again in a while; an edit has it try at once.
    await example.merge(KIND, 'shop', { spec: { replicas: 3 } });
    await becomes('Ready', 3);
  });

  it('is delivered once the function works again', async () => {
    example.outage = 500;
    await example.merge(KIND, 'shop', { spec: { replicas: 1 } });
    await example.untilCalled('application', 'updated', 'shop', 500);
    example.outage = undefined;
    await becomes('Ready', 1);
  });

  it('is there until the function has cleaned up', async () => {
    // Somebody else holds it as well: while it is there, the garbage collector leaves its children alone.
    const { finalizers = [] } = (await example.get(KIND, 'shop')).metadata;
    const hold = 'example.com/hold';
    await example.merge(KIND, 'shop', { metadata: { finalizers: [...finalizers, hold] } });
    example.outage = 500;
    await example.kubectl('delete', KIND, 'shop', '--wait=false');
    await example.untilCalled('application', 'deleted', 'shop', 500);
    await example.get('deployment', 'shop');
    example.outage = undefined;
    await example.until('it is released', KIND, 'shop', ({ metadata }) => {
      return metadata.finalizers?.join() === hold;
    });
    await assert.rejects(example.get('deployment', 'shop'), /not found/);
    await assert.rejects(example.get('service', 'shop'), /not found/);
    await example.merge(KIND, 'shop', { metadata: { finalizers: [] } });
    await example.untilGone(KIND, 'shop');
  });
});
