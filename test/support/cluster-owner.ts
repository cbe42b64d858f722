/** A program that starts a cluster and says so, for tests of what is left of it. With the argument `wait` it runs until it is killed. */
import { startLocalCluster } from '../../local-cluster/start.ts';

const cluster = await startLocalCluster({ components: 'api' });
process.stdout.write(`${JSON.stringify({ dir: cluster.dir, pid: cluster.apiServer(0).pid })}\n`);

if (process.argv[2] === 'wait') setInterval(() => {}, 1000);
