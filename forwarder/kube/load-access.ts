import path from 'node:path';
import type { Clock } from '../lib/clock.ts';
import { ConfigError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { inClusterAccess } from './in-cluster.ts';
import type { KubeAccess } from './kube-access.ts';
import { readKubeconfig } from './kubeconfig.ts';

/**
 * Finds the API server: the named kubeconfig, else the pod's ServiceAccount, else `KUBECONFIG`, else a ConfigError
 * that says so. `~/.kube/config` is never taken: only a cluster that the user named is touched.
 */
export async function loadAccess(options: {
  /** `--kubeconfig`. */
  readonly kubeconfig?: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  /** @defaultValue process.env */
  readonly env?: NodeJS.ProcessEnv;
  /** Where a pod's ServiceAccount is mounted. */
  readonly serviceAccountFolder?: string;
}): Promise<KubeAccess> {
  const { kubeconfig, clock, logger, env = process.env } = options;
  if (kubeconfig !== undefined) return fromFiles([kubeconfig], options);
  const folder = options.serviceAccountFolder;
  const inCluster = inClusterAccess({ env, clock, logger, ...(folder !== undefined && { folder }) });
  if (inCluster !== undefined) return inCluster;
  const files = (env['KUBECONFIG'] ?? '').split(path.delimiter).filter((file) => file !== '');
  if (files.length > 0) return fromFiles(files, options);
  throw new ConfigError(
    'CONFIG_INVALID',
    'kubeconfig',
    'no API server is known: give --kubeconfig FILE, run inside a cluster, or set KUBECONFIG',
  );
}

async function fromFiles(
  files: readonly string[],
  options: { readonly clock: Clock; readonly logger: Logger },
): Promise<KubeAccess> {
  const [file] = files;
  const own = files.length === 1 && file !== undefined ? readKubeconfig(file, options) : undefined;
  if (own !== undefined) return own;
  const { pluginAccess } = await import('./plugin-access.ts');
  return pluginAccess(files, options);
}
