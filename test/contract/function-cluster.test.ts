import { after } from 'node:test';
import type { KubernetesObject, Manifest } from '@statewire/functions';
import { ApiCluster } from '../../functions/sdk/cluster/api-cluster.ts';
import { apiSender } from '../../functions/sdk/cluster/api-request.ts';
import { systemClock } from '../../functions/sdk/clock.ts';
import { MemoryCluster } from '../../functions/sdk/testing/memory-cluster.ts';
import { applyYaml, sharedLocalCluster, testNamespace, uniqueGroup } from '../support/cluster.ts';
import { widgetCrd } from '../support/widgets.ts';
import { functionClusterContract } from './function-cluster.contract.ts';

functionClusterContract('in memory', async () => {
  const cluster = new MemoryCluster();
  const create = async (object: Manifest): Promise<KubernetesObject> => cluster.add(object);
  return { cluster, apiVersion: 'example.com/v1', namespace: 'demo', create };
});

functionClusterContract('the real API server', async () => {
  const shared = await sharedLocalCluster();
  const namespace = await testNamespace({ after });
  const group = uniqueGroup('functions');
  await applyYaml(JSON.stringify(widgetCrd(group)));
  after(async () => {
    await shared.kubectl(['delete', 'crd', `widgets.${group}`, '--wait=false']);
  });
  const { signal } = new AbortController();
  const { server, token, caPem } = shared;
  const send = apiSender(() => ({ server, token, certificateAuthority: caPem }), signal);
  const by = (fieldManager: string): ApiCluster =>
    new ApiCluster({ send, fieldManager, clock: systemClock, signal });
  const somebody = by('somebody');
  return {
    cluster: by('statewire/widgets'),
    apiVersion: `${group}/v1`,
    namespace,
    create: (object) => somebody.apply(object),
  };
});
