/**
 * AWS's own runtime client for Node (`aws-lambda-ric`), installed once into the user's cache. It is no dependency of
 * this project, because its installation compiles C++ for a minute or two.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { type CachedPackage, cachedPackage, isCached } from './cached-packages.ts';

const RIC: CachedPackage = { name: 'aws-lambda-ric', version: '4.0.2', scripts: true };
const COMPILERS = ['cmake', 'make', 'g++'];

/** Why it cannot be had on this machine; undefined where it can. Where `CI` is set, it must. */
export function ricUnavailable(): string | undefined {
  if (isCached(RIC) || process.env['CI'] === 'true') return undefined;
  if (process.platform !== 'linux') return 'aws-lambda-ric runs on Linux only';
  const missing = COMPILERS.filter((name) => spawnSync(name, ['--version']).status !== 0);
  return missing.length === 0 ? undefined : `aws-lambda-ric needs ${missing.join(', ')} to be compiled`;
}

/** The file to run with Node and a handler (`file.export`) as its argument. */
export async function installLambdaRic(): Promise<string> {
  return join(await cachedPackage(RIC), 'index.mjs');
}
