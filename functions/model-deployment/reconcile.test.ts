/** What is stated of a ModelDeployment, whatever there is already. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { testFunction } from '@statewire/functions/testing';
import { GENERATION } from './manifests.ts';
import { modelDeployment } from './model-deployment.ts';

const revision = { name: 'v1', image: 'model-server:1.0' };

function llama(min: number, max: number, canary?: { percent: number }): { metadata: object; spec: object } {
  return {
    metadata: { name: 'llama', generation: 3 },
    spec: {
      model: { name: 'llama', uri: 's3://models/llama' },
      revision,
      ...(canary && { canary: { name: 'v2', image: 'model-server:2.0', ...canary } }),
      gpu: { resource: 'nvidia.com/gpu', count: 1 },
      replicas: { min, max, targetUtilization: 70 },
    },
  };
}

/** The stable Deployment with all its pods available, and something beside the server in them. */
function deployment(replicas: number): object {
  const containers = [
    { name: 'beside', image: 'proxy:1' },
    { name: 'server', image: revision.image },
  ];
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'llama', uid: 'uid-2', generation: 5, annotations: { [GENERATION]: '3' } },
    spec: { replicas, template: { spec: { containers } } },
    status: { observedGeneration: 5, replicas, updatedReplicas: replicas, availableReplicas: replicas },
  };
}

const autoscaler = (status: object): object => ({
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name: 'llama', uid: 'uid-3' },
  status,
});

interface Given {
  readonly deployment?: object;
  readonly autoscaler?: object;
}

async function stated(object: ReturnType<typeof llama>, given: Given | undefined) {
  const children = given && {
    'Deployment.apps/v1': given.deployment ? { llama: given.deployment } : {},
    'HorizontalPodAutoscaler.autoscaling/v2': given.autoscaler ? { llama: given.autoscaler } : {},
    'Service.v1': {},
  };
  const { result } = await testFunction(modelDeployment).updated(object as never, children && { children });
  assert.equal(result.error, undefined);
  const replicas = Object.fromEntries(
    (result.apply ?? [])
      .filter(({ kind }) => kind === 'Deployment')
      .map(({ metadata, spec }) => [metadata.name, (spec as { replicas?: number }).replicas]),
  );
  return { replicas, status: result.status as { phase: string } | undefined };
}

const idle = autoscaler({ currentReplicas: 4 });
const busy = autoscaler({ currentReplicas: 4, lastScaleTime: '2026-01-01T00:00:00Z' });

describe('the number of pods that is stated', () => {
  for (const { reason, object, given, expected } of [
    { reason: 'is the fixed one', object: llama(2, 2), given: { deployment: deployment(7) }, expected: 2 },
    { reason: 'is the least one to begin with', object: llama(2, 5), given: {}, expected: 2 },
    {
      reason: 'is the one that is there until there is an autoscaler',
      object: llama(1, 5),
      given: { deployment: deployment(4) },
      expected: 4,
    },
    {
      reason: 'is the one that is there until the autoscaler has written one',
      object: llama(1, 5),
      given: { deployment: deployment(4), autoscaler: idle },
      expected: 4,
    },
    {
      reason: 'is within the range',
      object: llama(1, 3),
      given: { deployment: deployment(4), autoscaler: idle },
      expected: 3,
    },
    {
      reason: 'is none once the autoscaler has written one',
      object: llama(1, 5),
      given: { deployment: deployment(4), autoscaler: busy },
      expected: undefined,
    },
    {
      reason: 'is none where nobody knows what is there',
      object: llama(1, 5),
      given: undefined,
      expected: undefined,
    },
  ]) {
    it(reason, async () => {
      assert.deepEqual((await stated(object, given)).replicas, { llama: expected });
    });
  }

  it('is for a canary its share of all, rounded up', async () => {
    for (const [pods, percent, expected] of [
      [2, 30, 1],
      [7, 30, 3],
      [9, 10, 1],
      [10, 10, 2],
      [1, 50, 1],
    ] as const) {
      const { replicas } = await stated(llama(pods, pods, { percent }), { deployment: deployment(3) });
      assert.deepEqual(replicas, { llama: pods, 'llama-canary': expected }, `${pods} at ${percent} %`);
    }
  });
});

describe('the phase', () => {
  it('is read of the container that serves, whatever stands beside it', async () => {
    const { status } = await stated(llama(2, 2), { deployment: deployment(2) });
    assert.equal(status?.phase, 'Ready');
  });
});
