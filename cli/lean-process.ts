/** Settings of V8 and of malloc that count from the first moment of a process, for one that runs in a small pod. */

/** By name, what is given unless the user has given another value. */
const FLAGS: Readonly<Record<string, string>> = {
  // Bursts fill the young generation, and V8 would let it grow to a hundred megabytes before it looks for garbage.
  '--max-semi-space-size': '--max-semi-space-size=4',
  // undici parses HTTP in WebAssembly. To optimize that takes 15 MB for a moment, which the process would keep.
  '--liftoff-only': '--liftoff-only',
};

/** One for each thread would keep what V8's helpers used once. */
const ENVIRONMENT: NodeJS.ProcessEnv = { MALLOC_ARENA_MAX: '1' };

/** What the process is started over with; undefined where it has everything. */
export function leanStart(
  given: Pick<NodeJS.Process, 'argv' | 'env' | 'execArgv' | 'execPath'>,
): { readonly args: readonly string[]; readonly env: NodeJS.ProcessEnv } | undefined {
  const { argv, env, execArgv, execPath } = given;
  const known = `${execArgv.join(' ')} ${env['NODE_OPTIONS'] ?? ''}`.replaceAll('_', '-');
  const missing = Object.entries(FLAGS).flatMap(([name, flag]) => (known.includes(name) ? [] : [flag]));
  if (missing.length === 0) return undefined;
  return { args: [execPath, ...execArgv, ...missing, ...argv.slice(1)], env: { ...ENVIRONMENT, ...env } };
}

/**
 * Replaces this process by one that has the settings: same process id, same files, some 150 ms later. Returns where it has
 * them, and where they cannot be had; then everything works as well, in more memory.
 */
export function becomeLean(): void {
  const start = leanStart(process);
  if (start === undefined || process.execve === undefined || process.connected) return;
  try {
    process.execve(process.execPath, start.args, start.env);
  } catch {
    // Not on this system, or not permitted.
  }
}
