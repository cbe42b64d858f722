/** A kube-apiserver of the cluster: started, killed and restarted at will, always on the same port. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { apiRequest } from './api-request.ts';
import { type ComponentProcess, type ComponentSettings, startComponent } from './component-process.ts';
import { ETCD_SERVERS } from './etcd.ts';
import { freePort } from './free-port.ts';
import { LocalClusterError } from './local-cluster-error.ts';
import { waitUntil } from './wait-until.ts';

const READY_TIMEOUT_MS = 60_000;
const PORT_TRIES = 5;
/** All API servers of a cluster share one certificate, made by the first; its last part is the CA. */
const CERTIFICATE_FOLDER = 'certificates';

export interface ApiServer {
  readonly pid: number;
  readonly port: number;
  readonly server: string;
  /** Sends a signal (SIGSTOP and SIGCONT included); resolves once it has ended, where the signal ends it. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Ends it if it still runs, starts it again on its port, and resolves when it is ready. */
  restart(): Promise<void>;
}

export interface ApiServerSettings extends Pick<ComponentSettings, 'file' | 'dir' | 'watchdog'> {
  readonly index: number;
  readonly adminToken: string;
  readonly etcdCompactionInterval?: string | undefined;
  readonly extraArgs?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The CA of the cluster's API servers, in PEM. */
export function readCa(dir: string): string {
  const certificates = readFileSync(path.join(dir, CERTIFICATE_FOLDER, 'apiserver.crt'), 'utf8');
  return certificates.slice(certificates.lastIndexOf('-----BEGIN CERTIFICATE-----'));
}

function argumentsOf(settings: ApiServerSettings, port: number): readonly string[] {
  return [
    `--etcd-servers=${ETCD_SERVERS}`,
    `--secure-port=${port}`,
    '--bind-address=127.0.0.1',
    // Published to nobody (no endpoint reconciler), but without it a computer that is offline has none to choose.
    '--advertise-address=127.0.0.1',
    '--endpoint-reconciler-type=none',
    `--cert-dir=${CERTIFICATE_FOLDER}`,
    '--authorization-mode=RBAC',
    '--token-auth-file=tokens.csv',
    '--service-account-issuer=https://kubernetes.default.svc',
    '--service-account-key-file=service-account.key',
    '--service-account-signing-key-file=service-account.key',
    '--service-cluster-ip-range=10.0.0.0/24',
    '--allow-privileged=true',
    '--disable-admission-plugins=ServiceAccount',
    ...(settings.etcdCompactionInterval === undefined
      ? []
      : [`--etcd-compaction-interval=${settings.etcdCompactionInterval}`]),
    ...(settings.extraArgs ?? []),
  ];
}

/** Starts one on a port of its own and waits until it is ready. */
export async function startApiServer(settings: ApiServerSettings): Promise<ApiServer> {
  const { dir, signal, adminToken } = settings;
  const name = `kube-apiserver-${settings.index}`;

  const launch = async (port: number, stop?: AbortSignal): Promise<ComponentProcess> => {
    const process = await startComponent({ ...settings, name, args: argumentsOf(settings, port) });
    const ready = async (): Promise<boolean> => {
      if (!existsSync(path.join(dir, CERTIFICATE_FOLDER, 'apiserver.key'))) return false;
      const access = { server: `https://127.0.0.1:${port}`, caPem: readCa(dir), token: adminToken };
      return (await apiRequest(access, 'GET', '/readyz')).status === 200;
    };
    await waitUntil(ready, { what: `${name} ready`, timeoutMs: READY_TIMEOUT_MS, process, signal: stop });
    return process;
  };

  const launchAnywhere = async (): Promise<[ComponentProcess, number]> => {
    for (let tries = 1; ; tries++) {
      const port = await freePort();
      try {
        return [await launch(port, signal), port];
      } catch (error) {
        const taken = error instanceof LocalClusterError && error.message.includes('address already in use');
        if (!taken || tries === PORT_TRIES) throw error;
      }
    }
  };

  const [first, port] = await launchAnywhere();
  let process = first;
  return {
    port,
    server: `https://127.0.0.1:${port}`,
    get pid(): number {
      return process.pid;
    },
    kill: (signal) => process.kill(signal),
    restart: async () => {
      await process.kill('SIGKILL');
      process = await launch(port);
    },
  };
}
