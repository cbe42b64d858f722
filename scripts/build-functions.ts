/**
 * The SDK as JavaScript with types (functions/sdk/dist), and each example function as one file for Lambda
 * (dist/functions/NAME.mjs), which serverless.yml packages as it is.
 *
 * `node scripts/build-functions.ts`, and a part of `npm run build`.
 */
import { spawnSync } from 'node:child_process';
import { globSync, rmSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';

const root = path.join(import.meta.dirname, '..');

/** Compiles the package; what an earlier version left there goes. */
function buildSdk(): void {
  rmSync(path.join(root, 'functions/sdk/dist'), { recursive: true, force: true });
  const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
  const { status } = spawnSync(process.execPath, [tsc, '-p', 'functions/sdk/tsconfig.build.json'], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error('the SDK does not compile');
}

/** One ES module per function, for the Node.js of Lambda's runtime nodejs24.x. */
async function bundleFunctions(): Promise<void> {
  await build({
    absWorkingDir: root,
    entryPoints: Object.fromEntries(
      globSync('functions/*/lambda.ts', { cwd: root, exclude: ['functions/sdk/**'] }).map((file) => [
        path.basename(path.dirname(file)),
        file,
      ]),
    ),
    outdir: 'dist/functions',
    outExtension: { '.js': '.mjs' },
    bundle: true,
    minify: true,
    // Class names are what logs and Lambda's errorType show.
    keepNames: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    conditions: ['@statewire/source'],
    logLevel: 'warning',
  });
}

buildSdk();
await bundleFunctions();
