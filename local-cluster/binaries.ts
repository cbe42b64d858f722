/**
 * Finds each part of a control plane: in `KUBEBUILDER_ASSETS`, then in this user's cache, else built once from Go
 * modules. Nothing is taken from PATH: what lies there may be of any version.
 */
import { accessSync, constants } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { buildMissing } from './build-binaries.ts';
import { cacheFolder, type UserEnvironment } from './cache-folder.ts';
import { type ArtifactName, COMPONENTS, versionKey } from './components.ts';
import type { OnProgress } from './progress.ts';

export interface FindOptions extends Partial<UserEnvironment> {
  /** @defaultValue all of them */
  readonly names?: readonly ArtifactName[];
  readonly arch?: string;
  /** Ends a build, and a wait for somebody else's. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** The path of each artifact that was asked for. */
export type Artifacts = ReadonlyMap<ArtifactName, string>;

/** Whether it is there, and can be run where that is its purpose. */
function isUsable(file: string): boolean {
  try {
    accessSync(file, file.endsWith('.yaml') ? constants.R_OK : constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Where each artifact is, built if need be (minutes, the first time on a machine).
 *
 * @throws LocalClusterError `CLUSTER_GO_MISSING` or `CLUSTER_BUILD_FAILED`; the signal's reason.
 */
export async function findArtifacts(options: FindOptions = {}): Promise<Artifacts> {
  const { names = COMPONENTS.map(({ name }) => name), env = process.env } = options;
  const platform = options.platform ?? process.platform;
  const folder = path.join(
    cacheFolder({ env, platform, home: options.home ?? os.homedir() }),
    'control-plane',
    versionKey(platform, options.arch ?? process.arch),
  );
  const assets = env['KUBEBUILDER_ASSETS'];
  const folders = assets === undefined || assets === '' ? [folder] : [path.resolve(assets), folder];
  const locate = (name: ArtifactName): string | undefined =>
    folders.map((folder) => path.join(folder, name)).find((file) => isUsable(file));
  const missing = (): readonly (typeof COMPONENTS)[number][] =>
    COMPONENTS.filter(({ name }) => names.includes(name) && locate(name) === undefined);

  if (missing().length > 0) {
    await buildMissing({ folder, missing, env, signal: options.signal, onProgress: options.onProgress });
  }
  return new Map(names.map((name) => [name, locate(name) ?? path.join(folder, name)]));
}
