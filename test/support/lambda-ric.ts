/**
 * AWS's own runtime client for Node (`aws-lambda-ric`), installed once into the user's cache. It is no dependency of
 * this project, because its installation compiles C++ for a minute or two.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { cacheFolder } from '../../local-cluster/cache-folder.ts';
import { withLock } from '../../local-cluster/lock.ts';
import { TestProcess } from './child-process.ts';

const VERSION = '4.0.2';
const COMPILERS = ['cmake', 'make', 'g++'];

const folder = join(
  cacheFolder({ env: process.env, platform: process.platform, home: homedir() }),
  `aws-lambda-ric-${VERSION}`,
);
const entry = join(folder, 'node_modules', 'aws-lambda-ric', 'index.mjs');

/** Why it cannot be had on this machine; undefined where it can. Where `CI` is set, it must. */
export function ricUnavailable(): string | undefined {
  if (existsSync(entry) || process.env['CI'] === 'true') return undefined;
  if (process.platform !== 'linux') return 'aws-lambda-ric runs on Linux only';
  const missing = COMPILERS.filter((name) => spawnSync(name, ['--version']).status !== 0);
  return missing.length === 0 ? undefined : `aws-lambda-ric needs ${missing.join(', ')} to be compiled`;
}

/** The file to run with Node and a handler (`file.export`) as its argument. */
export async function installLambdaRic(): Promise<string> {
  if (existsSync(entry)) return entry;
  await withLock(`${folder}.lock`, {}, async () => {
    if (existsSync(entry)) return;
    const unfinished = `${folder}.${process.pid}`;
    await mkdir(unfinished, { recursive: true });
    try {
      await install(unfinished);
      await rename(unfinished, folder);
    } finally {
      await rm(unfinished, { recursive: true, force: true });
    }
  });
  return entry;
}

async function install(prefix: string): Promise<void> {
  const args = [
    'install',
    '--prefix',
    prefix,
    '--no-save',
    '--no-audit',
    '--no-fund',
    `aws-lambda-ric@${VERSION}`,
  ];
  const npm = new TestProcess('npm', args, { cwd: prefix });
  await npm.exit();
  if (npm.child.exitCode !== 0) throw new Error(`cannot install aws-lambda-ric:\n${npm.output}`);
}
