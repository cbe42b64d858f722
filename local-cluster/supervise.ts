/** The process in the background that a left-running cluster belongs to. */
import { rmSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { apiRequest } from './api-request.ts';
import { controlSocket, type SupervisorReply } from './background.ts';
import { type LocalCluster, startLocalCluster } from './start.ts';

async function isReady(cluster: LocalCluster): Promise<boolean> {
  try {
    return (await apiRequest(cluster, 'GET', '/readyz')).status === 200;
  } catch {
    return false;
  }
}

/** Resolves once somebody asks the cluster to stop, and it has. */
function serve(cluster: LocalCluster, socketPath: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = async (): Promise<void> => {
      server.close();
      await cluster.stop();
      resolve();
    };
    const answer = async (request: string): Promise<SupervisorReply> => {
      if (request === 'stop') await stop();
      return {
        kubeconfigPath: cluster.kubeconfigPath,
        ready: request !== 'stop' && (await isReady(cluster)),
      };
    };
    const server = net.createServer({ allowHalfOpen: true }, (socket) => {
      // A caller that went away is no concern of the cluster's.
      socket.on('error', () => {});
      socket.setEncoding('utf8').once('data', (text: string) => {
        void answer(text.trim()).then((reply) => socket.end(JSON.stringify(reply)));
      });
    });
    server.once('error', reject);
    server.listen(socketPath);
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop());
  });
}

/** Starts a cluster in the folder, reports to the parent process, and runs until it is asked to stop. */
export async function supervise(folder: string): Promise<number> {
  const tell = (reply: SupervisorReply): void => {
    if (process.connected) process.send?.(reply);
  };
  const starting = new AbortController();
  const abandon = (): void => starting.abort(new Error('whoever asked for it has gone'));
  process.once('disconnect', abandon);
  const socketPath = controlSocket(folder);
  rmSync(socketPath, { force: true });
  try {
    const cluster = await startLocalCluster({ dir: path.join(folder, 'run'), signal: starting.signal });
    process.removeListener('disconnect', abandon);
    const served = serve(cluster, socketPath);
    tell({ kubeconfigPath: cluster.kubeconfigPath, ready: true });
    await served;
    return 0;
  } catch (error) {
    tell({ kubeconfigPath: '', ready: false, error: error instanceof Error ? error.message : String(error) });
    return 1;
  }
}
