/**
 * Packages that tests run but this project does not depend on: installed once into the user's cache, because they are
 * large, or take long to compile.
 */
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { cacheFolder } from '../../local-cluster/cache-folder.ts';
import { withLock } from '../../local-cluster/lock.ts';
import { TestProcess } from './child-process.ts';

export interface CachedPackage {
  readonly name: string;
  /** Exact. */
  readonly version: string;
  /** Whether it is compiled when it is installed. @defaultValue false */
  readonly scripts?: boolean;
}

function folderOf({ name, version }: CachedPackage): string {
  const cache = cacheFolder({ env: process.env, platform: process.platform, home: homedir() });
  return join(cache, `${name.replaceAll('/', '-').replace('@', '')}-${version}`);
}

/** Whether it is there already. */
export function isCached(one: CachedPackage): boolean {
  return existsSync(join(folderOf(one), 'node_modules', one.name));
}

/** The folder of the package itself. Rejects where it cannot be installed, with what npm says. */
export async function cachedPackage(one: CachedPackage): Promise<string> {
  const folder = folderOf(one);
  const installed = join(folder, 'node_modules', one.name);
  if (existsSync(installed)) return installed;
  await withLock(`${folder}.lock`, {}, async () => {
    if (existsSync(installed)) return;
    const unfinished = `${folder}.${process.pid}`;
    await mkdir(unfinished, { recursive: true });
    try {
      await install(one, unfinished);
      await rename(unfinished, folder);
    } finally {
      await rm(unfinished, { recursive: true, force: true });
    }
  });
  return installed;
}

async function install({ name, version, scripts = false }: CachedPackage, prefix: string): Promise<void> {
  const quiet = ['--no-save', '--no-audit', '--no-fund', ...(scripts ? [] : ['--ignore-scripts'])];
  const npm = new TestProcess('npm', ['install', '--prefix', prefix, ...quiet, `${name}@${version}`], {
    cwd: prefix,
  });
  await npm.exit();
  if (npm.child.exitCode !== 0) throw new Error(`cannot install ${name}:\n${npm.output}`);
}
