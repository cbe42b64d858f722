/** One running part of a control plane: started, watched, ended; its output goes to a file. */
import { closeSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { spawnGuarded } from './guarded-spawn.ts';
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

/** Starts it. It does not keep this process running, and the watchdog ends it when this process is gone. */
export async function startComponent({
  name,
  file,
  args,
  dir,
  watchdog,
}: ComponentSettings): Promise<ComponentProcess> {
  const logFile = path.join(dir, `${name}.log`);
  const output = openSync(logFile, 'a', 0o600);
  const env = { PATH: process.env['PATH'], HOME: dir, TMPDIR: dir };
  const child = await spawnGuarded({ file, args, cwd: dir, env, output: [output, output], watchdog });
  closeSync(output);
  child.unref();
  const ended = new Promise<void>((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    child.once('exit', () => resolve());
  });
  const pid = child.pid as number;
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
