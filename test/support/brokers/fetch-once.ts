/** Programs that tests need and nobody need have installed: fetched once into the user's cache. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { cacheFolder } from '../../../local-cluster/cache-folder.ts';
import { withLock } from '../../../local-cluster/lock.ts';
import { TestProcess } from '../child-process.ts';

/**
 * The folder of that name in the cache. `make` fills it where it is not there yet: in a folder beside, so that it
 * appears whole or not at all, and in one process at a time.
 */
export async function fetchOnce(name: string, make: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(cacheFolder({ env: process.env, platform: process.platform, home: homedir() }), name);
  if (existsSync(folder)) return folder;
  await withLock(`${folder}.lock`, {}, async () => {
    if (existsSync(folder)) return;
    const unfinished = `${folder}.${process.pid}`;
    await mkdir(unfinished, { recursive: true });
    try {
      await make(unfinished);
      await rename(unfinished, folder);
    } finally {
      await rm(unfinished, { recursive: true, force: true });
    }
  });
  return folder;
}

/** Runs a program to its end. Rejects with what it printed where it fails, or with what is missing. */
export async function run(
  program: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env?: NodeJS.ProcessEnv; readonly needed: string },
): Promise<void> {
  if (!isInPath(program))
    throw new Error(`there is no ${program} in PATH, which is needed for ${options.needed}`);
  const child = new TestProcess(program, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
  });
  await child.exit();
  if (child.child.exitCode !== 0) {
    throw new Error(`cannot get ${options.needed}: ${program} ${args[0]} failed:\n${child.output}`);
  }
}

export function isInPath(program: string): boolean {
  return spawnSync('/bin/sh', ['-c', 'command -v "$0"', program]).status === 0;
}
