/** The Go that builds: whether it is there and new enough, and how it is run. */
import { once } from 'node:events';
import { NOT_FOUND, spawnGuarded } from './guarded-spawn.ts';
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
 * @throws the reason of the signal once it is aborted.
 */
export async function runGo(args: readonly string[], { cwd, env, signal }: GoRun): Promise<GoResult> {
  signal?.throwIfAborted();
  // The folder given is one that nobody has: there are only processes to end.
  const watchdog = startWatchdog(`${cwd}/none`);
  const abort = (): void => void watchdog.close();
  try {
    const output = ['pipe', 'pipe'] as const;
    const child = await spawnGuarded({ file: 'go', args, cwd, env: goEnvironment(env), output, watchdog });
    signal?.addEventListener('abort', abort, { once: true });
    let stdout = '';
    let stderr = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr
      ?.setEncoding('utf8')
      .on('data', (text: string) => (stderr = (stderr + text).slice(-KEPT_OUTPUT)));
    if (signal?.aborted === true) abort();
    const [code] = (await once(child, 'close')) as [number | null];
    signal?.throwIfAborted();
    return { code, stdout, stderr };
  } finally {
    signal?.removeEventListener('abort', abort);
    await watchdog.close();
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
  // In the folder of a go.mod this fails, or fetches the toolchain, where Go is older than the go.mod asks for.
  const found = await runGo(['version'], run);
  if (found.code === NOT_FOUND) {
    throw new LocalClusterError(
      'CLUSTER_GO_MISSING',
      `cannot build ${what}: there is no go in PATH; ${help}`,
    );
  }
  if (found.code === 0) return;
  const said = found.stderr.trim().split('\n').at(-1)?.slice(0, 256) ?? '';
  throw new LocalClusterError('CLUSTER_GO_MISSING', `cannot build ${what}: ${said}; ${help}`);
}
