/**
 * The SDK as JavaScript with types (functions/sdk/dist), and each example function as one file for Lambda
 * (dist/functions/NAME.mjs), which serverless.yml packages as it is, or for OpenFaaS (dist/openfaas/NAME/handler.js).
 *
 * `node scripts/build-functions.ts`, and a part of `npm run build`.
 */
import { spawnSync } from 'node:child_process';
import { globSync, rmSync, writeFileSync } from 'node:fs';
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

/** For the node templates of OpenFaaS: a folder with handler.js, whose function the environment names. */
async function bundleOpenFaaS(): Promise<void> {
  for (const file of globSync('functions/*/openfaas.ts', { cwd: root, exclude: ['functions/sdk/**'] })) {
    const name = path.basename(path.dirname(file));
    const folder = path.join(root, 'dist/openfaas', name);
    await build({
      stdin: {
        contents: `module.exports = require('./${file}').handlers[process.env.STATEWIRE_FUNCTION];`,
        resolveDir: root,
      },
      outfile: path.join(folder, 'handler.js'),
      bundle: true,
      minify: true,
      keepNames: true,
      platform: 'node',
      target: 'node22',
      format: 'cjs',
      conditions: ['@statewire/source'],
      logLevel: 'warning',
    });
    writeFileSync(path.join(folder, 'package.json'), `${JSON.stringify({ name, version: '1.0.0' })}\n`);
  }
}

buildSdk();
await bundleFunctions();
await bundleOpenFaaS();
