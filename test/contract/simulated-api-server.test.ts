import { systemClock } from '../../forwarder/lib/clock.ts';
import { SimulatedApiServer } from '../../local-cluster/simulated/api-server.ts';
import { HttpFront } from '../../local-cluster/simulated/http-front.ts';
import { apiServerContract } from './api-server.contract.ts';

apiServerContract({
  name: 'the simulated API server',
  start: async () => {
    const api = new SimulatedApiServer({ clock: systemClock });
    const front = new HttpFront(api);
    const server = await front.start();
    return {
      server,
      token: 'any',
      caPem: '',
      forget: async () => api.store.compact(),
      stop: () => front.stop(),
    };
  },
});
