/** On a control plane of its own, because its store is compacted. */
import * as fc from 'fast-check';
import { after, before, describe, it } from 'node:test';
import { systemClock } from '../../forwarder/lib/clock.ts';
import { SimulatedApiServer } from '../../local-cluster/simulated/api-server.ts';
import { HttpFront } from '../../local-cluster/simulated/http-front.ts';
import { type LocalCluster, startLocalCluster } from '../../local-cluster/start.ts';
import { ApiWorld, type RunningApiServer } from '../support/api-world.ts';
import { apiServerContract } from './api-server.contract.ts';
import { sameWrites, writes } from './same-writes.ts';

let cluster: LocalCluster;

before(async () => {
  cluster = await startLocalCluster({ components: 'api' });
});

after(() => cluster.stop());

function running(): RunningApiServer {
  return {
    ...cluster,
    forget: async () => {
      await cluster.compactEtcd();
      // One that has run since then still knows the events in between.
      await cluster.apiServer(0).restart();
    },
    stop: async () => undefined,
  };
}

apiServerContract({ name: 'kube-apiserver', start: async () => running() });

describe('the simulated API server', () => {
  it('answers and stores random writes as kube-apiserver does', async () => {
    const front = new HttpFront(new SimulatedApiServer({ clock: systemClock }));
    const server = await front.start();
    try {
      const real = new ApiWorld(running(), 'same');
      const simulated = new ApiWorld({ ...running(), server, caPem: '' });
      for (const world of [real, simulated]) await world.install();
      const run = fc.asyncProperty(writes, (list) => sameWrites([real, simulated], list));
      await fc.assert(run, { numRuns: 6, interruptAfterTimeLimit: 60_000 });
    } finally {
      await front.stop();
    }
  });
});
