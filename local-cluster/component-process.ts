/** One running part of a control plane: started, watched, ended; its output goes to a file. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Watchdog } from './watchdog.ts';

const TAIL_BYTES = 600;

export interface ComponentProcess {
  readonly name: string;
  readonly pid: number;
  /** Resolves once it has ended, for whatever reason; never rejects. */
  readonly ended: Promise<void>;
  hasEnded(): boolean;
  /** Sends a signal; resolves when it has ended, or at once for signals that end nothing. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** The end of its log. */
  logTail(): string;
  log(): string;
}

export interface ComponentSettings {
  /** Also names its log file. */
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  /** The cluster's folder: its working directory, and its home, so that it neither finds nor leaves anything elsewhere. */
  readonly dir: string;
  readonly watchdog: Watchdog;
}

const HARMLESS: ReadonlySet<NodeJS.Signals> = new Set(['SIGSTOP', 'SIGCONT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2']);

/**
 * Starts it. It does not keep this process running, and the watchdog ends it when this process is gone.
 *
 * @throws where the file cannot be run.
 */
export async function startComponent({
  name,
  file,
  args,
  dir,
  watchdog,
}: ComponentSettings): Promise<ComponentProcess> {
  const logFile = path.join(dir, `${name}.log`);
  const output = openSync(logFile, 'a', 0o600);
  const child = spawn(file, args, {
    cwd: dir,
    env: { PATH: process.env['PATH'], HOME: dir, TMPDIR: dir },
    detached: true, // A Ctrl-C meant for us must not end it: we decide on the order.
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  child.unref();
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => {
      if (child.pid !== undefined) watchdog.remove(child.pid);
      resolve();
    });
  });
  await new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  const pid = child.pid as number;
  watchdog.add(pid);
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const log = (): string => readFileSync(logFile, 'utf8');
  return {
    name,
    pid,
    ended,
    hasEnded,
    log,
    logTail: () => log().trim().slice(-TAIL_BYTES),
    kill: async (signal = 'SIGTERM') => {
      if (hasEnded()) return;
      child.kill(signal);
      if (HARMLESS.has(signal)) return;
      child.ref();
      await ended;
    },
  };
}
