/**
 * A lock between processes of one user: a file that names its owner, who touches it while working.
 *
 * A lock is stale when its owner is dead (on this host), or has not touched it for a minute. Two processes that find
 * the same stale lock at the same moment are told apart by reading it again after a pause. Should that ever fail, both
 * do the work, which must therefore be harmless, if wasteful.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 250;
const TOUCH_MS = 10_000;
const STALE_MS = 60_000;
/** Longer than a process takes from finding a stale lock to replacing it. */
const TAKEOVER_PAUSE_MS = 100;

interface Owner {
  readonly pid: number;
  readonly host: string;
  readonly token: string;
}

export interface LockOptions {
  /** Called at every look at a lock that somebody else holds. */
  readonly onWait?: (pid: number) => void;
  /** Ends the wait for the lock. */
  readonly signal?: AbortSignal | undefined;
  /** @defaultValue asks the operating system */
  readonly isAlive?: (pid: number) => boolean;
  readonly pause?: (ms: number) => Promise<void>;
  /** @defaultValue Date.now */
  readonly now?: () => number;
}

/** Whether a process of that id exists; one of another user counts. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function readOwner(file: string): Owner | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Owner;
  } catch {
    return undefined;
  }
}

/** A file that nobody can read as a lock is one whose owner ended while writing it: only its age counts. */
function isStale(file: string, owner: Owner | undefined, options: LockOptions): boolean {
  const age = (options.now ?? Date.now)() - (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0);
  if (age > STALE_MS) return true;
  return owner !== undefined && owner.host === os.hostname() && !(options.isAlive ?? isAlive)(owner.pid);
}

function create(file: string, mine: Owner): boolean {
  try {
    writeFileSync(file, JSON.stringify(mine), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function acquire(file: string, options: LockOptions): Promise<Owner> {
  const mine: Owner = { pid: process.pid, host: os.hostname(), token: randomUUID() };
  const pause = options.pause ?? ((ms): Promise<void> => sleep(ms));
  mkdirSync(path.dirname(file), { recursive: true });
  for (;;) {
    options.signal?.throwIfAborted();
    if (create(file, mine)) return mine;
    const owner = readOwner(file);
    if (isStale(file, owner, options)) {
      const replacement = `${file}.${mine.token}`;
      writeFileSync(replacement, JSON.stringify(mine));
      if (readOwner(file)?.token === owner?.token) {
        renameSync(replacement, file);
        await pause(TAKEOVER_PAUSE_MS);
        if (readOwner(file)?.token === mine.token) return mine;
      } else {
        rmSync(replacement, { force: true });
      }
    } else {
      if (owner !== undefined) options.onWait?.(owner.pid);
      await pause(POLL_MS);
    }
  }
}

/** Runs the work while this process alone holds the lock. */
export async function withLock<T>(file: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  const mine = await acquire(file, options);
  const touch = setInterval(() => {
    const now = new Date();
    if (readOwner(file)?.token === mine.token) utimesSync(file, now, now);
  }, TOUCH_MS);
  touch.unref();
  try {
    return await work();
  } finally {
    clearInterval(touch);
    if (readOwner(file)?.token === mine.token) rmSync(file, { force: true });
  }
}
