/** Which cluster: as kubectl chooses, and in a pod its own. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { loadAccess } from '../forwarder/kube/load-access.ts';
import { systemClock } from '../forwarder/lib/clock.ts';
import { silentLogger } from '../forwarder/lib/logger.ts';

export interface ChosenCluster {
  /** Undefined: the files that KUBECONFIG names, or the pod's ServiceAccount. */
  readonly kubeconfig: string | undefined;
  /** For people. */
  readonly description: string;
  /** Of the kubeconfig's context. */
  readonly namespace: string;
}

/** @throws ConfigError where no cluster is known */
export async function findCluster(named: string | undefined, env: NodeJS.ProcessEnv): Promise<ChosenCluster> {
  const home = path.join(env['HOME'] ?? homedir(), '.kube', 'config');
  const isNamed = named !== undefined || (env['KUBECONFIG'] ?? '') !== '';
  const kubeconfig = named ?? (isNamed || !existsSync(home) ? undefined : home);
  const access = await loadAccess({ kubeconfig, clock: systemClock, logger: silentLogger, env });
  const source =
    kubeconfig ?? (access.kind === 'in-cluster' ? 'this pod' : `KUBECONFIG=${env['KUBECONFIG'] ?? ''}`);
  return {
    kubeconfig,
    description: `${access.server.href.replace(/\/$/, '')}  (${source})`,
    namespace: access.namespace ?? 'default',
  };
}
