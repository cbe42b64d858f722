/** Keys and tokens of one cluster: made for it, kept in its folder, gone with it. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';

/** Who talks to the API server, and with which rights. */
const USERS = [
  { key: 'admin', user: 'statewire-admin', groups: ['system:masters'] },
  { key: 'controllerManager', user: 'system:kube-controller-manager', groups: [] },
  { key: 'scheduler', user: 'system:kube-scheduler', groups: [] },
  // KWOK plays the kubelet of every node, and no role fits that.
  { key: 'kwok', user: 'kwok', groups: ['system:masters'] },
] as const;

export type ClusterUser = (typeof USERS)[number]['key'];

export interface Credentials {
  readonly tokens: Readonly<Record<ClusterUser, string>>;
  /** In the form of kube-apiserver's `--token-auth-file`. */
  readonly tokenFile: string;
  /** PEM; signs ServiceAccount tokens. */
  readonly serviceAccountKey: string;
}

export function createCredentials(): Credentials {
  const tokens = Object.fromEntries(USERS.map(({ key }) => [key, randomBytes(24).toString('base64url')]));
  const lines = USERS.map(
    ({ key, user, groups }) => `${tokens[key]},${user},${user},"${groups.join(',')}"\n`,
  );
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return {
    tokens: tokens as Record<ClusterUser, string>,
    tokenFile: lines.join(''),
    serviceAccountKey: privateKey.export({ type: 'pkcs1', format: 'pem' }) as string,
  };
}
