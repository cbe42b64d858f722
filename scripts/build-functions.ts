/**
 * The SDK as JavaScript with types (functions/sdk/dist), and each example function as one file for Lambda
 * (dist/functions/NAME.mjs), which serverless.yml packages as it is, for OpenFaaS (dist/openfaas/NAME/handler.js), or for
 * Knative (dist/knative/NAME, a project for `func build`).
 *
 * `node scripts/build-functions.ts`, and a part of `npm run build`.
 */
import { spawnSync } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { HOST_BUNDLE, LAMBDA_BUNDLE } from './bundle/function-bundles.ts';
import { buildFiles, putFile, putFolder } from './bundle/put-files.ts';

const root = path.join(import.meta.dirname, '..');

/** Compiles the package beside the one that is there, which tests may be running on. */
function buildSdk(): void {
  mkdirSync(path.join(root, 'dist'), { recursive: true });
  const made = mkdtempSync(path.join(root, 'dist/sdk-'));
  try {
    const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
    const args = [tsc, '-p', 'functions/sdk/tsconfig.build.json', '--outDir', made];
    const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
    if (status !== 0) throw new Error('the SDK does not compile');
    putFolder(made, path.join(root, 'functions/sdk/dist'));
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}

/** One ES module per function. */
async function bundleFunctions(): Promise<void> {
  await buildFiles({
    absWorkingDir: root,
    entryPoints: Object.fromEntries(
      globSync('functions/*/lambda.ts', { cwd: root, exclude: ['functions/sdk/**'] }).map((file) => [
        path.basename(path.dirname(file)),
        file,
      ]),
    ),
    outdir: 'dist/functions',
    outExtension: { '.js': '.mjs' },
    ...LAMBDA_BUNDLE,
  });
}

/** For the node templates of OpenFaaS: a folder with handler.js, whose function the environment names. */
async function bundleOpenFaaS(): Promise<void> {
  for (const file of globSync('functions/*/openfaas.ts', { cwd: root, exclude: ['functions/sdk/**'] })) {
    const name = path.basename(path.dirname(file));
    const folder = path.join(root, 'dist/openfaas', name);
    await buildFiles({
      stdin: {
        contents: `module.exports = require('./${file}').handlers[process.env.STATEWIRE_FUNCTION];`,
        resolveDir: root,
      },
      outfile: path.join(folder, 'handler.js'),
      ...HOST_BUNDLE,
    });
    const manifest = `${JSON.stringify({ name, version: '1.0.0' })}\n`;
    putFile(path.join(folder, 'package.json'), Buffer.from(manifest));
  }
}

/** A project of Knative's Node.js runtime, as `func build` and its buildpack take it. */
async function bundleKnative(): Promise<void> {
  for (const file of globSync('functions/*/knative.ts', { cwd: root, exclude: ['functions/sdk/**'] })) {
    const source = path.dirname(file);
    const name = path.basename(source);
    const folder = path.join(root, 'dist/knative', name);
    await buildFiles({
      absWorkingDir: root,
      entryPoints: { index: file },
      outdir: folder,
      ...HOST_BUNDLE,
    });
    putFile(path.join(folder, 'func.yaml'), readFileSync(path.join(root, source, 'func.yaml')));
    const manifest = {
      name,
      version: '1.0.0',
      main: 'index.js',
      scripts: { start: 'faas-js-runtime ./index.js' },
      dependencies: { 'faas-js-runtime': '4.0.1' },
    };
    putFile(path.join(folder, 'package.json'), Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`));
  }
}

buildSdk();
await bundleFunctions();
await bundleOpenFaaS();
await bundleKnative();
