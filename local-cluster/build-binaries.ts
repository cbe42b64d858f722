/**
 * Builds what is missing into the cache: one process at a time, each file appearing whole or not at all.
 *
 * An interrupted build leaves a folder `.build-<pid>-…` that its watchdog or the next build removes; Go's own cache
 * makes the second try quick.
 */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type Component, GO_CACHE_BYTES, goModule, linkerFlags, requiredGo } from './components.ts';
import { requireGo, runGo } from './go-toolchain.ts';
import { LocalClusterError } from './local-cluster-error.ts';
import { isAlive, withLock } from './lock.ts';
import { estimateLeftMs, type OnProgress } from './progress.ts';
import { startWatchdog } from './watchdog.ts';

const TICK_MS = 1000;
/** KWOK's rules under which nodes become ready and pods run at once, inside its module. */
const STAGE_FOLDERS = ['kustomize/stage/node/fast', 'kustomize/stage/pod/fast'];

export interface BuildOptions {
  /** The cache folder of these versions. */
  readonly folder: string;
  /** What is missing there now; asked again once the lock is held. */
  readonly missing: () => readonly Component[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

type Scratch = (module: Component['module']) => string;

/** A folder for building, with our modules in it. */
function makeScratch(folder: string): { readonly root: string; readonly moduleFolder: Scratch } {
  const root = mkdtempSync(path.join(folder, `.build-${process.pid}-`));
  for (const name of ['kubernetes', 'kwok'] as const) {
    const { goMod, goSum } = goModule(name);
    mkdirSync(path.join(root, name));
    writeFileSync(path.join(root, name, 'go.mod'), goMod);
    writeFileSync(path.join(root, name, 'go.sum'), goSum);
  }
  return { root, moduleFolder: (name) => path.join(root, name) };
}

function removeLeftovers(folder: string): void {
  for (const name of readdirSync(folder)) {
    const pid = Number(/^\.build-(\d+)-/.exec(name)?.[1]);
    if (pid > 0 && !isAlive(pid)) rmSync(path.join(folder, name), { recursive: true, force: true });
  }
}

/** KWOK's stages as one multi-document file. */
async function collectStages(
  source: string,
  cwd: string,
  options: BuildOptions,
  output: string,
): Promise<void> {
  const go = { cwd, env: options.env, signal: options.signal };
  const { code, stdout, stderr } = await runGo(['mod', 'download', '-json', source], go);
  if (code !== 0) throw buildFailed(source, stderr);
  const { Dir } = JSON.parse(stdout) as { readonly Dir: string };
  const files = STAGE_FOLDERS.flatMap((stage) =>
    readdirSync(path.join(Dir, stage))
      .filter((name) => name.endsWith('.yaml') && name !== 'kustomization.yaml')
      .toSorted()
      .map((name) => readFileSync(path.join(Dir, stage, name), 'utf8').trim()),
  );
  writeFileSync(output, `${files.join('\n---\n')}\n`);
}

function buildFailed(name: string, stderr: string): LocalClusterError {
  const said = stderr.trim().split('\n').slice(-3).join(' | ').slice(-256);
  return new LocalClusterError('CLUSTER_BUILD_FAILED', `go could not build ${name}: ${said}`);
}

async function make(
  component: Component,
  scratch: { root: string; moduleFolder: Scratch },
  options: BuildOptions,
): Promise<void> {
  const { name, source } = component;
  const output = path.join(scratch.root, name);
  const cwd = scratch.moduleFolder(component.module);
  if (name === 'kwok-stages.yaml') {
    await collectStages(source, cwd, options, `${output}.tmp`);
  } else {
    const args = ['build', '-trimpath', `-ldflags=${linkerFlags(component)}`, '-o', `${output}.tmp`, source];
    const { code, stderr } = await runGo(args, { cwd, env: options.env, signal: options.signal });
    if (code !== 0) throw buildFailed(name, stderr);
    chmodSync(`${output}.tmp`, 0o755);
  }
  renameSync(`${output}.tmp`, path.join(options.folder, name));
}

async function buildAll(missing: readonly Component[], options: BuildOptions): Promise<void> {
  const started = performance.now();
  const scratch = makeScratch(options.folder);
  const watchdog = startWatchdog(scratch.root);
  const done: { estimateMs: number; tookMs: number }[] = [];
  try {
    for (const module of new Set(missing.map((component) => component.module))) {
      const run = { cwd: scratch.moduleFolder(module), env: options.env, signal: options.signal };
      const version = requiredGo(goModule(module).goMod);
      await requireGo(run, { version, missing: missing.map((component) => component.name) });
    }
    for (const [at, component] of missing.entries()) {
      const begun = performance.now();
      const tell = (kind: 'building' | 'built', estimateMs: number): void => {
        const current = { estimateMs, elapsedMs: kind === 'built' ? 0 : performance.now() - begun };
        const rest = missing.slice(at + 1).map((next) => next.buildMs);
        options.onProgress?.({
          kind,
          name: component.name,
          index: at + 1,
          total: missing.length,
          elapsedMs: performance.now() - started,
          leftMs: estimateLeftMs({ done, current, rest, cores: os.availableParallelism() }),
          diskBytes: missing.reduce((bytes, { bytes: more }) => bytes + more, 0),
          goCacheBytes: GO_CACHE_BYTES,
          folder: options.folder,
        });
      };
      tell('building', component.buildMs);
      const ticks = setInterval(() => tell('building', component.buildMs), TICK_MS);
      try {
        await make(component, scratch, options);
      } finally {
        clearInterval(ticks);
      }
      done.push({ estimateMs: component.buildMs, tookMs: performance.now() - begun });
      tell('built', 0);
    }
  } finally {
    await watchdog.close();
  }
}

/**
 * Builds what is missing, once, however many processes ask.
 *
 * @throws LocalClusterError `CLUSTER_GO_MISSING` or `CLUSTER_BUILD_FAILED`; the signal's reason.
 */
export async function buildMissing(options: BuildOptions): Promise<void> {
  const { folder, signal, onProgress } = options;
  const started = performance.now();
  const onWait = (pid: number): void =>
    onProgress?.({ kind: 'waiting', pid, folder, elapsedMs: performance.now() - started });
  mkdirSync(folder, { recursive: true });
  await withLock(path.join(folder, '.lock'), { onWait, signal }, async () => {
    removeLeftovers(folder);
    const missing = options.missing();
    if (missing.length > 0) await buildAll(missing, options);
  });
}
