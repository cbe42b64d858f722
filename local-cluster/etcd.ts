/**
 * The cluster's etcd. It listens on a Unix socket in the cluster's own folder: etcd knows no users, and on a TCP port
 * anybody on this computer could be administrator of the cluster.
 */
import path from 'node:path';
import { etcdRequest } from './api-request.ts';
import { type ComponentProcess, type ComponentSettings, startComponent } from './component-process.ts';
import { LocalClusterError } from './local-cluster-error.ts';
import { waitUntil } from './wait-until.ts';

const START_TIMEOUT_MS = 30_000;
/** Relative to the cluster's folder, in which all components run: absolute paths may be too long for a socket. */
const CLIENT_SOCKET = 'etcd.sock';
const PEER_SOCKET = 'etcd-peer.sock';

/** What kube-apiserver calls it by; from another folder, use `Etcd.endpoint`. */
export const ETCD_SERVERS: string = `unix://${CLIENT_SOCKET}`;

export interface Etcd {
  readonly process: ComponentProcess;
  /** `unix:///…/etcd.sock` */
  readonly endpoint: string;
  /** Forgets every revision but the present one. */
  compact(): Promise<void>;
}

export async function startEtcd(
  settings: Pick<ComponentSettings, 'file' | 'dir' | 'watchdog'>,
  signal?: AbortSignal,
): Promise<Etcd> {
  // Advertised to other members and never called: there are none.
  const advertised = ['http://127.0.0.1:2379', 'http://127.0.0.1:2380'] as const;
  const args = [
    '--data-dir=etcd',
    '--unsafe-no-fsync',
    `--listen-client-urls=unix://${CLIENT_SOCKET}`,
    `--advertise-client-urls=${advertised[0]}`,
    `--listen-peer-urls=unix://${PEER_SOCKET}`,
    `--initial-advertise-peer-urls=${advertised[1]}`,
    `--initial-cluster=default=${advertised[1]}`,
    '--log-level=warn',
  ];
  const process = await startComponent({ ...settings, name: 'etcd', args });
  const socket = path.join(settings.dir, CLIENT_SOCKET);
  const healthy = async (): Promise<boolean> => (await etcdRequest(socket, 'GET', '/health')).status === 200;
  await waitUntil(healthy, { what: 'etcd healthy', timeoutMs: START_TIMEOUT_MS, process, signal });
  return {
    process,
    endpoint: `unix://${socket}`,
    compact: async () => {
      const range = await etcdRequest(socket, 'POST', '/v3/kv/range', {
        key: 'AA==',
        limit: 1,
        keys_only: true,
      });
      const { header } = JSON.parse(range.body) as { readonly header: { readonly revision: string } };
      const { status, body } = await etcdRequest(socket, 'POST', '/v3/kv/compaction', {
        revision: header.revision,
        physical: true,
      });
      // A revision that is compacted already is what was asked for.
      if (status === 200 || body.includes('has been compacted')) return;
      throw new LocalClusterError('CLUSTER_START_FAILED', `etcd refuses to compact: ${body.slice(0, 256)}`);
    },
  };
}
