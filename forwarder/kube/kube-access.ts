/** Where the API server is and how to prove who we are: what a kubeconfig or a pod's files come down to. */

/** TLS for one new connection. */
export interface TlsMaterial {
  /** PEM; absent: the system's authorities. */
  readonly ca?: string;
  /** PEM; both or none. */
  readonly cert?: string;
  readonly key?: string;
  /** Name to verify instead of the server's host name. */
  readonly servername?: string;
  /** False only where the kubeconfig says `insecure-skip-tls-verify`. */
  readonly rejectUnauthorized: boolean;
}

export interface KubeAccess {
  /** How we identify ourselves; for logs. `plugin`: by client-node, for exec plugins and the like. */
  readonly kind: 'anonymous' | 'token' | 'certificate' | 'in-cluster' | 'plugin';
  readonly server: URL;
  /** The context's namespace, in a pod the pod's; undefined where none is named. */
  readonly namespace: string | undefined;
  /** `http://…` or `https://…` where connections go through a proxy. */
  readonly proxy?: URL;
  /** Asked for every new connection, so rotated files are noticed. Throws when a file cannot be read. */
  tls(): TlsMaterial;
  /** `authorization` and impersonation, asked for every request. Throws when a credential cannot be had. */
  headers(): Promise<Readonly<Record<string, string | string[]>>>;
  /** Forgets cached credentials: the server refused them (401). The next `headers()` reads them anew. */
  refresh(): void;
}
