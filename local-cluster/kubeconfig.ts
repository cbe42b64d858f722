/** Kubeconfig files of ours: how they read, and how one is told from somebody else's. */

/** First line of every kubeconfig that we write. */
const MARK = '# A local control plane of statewire; its folder goes when it stops.';
const NAME = 'statewire-local';

/** A kubeconfig of one cluster and one user, in YAML. */
export function kubeconfigText(cluster: {
  readonly server: string;
  readonly caPem: string;
  readonly token: string;
}): string {
  return `${MARK}
apiVersion: v1
kind: Config
clusters:
  - name: ${NAME}
    cluster:
      server: ${cluster.server}
      certificate-authority-data: ${Buffer.from(cluster.caPem).toString('base64')}
users:
  - name: ${NAME}
    user:
      token: ${cluster.token}
contexts:
  - name: ${NAME}
    context: {cluster: ${NAME}, user: ${NAME}, namespace: default}
current-context: ${NAME}
`;
}

/** Whether a file's text is one that we wrote, with nothing changed in it that would be lost. */
export function isOurKubeconfig(text: string): boolean {
  const value = (key: string): string => new RegExp(`^ +${key}: (\\S+)$`, 'm').exec(text)?.[1] ?? '';
  const caPem = Buffer.from(value('certificate-authority-data'), 'base64').toString();
  return text === kubeconfigText({ server: value('server'), caPem, token: value('token') });
}
