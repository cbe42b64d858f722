/** ModelDeployment on a real control plane with a node that has GPUs, its function in Knative's own runtime. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { cachedPackage } from '../../test/support/cached-packages.ts';
import { TestProcess } from '../../test/support/child-process.ts';
import { uniqueGroup } from '../../test/support/cluster.ts';
import { eventually } from '../../test/support/eventually.ts';
import {
  Actions,
  condition,
  type Example,
  type ExampleObject,
  hostAt,
  startExample,
} from '../../test/support/example.ts';

const KIND = 'modeldeployments.ai.example.com';

interface DeploymentObject extends ExampleObject {
  readonly spec: {
    readonly replicas: number;
    readonly template: {
      readonly spec: {
        readonly containers: readonly {
          readonly image: string;
          readonly resources: { readonly limits: Readonly<Record<string, string>> };
        }[];
      };
    };
  };
}

/** A kind whose objects carry an address, as `kubectl apply` writes it. */
function addressableCrd(group: string): unknown {
  const open = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `addressables.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural: 'addressables', singular: 'addressable', kind: 'Addressable' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: open } }],
    },
  };
}

async function startRuntime(): Promise<TestProcess> {
  const folder = await cachedPackage({ name: 'faas-js-runtime', version: '4.0.1' });
  const script = path.resolve('test/support/knative-runtime.ts');
  const module = path.join(import.meta.dirname, 'knative.ts');
  const runtime = new TestProcess(process.execPath, [script, folder, module, 'handle']);
  await runtime.printed('listening on ');
  return runtime;
}

describe('ModelDeployment', { timeout: 240_000 }, () => {
  const actions = new Actions();
  let example: Example;

  const deployment = (name: string): Promise<DeploymentObject> =>
    example.get<DeploymentObject>('deployment', name);
  const phase = (name: string, wanted: string): Promise<ExampleObject> =>
    example.until(wanted, KIND, name, ({ status, metadata }) => {
      return status?.['phase'] === wanted && status['observedGeneration'] === metadata.generation;
    });

  before(async () => {
    const runtime = await startRuntime();
    actions.after(async () => await runtime[Symbol.asyncDispose]());
    const [, port = ''] = /listening on (\d+)/.exec(runtime.output) ?? [];
    const group = uniqueGroup('addressable');
    const ref = { apiVersion: `${group}/v1`, kind: 'Addressable', name: 'model-deployment' };
    example = await startExample(actions, {
      folder: 'model-deployment',
      functions: { 'model-deployment': hostAt(`http://127.0.0.1:${port}/`) },
      target: () => ({ knative: { ref } }),
    });
    actions.after(async () => {
      await example.cluster.kubectl(['delete', 'crd', `addressables.${group}`, '--wait=false']);
    });
    // What Knative's Service is to the trigger: something that says where it is.
    await example.apply(JSON.stringify(addressableCrd(group)));
    const status = { address: { url: `${example.origin}/model-deployment` } };
    await example.apply(JSON.stringify({ ...ref, metadata: { name: ref.name }, status }));
    // A node of this test's own: other pods do not tolerate its taint.
    const name = `gpu-${example.namespace}`;
    const resources = { cpu: '64', memory: '256Gi', pods: '100', 'nvidia.com/gpu': '8' };
    await example.cluster.kubectl(
      ['create', '-f', '-'],
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Node',
        metadata: { name, annotations: { 'kwok.x-k8s.io/node': 'fake' }, labels: { accelerator: 'l4' } },
        spec: { taints: [{ key: 'nvidia.com/gpu', value: 'present', effect: 'NoSchedule' }] },
        status: { allocatable: resources, capacity: resources, nodeInfo: { kubeletVersion: 'kwok' } },
      }),
    );
    actions.after(async () => {
      await example.cluster.kubectl(['delete', 'node', name, '--wait=false']);
    });
  });
  after(() => actions.run());

  it('becomes Ready on nodes with GPUs', async () => {
    await example.sample('llama');
    const { status } = await phase('llama', 'Ready');
    assert.equal(status?.['availableReplicas'], 2);
    assert.deepEqual(status['revisions'], [{ role: 'Stable', name: 'v1', replicas: 2, available: 2 }]);
    const { spec } = await deployment('llama');
    assert.deepEqual(spec.template.spec.containers[0]?.resources.limits, { 'nvidia.com/gpu': '1' });
    assert.match(await example.kubectl('get', KIND), /^llama +llama-3-8b +v1 +2 +Ready/m);
  });

  it('repairs drift: a foreign edit of a child is taken back, a deleted child comes again', async () => {
    await example.kubectl('set', 'image', 'deployment/llama', 'server=intruder:1');
    await eventually('the image is back', async () => {
      const { spec } = await deployment('llama');
      return spec.template.spec.containers[0]?.image === 'model-server:1.0';
    });
    await example.kubectl('delete', 'service', 'llama');
    await eventually('the Service is back', () => example.get('service', 'llama'));
    await phase('llama', 'Ready');
  });

  it('tries a canary beside the revision, and promotes it', async () => {
    await example.sample('canary');
    const { status } = await phase('llama', 'Ready');
    assert.deepEqual(
      status?.['revisions'],
      [
        { role: 'Canary', name: 'v2', replicas: 1, available: 1 },
        { role: 'Stable', name: 'v1', replicas: 2, available: 2 },
      ].toReversed(),
    );
    assert.equal(
      (await deployment('llama-canary')).spec.template.spec.containers[0]?.image,
      'model-server:2.0',
    );

    await example.merge(KIND, 'llama', {
      spec: { revision: { name: 'v2', image: 'model-server:2.0' }, canary: null },
    });
    await phase('llama', 'Ready');
    assert.equal((await deployment('llama')).spec.template.spec.containers[0]?.image, 'model-server:2.0');
    await example.untilGone('deployment', 'llama-canary');
  });

  it('leaves the number of pods to an autoscaler where it may vary', async () => {
    await example.sample('autoscaled');
    await phase('small', 'Ready');
    const { spec } = await example.get('hpa', 'small');
    assert.deepEqual([spec['minReplicas'], spec['maxReplicas']], [1, 5]);
    await example.kubectl('scale', 'deployment/small', '--replicas=3');
    await example.until('3 pods', KIND, 'small', (one) => one.status?.['availableReplicas'] === 3);
    assert.equal((await deployment('small')).spec.replicas, 3);
  });

  it('keeps its pods when their number may vary from now on', async () => {
    const { generation = 0 } = (await deployment('llama')).metadata;
    await example.merge(KIND, 'llama', { spec: { replicas: { min: 1, max: 4 } } });
    await example.until('an autoscaler', 'hpa', 'llama', () => true);
    await phase('llama', 'Ready');
    await example.merge(KIND, 'llama', { spec: { replicas: { min: 2, max: 2 } } });
    await phase('llama', 'Ready');
    const { metadata, spec } = await deployment('llama');
    // One for each edit, by the annotation; a number that went and came back would be more.
    assert.deepEqual([metadata.generation, spec.replicas], [generation + 2, 2]);
    await example.untilGone('hpa', 'llama');
  });

  it('is Pending while no node has such GPUs, and Degraded when pods it had are lost', async () => {
    await example.merge(KIND, 'small', { spec: { gpu: { count: 16 } } });
    const changed = await example.until('not Ready', KIND, 'small', (one) => {
      return condition(one, 'Ready')?.status === 'False' && one.status?.['observedGeneration'] === 2;
    });
    assert.match(String(changed.status?.['phase']), /Pending|Progressing/);

    await example.kubectl(
      'patch',
      'node',
      `gpu-${example.namespace}`,
      '-p',
      '{"spec":{"unschedulable":true}}',
    );
    await example.kubectl('delete', 'pod', '-l', 'app.kubernetes.io/name=llama', '--wait=false');
    await phase('llama', 'Degraded');
    await example.kubectl(
      'patch',
      'node',
      `gpu-${example.namespace}`,
      '-p',
      '{"spec":{"unschedulable":false}}',
    );
    await phase('llama', 'Ready');
  });

  it('is delivered once the function works again', async () => {
    example.outage = 503;
    await example.merge(KIND, 'llama', { spec: { replicas: { min: 1, max: 1 } } });
    await example.untilCalled('model-deployment', 'updated', 'llama', 503);
    example.outage = undefined;
    await phase('llama', 'Ready');
    assert.equal((await deployment('llama')).spec.replicas, 1);
  });

  it('goes with everything that it consists of', async () => {
    await example.kubectl('delete', KIND, 'llama');
    await example.untilCalled('model-deployment', 'deleted', 'llama');
    await example.untilGone('deployment', 'llama');
    await example.untilGone('service', 'llama');
  });

  it('has no name that another one has for its canary', async () => {
    const text = example.file('samples/llama.yaml').replace('name: llama\n', 'name: llama-canary\n');
    await assert.rejects(example.apply(text), (error: Error) => /not end with -canary/.test(error.message));
  });

  for (const [sample, message] of [
    ['bad-canary', /spec\.canary must be another revision/],
    ['bad-replicas', /spec\.replicas\.min must not be more than max/],
  ] as const) {
    it(`${sample}.yaml is refused`, async () => {
      await assert.rejects(example.sample(sample), (error: Error) => message.test(error.message));
    });
  }
});
