/** The Go that builds: whether it is there and new enough, and how it is run. */
import { spawn } from 'node:child_process';
import { LocalClusterError } from './local-cluster-error.ts';
import { startWatchdog } from './watchdog.ts';

const KEPT_OUTPUT = 4096;

export interface GoRun {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal | undefined;
}

export interface GoResult {
  readonly code: number | null;
  readonly stdout: string;
  /** The end of what it said, at most 4 KB. */
  readonly stderr: string;
}

/** Our settings over the user's, who keeps proxies, caches and toolchain choice. */
function goEnvironment(env: GoRun['env']): NodeJS.ProcessEnv {
  // Without cgo no C compiler is needed, and the binaries are static as the official ones.
  return {
    ...env,
    CGO_ENABLED: '0',
    GOWORK: 'off',
    GOFLAGS: '-mod=readonly',
    GOOS: undefined,
    GOARCH: undefined,
  };
}

/**
 * Runs go; its compilers end with it, and it ends with this process.
 *
 * @throws the reason of the signal once it is aborted; an ENOENT where there is no Go.
 */
export async function runGo(args: readonly string[], { cwd, env, signal }: GoRun): Promise<GoResult> {
  signal?.throwIfAborted();
  // A group of its own, so that its compilers can be ended too.
  const child = spawn('go', args, {
    cwd,
    env: goEnvironment(env),
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { pid } = child;
  // The folder given is one that nobody has: there is only the group to end.
  const watchdog = pid === undefined ? undefined : startWatchdog(`${cwd}/none`);
  if (pid !== undefined) watchdog?.add(-pid);
  const abort = (): void => {
    if (pid !== undefined && child.exitCode === null) process.kill(-pid, 'SIGKILL');
  };
  signal?.addEventListener('abort', abort, { once: true });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr
    .setEncoding('utf8')
    .on('data', (text: string) => (stderr = (stderr + text).slice(-KEPT_OUTPUT)));
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    signal?.throwIfAborted();
    return { code, stdout, stderr };
  } finally {
    signal?.removeEventListener('abort', abort);
    if (pid !== undefined) watchdog?.remove(-pid);
    await watchdog?.close();
  }
}

/**
 * Makes sure that Go can build in the folder, which holds a go.mod.
 *
 * @throws LocalClusterError `CLUSTER_GO_MISSING`, which says what to install.
 */
export async function requireGo(
  run: GoRun,
  needed: { readonly version: string; readonly missing: readonly string[] },
): Promise<void> {
  const what = needed.missing.join(', ');
  const help = `install Go ${needed.version} or newer (https://go.dev/dl), or put the binaries into a folder named by KUBEBUILDER_ASSETS`;
  let found: GoResult;
  try {
    // In the folder of a go.mod this fails, or fetches the toolchain, where Go is older than the go.mod asks for.
    found = await runGo(['version'], run);
  } catch (error) {
    run.signal?.throwIfAborted();
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new LocalClusterError(
      'CLUSTER_GO_MISSING',
      `cannot build ${what}: there is no go in PATH; ${help}`,
    );
  }
  if (found.code === 0) return;
  const said = found.stderr.trim().split('\n').at(-1)?.slice(0, 256) ?? '';
  throw new LocalClusterError('CLUSTER_GO_MISSING', `cannot build ${what}: ${said}; ${help}`);
}
