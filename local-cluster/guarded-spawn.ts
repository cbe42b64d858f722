/** Starts a program that cannot outlive this process, not even when this process is killed while starting it. */
import { type ChildProcess, spawn, type StdioOptions } from 'node:child_process';
import type { Writable } from 'node:stream';
import type { Watchdog } from './watchdog.ts';

export interface GuardedSpawn {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** stdout and stderr, as in `spawn`. */
  readonly output: readonly ['pipe' | number, 'pipe' | number];
  readonly watchdog: Watchdog;
}

/** Exit code of a shell that found no such program. */
export const NOT_FOUND = 127;

// The program waits behind a gate until the watchdog knows it: there is no moment at which it runs and nobody would
// end it. Where this process is gone, the pipe closes and the gate with it.
const GATE = 'read -r go <&3 || exit 1; exec 3<&-; exec "$0" "$@"';
const GATE_FD = 3;

/**
 * The program runs in a process group of its own, so a Ctrl-C meant for us does not end it, and its children end with it.
 * A program that is not there ends with {@link NOT_FOUND}.
 */
export async function spawnGuarded({
  file,
  args,
  cwd,
  env,
  output,
  watchdog,
}: GuardedSpawn): Promise<ChildProcess> {
  const stdio: StdioOptions = ['ignore', ...output, 'pipe'];
  const child = spawn('/bin/sh', ['-c', GATE, file, ...args], { cwd, env, detached: true, stdio });
  await new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  const group = -(child.pid as number);
  watchdog.add(group);
  child.once('exit', () => watchdog.remove(group));
  const gate = child.stdio[GATE_FD] as Writable;
  // It may have been killed meanwhile.
  gate.on('error', () => {});
  gate.end('go\n');
  return child;
}
