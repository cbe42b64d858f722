/** The simulated control plane as kubectl and client-node see one. */
import assert from 'node:assert/strict';
import { KubeConfig, KubernetesObjectApi } from '@kubernetes/client-node';
import { after, before, describe, it } from 'node:test';
import { type SimulatedCluster, startSimulatedCluster } from '../../local-cluster/simulated/start.ts';
import { runKubectl } from '../../local-cluster/start.ts';
import { sharedLocalCluster } from '../support/cluster.ts';

let cluster: SimulatedCluster;
let kubectlPath: string;

before(async () => {
  cluster = await startSimulatedCluster();
  ({ kubectlPath } = await sharedLocalCluster());
});

after(() => cluster[Symbol.asyncDispose]());

function kubectl(args: readonly string[], input?: string): Promise<string> {
  return runKubectl({ kubectlPath, kubeconfigPath: cluster.kubeconfigPath }, args, input);
}

function deployment(replicas: number, image: string): string {
  return `{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: shop},
    spec: {replicas: ${replicas}, selector: {matchLabels: {app: web}},
      template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: ${image}}]}}}}`;
}

describe('a simulated control plane', () => {
  it('lets kubectl apply, wait, patch and delete', async () => {
    const lines = async (args: readonly string[], input?: string): Promise<string> =>
      (await kubectl(['-n', 'shop', ...args], input)).trim();
    await kubectl(['apply', '-f', '-'], '{apiVersion: v1, kind: Namespace, metadata: {name: shop}}');
    assert.equal(await lines(['apply', '-f', '-'], deployment(2, 'nginx')), 'deployment.apps/web created');
    assert.equal(
      await lines(['apply', '-f', '-'], deployment(3, 'nginx:2')),
      'deployment.apps/web configured',
    );
    await assert.rejects(
      lines(['apply', '--server-side', '-f', '-'], deployment(4, 'nginx:2')),
      /conflict with "kubectl-client-side-apply" using apps\/v1.*: \.spec\.replicas/,
    );
    await lines(['apply', '--server-side', '--force-conflicts', '-f', '-'], deployment(4, 'nginx:2'));
    await lines(['wait', '--for=condition=Available', '--timeout=20s', 'deployment/web']);
    const container = '{"spec":{"template":{"spec":{"containers":[{"name":"side","image":"x"}]}}}}';
    await lines(['patch', 'deployment', 'web', '-p', container]);
    const names = ['get', 'deploy', 'web', '-o', 'jsonpath={.spec.template.spec.containers[*].name}'];
    assert.deepEqual((await lines(names)).split(' ').toSorted(), ['side', 'web']);
    await kubectl(['delete', 'namespace', 'shop', '--timeout=20s']);
    assert.doesNotMatch(await kubectl(['get', 'namespaces']), /shop/);
  });

  it('serves the kinds of Statewire once their CRDs are applied', async () => {
    await kubectl(['apply', '-f', 'deploy/crds']);
    await kubectl(['wait', '--for=condition=Established', '--timeout=20s', 'crd', '--all']);
    assert.match(await kubectl(['api-resources']), /functiontriggers +ft +statewire.dev\/v1alpha1/);
  });

  it('lets client-node create and read', async () => {
    const config = new KubeConfig();
    config.loadFromFile(cluster.kubeconfigPath);
    const api = KubernetesObjectApi.makeApiClient(config);
    const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'default' } };
    await api.create({ ...map, data: { key: 'value' } });
    const read = await api.read(map);
    assert.deepEqual((read as { data?: unknown }).data, { key: 'value' });
  });
});
