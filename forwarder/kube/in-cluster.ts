import { existsSync, readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import path from 'node:path';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { CachedFile } from './cached-file.ts';
import type { KubeAccess } from './kube-access.ts';
import { CERTIFICATE_MAX_AGE_MS, TOKEN_MAX_AGE_MS } from './kubeconfig.ts';

/** Where the kubelet mounts a pod's ServiceAccount. */
const SERVICE_ACCOUNT_FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The access a pod has through its ServiceAccount; undefined outside of a cluster. */
export function inClusterAccess(options: {
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
  readonly logger: Logger;
  /** @defaultValue {@link SERVICE_ACCOUNT_FOLDER} */
  readonly folder?: string;
}): KubeAccess | undefined {
  const { env, folder = SERVICE_ACCOUNT_FOLDER, clock, logger } = options;
  const host = env['KUBERNETES_SERVICE_HOST'];
  const port = env['KUBERNETES_SERVICE_PORT'];
  const tokenPath = path.join(folder, 'token');
  if (!host || !port || !existsSync(tokenPath)) return undefined;
  const token = new CachedFile({ path: tokenPath, maxAgeMs: TOKEN_MAX_AGE_MS, clock, logger });
  const ca = new CachedFile({
    path: path.join(folder, 'ca.crt'),
    maxAgeMs: CERTIFICATE_MAX_AGE_MS,
    clock,
    logger,
  });
  const namespacePath = path.join(folder, 'namespace');
  return {
    kind: 'in-cluster',
    server: new URL(`https://${isIPv6(host) ? `[${host}]` : host}:${port}`),
    namespace: existsSync(namespacePath) ? readFileSync(namespacePath, 'utf8').trim() : undefined,
    tls: () => ({ ca: ca.read(), rejectUnauthorized: true }),
    headers: async () => ({ authorization: `Bearer ${token.read()}` }),
    refresh() {
      token.invalidate();
      ca.invalidate();
    },
  };
}
