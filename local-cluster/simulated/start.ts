/**
 * A simulated control plane for demos: an API server in this process, reached over HTTP on loopback, with controllers
 * that collect garbage, empty namespaces, and let Deployments become available. Nothing of it is Kubernetes.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { systemClock } from '../../forwarder/lib/clock.ts';
import { SimulatedApiServer } from './api-server.ts';
import { DeploymentController } from './deployment-controller.ts';
import { GarbageCollector } from './garbage-collector.ts';
import { HttpFront } from './http-front.ts';
import { NamespaceController } from './namespace-controller.ts';

/** How long controllers take. */
const CONTROLLER_DELAY_MS = 150;

export interface SimulatedCluster {
  /** Of a temporary folder that goes with the cluster. */
  readonly kubeconfigPath: string;
  readonly server: string;
  readonly api: SimulatedApiServer;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Resolves when it answers. It ends with this process at the latest. */
export async function startSimulatedCluster(): Promise<SimulatedCluster> {
  const clock = systemClock;
  const api = new SimulatedApiServer({ clock });
  const options = { state: api.state, clock, delayMs: CONTROLLER_DELAY_MS };
  new GarbageCollector(options).start();
  new NamespaceController(options).start();
  new DeploymentController(options).start();
  const front = new HttpFront(api);
  const server = await front.start();
  const dir = mkdtempSync(path.join(os.tmpdir(), 'statewire-simulated-'));
  const kubeconfigPath = path.join(dir, 'kubeconfig');
  writeFileSync(kubeconfigPath, kubeconfig(server), { mode: 0o600 });
  return {
    kubeconfigPath,
    server,
    api,
    [Symbol.asyncDispose]: async () => {
      await front.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** In JSON, which is YAML too. */
function kubeconfig(server: string): string {
  const name = 'statewire-simulated';
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    // There is no TLS; client-node wants to be told so.
    clusters: [{ name, cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name, user: {} }],
    contexts: [{ name, context: { cluster: name, user: name, namespace: 'default' } }],
    'current-context': name,
  });
}
