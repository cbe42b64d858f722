/**
 * Starts a real Kubernetes control plane: etcd, kube-apiserver, kube-controller-manager, kube-scheduler and KWOK nodes.
 *
 * It belongs to the process that starts it, and goes with it, folder and all, even if that process is killed. It does
 * not keep that process running.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type ApiServer, readCa, startApiServer } from './api-server.ts';
import { type Artifacts, findArtifacts } from './binaries.ts';
import { type ComponentProcess, startComponent } from './component-process.ts';
import type { ArtifactName } from './components.ts';
import { createCrds, type Crd } from './crds.ts';
import { type ClusterUser, createCredentials } from './credentials.ts';
import { startEtcd } from './etcd.ts';
import { kubeconfigText } from './kubeconfig.ts';
import { LocalClusterError } from './local-cluster-error.ts';
import { createNodes, nodesReady } from './nodes.ts';
import type { OnProgress } from './progress.ts';
import { startWatchdog, type Watchdog } from './watchdog.ts';

export interface LocalClusterOptions {
  /** `api`: etcd and API servers only, quicker; `all` adds controllers, scheduler and nodes. @defaultValue 'all' */
  readonly components?: 'all' | 'api';
  /** How many KWOK nodes. @defaultValue 1 */
  readonly nodes?: number;
  /** How many API servers on the one etcd. @defaultValue 1 */
  readonly apiServers?: number;
  /** Everything of the cluster is in here; absent or empty before, removed at the end. @defaultValue a temporary one */
  readonly dir?: string;
  /** Go duration; how often the API servers compact etcd. @defaultValue kube-apiserver's, 5m */
  readonly etcdCompactionInterval?: string;
  readonly extraApiServerArgs?: readonly string[];
  /**
   * CustomResourceDefinitions that exist before the controllers start. The garbage collector looks for kinds that came
   * later every 30 s only, and collects nothing for them until then.
   */
  readonly crds?: readonly Crd[];
  /** Ends the start (and a build before it); a cluster that is ready does not listen to it any more. */
  readonly signal?: AbortSignal;
  readonly onProgress?: OnProgress;
}

export interface LocalCluster {
  /** Of the administrator, mode 0600, in `dir`. */
  readonly kubeconfigPath: string;
  /** URL of the first API server. */
  readonly server: string;
  /** The administrator's. */
  readonly token: string;
  readonly caPem: string;
  readonly dir: string;
  /** `unix:///…`; etcd has no TCP port. */
  readonly etcdEndpoint: string;
  readonly kubectlPath: string;
  /** @throws where there is no such API server. */
  apiServer(index: number): ApiServer;
  /** Runs kubectl as administrator; resolves with its stdout, rejects with its stderr. */
  kubectl(args: readonly string[], input?: string): Promise<string>;
  /** Compacts etcd, so that a resume from an older revision is answered with 410. */
  compactEtcd(): Promise<void>;
  /** Ends everything and removes the folder. Calling it again does nothing. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const API_PARTS: readonly ArtifactName[] = ['etcd', 'kube-apiserver', 'kubectl'];
const MAX_OUTPUT = 64 * 1024 * 1024;

/** What another process needs in order to use a cluster, in a file beside its kubeconfig. */
export const ACCESS_FILE = 'access.json';

/** What is in {@link ACCESS_FILE}. */
export type ClusterAccess = Pick<
  LocalCluster,
  'kubeconfigPath' | 'server' | 'token' | 'caPem' | 'dir' | 'etcdEndpoint' | 'kubectlPath'
>;

/** The cluster's folder, for its owner only. */
function makeFolder(dir: string | undefined): string {
  if (dir === undefined) return mkdtempSync(path.join(os.tmpdir(), 'statewire-cluster-'));
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  if (readdirSync(dir).length > 0) {
    throw new LocalClusterError('CLUSTER_NOT_OURS', `the folder ${dir} is not empty`);
  }
  return path.resolve(dir);
}

/** Runs kubectl with a kubeconfig, and with no settings or caches of the user. */
export function runKubectl(
  { kubectlPath, kubeconfigPath }: Pick<LocalCluster, 'kubectlPath' | 'kubeconfigPath'>,
  args: readonly string[],
  input = '',
): Promise<string> {
  const home = path.dirname(kubeconfigPath);
  return new Promise((resolve, reject) => {
    const child = execFile(
      kubectlPath,
      ['--kubeconfig', kubeconfigPath, ...args],
      { maxBuffer: MAX_OUTPUT, env: { PATH: process.env['PATH'], HOME: home, KUBECTL_KUBERC: 'false' } },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else
          reject(new Error(`kubectl ${args.join(' ')}: ${stderr.trim() || error.message}`, { cause: error }));
      },
    );
    // kubectl may end without reading it all.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

/**
 * Starts a cluster and resolves when it is ready: API servers ready, nodes schedulable.
 *
 * @throws LocalClusterError; the signal's reason.
 */
export async function startLocalCluster(options: LocalClusterOptions = {}): Promise<LocalCluster> {
  const all = options.components !== 'api';
  const artifacts = await findArtifacts({
    ...(all ? {} : { names: API_PARTS }),
    signal: options.signal,
    onProgress: options.onProgress,
  });
  const dir = makeFolder(options.dir);
  const watchdog = startWatchdog(dir);
  try {
    return await startIn(dir, { options, all, artifacts, watchdog });
  } catch (error) {
    await watchdog.close();
    throw error;
  }
}

interface Start {
  readonly options: LocalClusterOptions;
  readonly all: boolean;
  readonly artifacts: Artifacts;
  readonly watchdog: Watchdog;
}

async function startIn(dir: string, { options, all, artifacts, watchdog }: Start): Promise<LocalCluster> {
  const { signal } = options;
  const started = performance.now();
  const file = (name: ArtifactName): string => artifacts.get(name) as string;
  const starting = (component: string): void =>
    options.onProgress?.({ kind: 'starting', component, elapsedMs: performance.now() - started });
  const write = (name: string, text: string): string => {
    const target = path.join(dir, name);
    writeFileSync(target, text, { mode: 0o600 });
    return target;
  };

  const credentials = createCredentials();
  write('tokens.csv', credentials.tokenFile);
  write('service-account.key', credentials.serviceAccountKey);

  starting('etcd');
  const etcd = await startEtcd({ file: file('etcd'), dir, watchdog }, signal);
  const apiServers: ApiServer[] = [];
  for (let index = 0; index < (options.apiServers ?? 1); index++) {
    starting(`kube-apiserver ${index}`);
    apiServers.push(
      await startApiServer({
        index,
        file: file('kube-apiserver'),
        dir,
        watchdog,
        adminToken: credentials.tokens.admin,
        etcdCompactionInterval: options.etcdCompactionInterval,
        extraArgs: options.extraApiServerArgs,
        signal,
      }),
    );
  }
  const caPem = readCa(dir);
  const server = (apiServers[0] as ApiServer).server;
  const kubeconfig = (user: ClusterUser): string =>
    kubeconfigText({ server, caPem, token: credentials.tokens[user] });
  const kubeconfigPath = write('kubeconfig', kubeconfig('admin'));
  const access = { server, caPem, token: credentials.tokens.admin };

  await createCrds(access, options.crds ?? [], signal);

  if (all) {
    write('ca.crt', caPem);
    const launch = (
      name: ArtifactName,
      user: ClusterUser,
      args: readonly string[],
    ): Promise<ComponentProcess> => {
      starting(name);
      const login = `--kubeconfig=${write(`${name}.kubeconfig`, kubeconfig(user))}`;
      return startComponent({ name, file: file(name), args: [login, ...args], dir, watchdog });
    };
    await createNodes(access, options.nodes ?? 1);
    const controllers = await launch('kube-controller-manager', 'controllerManager', [
      '--service-account-private-key-file=service-account.key',
      '--use-service-account-credentials=true',
      '--root-ca-file=ca.crt',
      '--leader-elect=false',
      '--secure-port=0',
      '--kube-api-qps=500',
      '--kube-api-burst=1000',
    ]);
    await launch('kube-scheduler', 'scheduler', ['--leader-elect=false', '--secure-port=0']);
    const nodeAddress = '--node-ip=10.0.0.1';
    const stages = `--config=${file('kwok-stages.yaml')}`;
    await launch('kwok', 'kwok', [stages, '--manage-all-nodes=true', nodeAddress, '--node-port=0']);
    await nodesReady(access, controllers, signal);
  }
  options.onProgress?.({ kind: 'ready', elapsedMs: performance.now() - started });

  const described: ClusterAccess = {
    ...access,
    kubeconfigPath,
    dir,
    kubectlPath: file('kubectl'),
    etcdEndpoint: etcd.endpoint,
  };
  write(ACCESS_FILE, JSON.stringify(described));
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopped ??= watchdog.close());
  return {
    ...described,
    apiServer: (index) => {
      const found = apiServers[index];
      if (found === undefined) throw new Error(`there is no API server ${index}`);
      return found;
    },
    kubectl: (args, input) => runKubectl(described, args, input),
    compactEtcd: () => etcd.compact(),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
