import { readFileSync } from 'node:fs';
import type { ApiAccess } from '../../../protocol/event.ts';

/** Where the API server is, and who asks. */
export interface ApiEndpoint {
  /** `https://…`, without a path. */
  readonly server: string;
  readonly token: string;
  /** PEM of who signed the server's certificate. */
  readonly certificateAuthority?: string | undefined;
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

export interface PodSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Text of a file. Throws where there is none. */
  readonly readFile: (path: string) => string;
}

const POD: PodSurroundings = { env: process.env, readFile: (path) => readFileSync(path, 'utf8') };

/**
 * The access that the event carries (`payload.token` of its trigger), else that of this pod's ServiceAccount; its token is
 * read each time, since the kubelet replaces it. Throws where there is neither, and for a token that would travel in clear.
 */
export function apiEndpoint(access: ApiAccess | undefined, pod: PodSurroundings = POD): ApiEndpoint {
  if (access !== undefined) {
    const url = URL.canParse(access.server) ? new URL(access.server) : undefined;
    if (url?.protocol !== 'https:') throw new Error('data.access.server of the event is no https address');
    return { server: url.origin, token: access.token, certificateAuthority: access.certificateAuthority };
  }
  const host = pod.env['KUBERNETES_SERVICE_HOST'];
  const port = pod.env['KUBERNETES_SERVICE_PORT'] ?? '443';
  if (host === undefined) {
    throw new Error(
      'no access to the API server: the event carries no token (payload.token of its trigger), and this is no pod',
    );
  }
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    token: pod.readFile(`${SERVICE_ACCOUNT}/token`).trim(),
    certificateAuthority: pod.readFile(`${SERVICE_ACCOUNT}/ca.crt`),
  };
}
