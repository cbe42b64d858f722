/**
 * The one local cluster that a user may leave running: started in the background, found again, stopped.
 *
 * A supervisor process of its own holds it and listens on a Unix socket in the user's cache folder. The socket alone
 * says whether the cluster runs; no process id that might have become somebody else's is ever signalled.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { type FindOptions, findArtifacts } from './binaries.ts';
import { cacheFolder } from './cache-folder.ts';
import { isOurKubeconfig } from './kubeconfig.ts';
import { LocalClusterError } from './local-cluster-error.ts';
import { withLock } from './lock.ts';
import type { OnProgress } from './progress.ts';

/** What the supervisor answers on its socket, and tells its parent when it is ready. */
export interface SupervisorReply {
  readonly kubeconfigPath: string;
  /** Whether the API server answers. */
  readonly ready: boolean;
  readonly error?: string;
}

export interface BackgroundOptions {
  /** Arguments that make `process.execPath` run {@link supervise} with the folder that follows them. */
  readonly supervisor: readonly string[];
  readonly onProgress?: OnProgress;
}

/** Longest path of a Unix socket that every system takes. */
const MAX_SOCKET_PATH = 100;

/** Where the cluster, its log and its socket are. */
function backgroundFolder(): string {
  const user = { env: process.env, platform: process.platform, home: os.homedir() };
  return path.join(cacheFolder(user), 'cluster');
}

export function controlSocket(folder: string): string {
  const inside = path.join(folder, 'control.sock');
  if (Buffer.byteLength(inside) <= MAX_SOCKET_PATH) return inside;
  const name = createHash('sha256').update(folder).digest('hex').slice(0, 12);
  return path.join(os.tmpdir(), `statewire-${name}.sock`);
}

/** Asks the supervisor; undefined where none runs. */
async function ask(folder: string, request: 'status' | 'stop'): Promise<SupervisorReply | undefined> {
  const socket = net.connect(controlSocket(folder));
  try {
    let answer = '';
    socket.end(`${request}\n`);
    for await (const part of socket) answer += String(part);
    return JSON.parse(answer) as SupervisorReply;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ECONNREFUSED') return undefined;
    throw error;
  }
}

function startSupervisor(
  folder: string,
  { supervisor, onProgress }: BackgroundOptions,
): Promise<SupervisorReply> {
  const started = performance.now();
  const logFile = path.join(folder, 'supervisor.log');
  const log = openSync(logFile, 'w', 0o600);
  onProgress?.({ kind: 'starting', component: 'control plane', elapsedMs: 0 });
  const child = spawn(process.execPath, [...process.execArgv, ...supervisor, folder], {
    cwd: folder,
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
  });
  closeSync(log);
  return new Promise((resolve, reject) => {
    const fail = (message: string): void => {
      reject(new LocalClusterError('CLUSTER_START_FAILED', message));
    };
    child.once('error', (error) => fail(error.message));
    child.once('exit', () =>
      fail(`the control plane did not start: ${readFileSync(logFile, 'utf8').trim().slice(-600)}`),
    );
    child.once('message', (reply: SupervisorReply) => {
      child.removeAllListeners('exit');
      if (reply.error === undefined) {
        onProgress?.({ kind: 'ready', elapsedMs: performance.now() - started });
        resolve(reply);
      } else {
        fail(reply.error);
      }
      if (child.connected) child.disconnect();
      child.unref();
    });
  });
}

const locked = <T>(folder: string, work: () => Promise<T>): Promise<T> =>
  withLock(path.join(path.dirname(folder), 'cluster.lock'), {}, work);

/** Files outside the folder that hold a copy of the kubeconfig. */
const copiesFile = (folder: string): string => path.join(folder, 'copies.json');

function readCopies(folder: string): readonly string[] {
  try {
    return JSON.parse(readFileSync(copiesFile(folder), 'utf8')) as readonly string[];
  } catch {
    return [];
  }
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Makes sure that a file may be written: it is a kubeconfig that we wrote, or absent from a folder that exists.
 *
 * @throws LocalClusterError `CLUSTER_NOT_OURS`
 */
export function requireOurs(file: string): void {
  let text: string | undefined;
  try {
    text = readText(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new LocalClusterError('CLUSTER_NOT_OURS', `${file} cannot be read (${code})`, { cause: error });
  }
  if (text === undefined && !existsSync(path.dirname(path.resolve(file)))) {
    throw new LocalClusterError('CLUSTER_NOT_OURS', `${file} cannot be written: its folder does not exist`);
  }
  if (text !== undefined && !isOurKubeconfig(text)) {
    throw new LocalClusterError(
      'CLUSTER_NOT_OURS',
      `${file} exists and is not a kubeconfig of a local cluster; it stays as it is`,
    );
  }
}

/**
 * Starts the cluster unless it runs, and resolves with the path of its kubeconfig: the given one, if any.
 *
 * @throws LocalClusterError
 */
export async function startBackgroundCluster(
  kubeconfig: string | undefined,
  options: BackgroundOptions,
): Promise<string> {
  if (kubeconfig !== undefined) requireOurs(kubeconfig);
  const find: FindOptions = options.onProgress === undefined ? {} : { onProgress: options.onProgress };
  await findArtifacts(find);
  const folder = backgroundFolder();
  mkdirSync(path.dirname(folder), { recursive: true });
  return await locked(folder, async () => {
    let reply = await ask(folder, 'status');
    if (reply === undefined) {
      // What is left of one that ended without being stopped, as when the computer was switched off.
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder, { mode: 0o700 });
      reply = await startSupervisor(folder, options);
    } else if (!reply.ready) {
      throw new LocalClusterError(
        'CLUSTER_START_FAILED',
        'the local cluster runs but does not answer; stop it with: statewire cluster down',
      );
    }
    if (kubeconfig === undefined) return reply.kubeconfigPath;
    const file = path.resolve(kubeconfig);
    requireOurs(file);
    writeFileSync(file, readFileSync(reply.kubeconfigPath), { mode: 0o600 });
    writeFileSync(copiesFile(folder), JSON.stringify([...new Set([...readCopies(folder), file])]));
    return file;
  });
}

/** Stops the cluster and removes it, and the kubeconfigs that were written for it. Resolves with whether one ran. */
export async function stopBackgroundCluster(): Promise<boolean> {
  const folder = backgroundFolder();
  mkdirSync(path.dirname(folder), { recursive: true });
  return await locked(folder, async () => {
    const before = await ask(folder, 'status');
    const kubeconfig = before === undefined ? undefined : readText(before.kubeconfigPath);
    const reply = await ask(folder, 'stop');
    for (const copy of readCopies(folder)) {
      if (kubeconfig !== undefined && readText(copy) === kubeconfig) rmSync(copy);
    }
    rmSync(folder, { recursive: true, force: true });
    return reply !== undefined;
  });
}
