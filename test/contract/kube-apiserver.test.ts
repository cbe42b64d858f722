/** On a control plane of its own, because its store is compacted. */
import { startLocalCluster } from '../../local-cluster/start.ts';
import { apiServerContract } from './api-server.contract.ts';

apiServerContract({
  name: 'kube-apiserver',
  start: async () => {
    const cluster = await startLocalCluster({ components: 'api' });
    return {
      ...cluster,
      forget: async () => {
        await cluster.compactEtcd();
        // One that has run since then still knows the events in between.
        await cluster.apiServer(0).restart();
      },
    };
  },
});
