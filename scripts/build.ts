/**
 * `npm run build`: dist/statewire.cjs, one file that needs nothing beside it but Node 24; then the functions.
 *
 * CommonJS, because an ES module import of `node:http` makes Node evaluate its built-in undici (13 MB).
 */
import { globSync, readFileSync } from 'node:fs';
import type { BuildOptions } from 'esbuild';
import './build-functions.ts';
import { pack } from './bundle/pack.ts';
import { buildFiles } from './bundle/put-files.ts';
import { leaveOutUnusedParts, packHeavyPackages } from './bundle/slim-packages.ts';

/** What `readAsset` finds in the bundle. */
const ASSETS = [
  'package.json',
  'deploy/crds/*.yaml',
  'functions/application/{crd,trigger}.yaml',
  'local-cluster/go/*/go.{mod,sum}',
];
const assets = Object.fromEntries(
  globSync(ASSETS)
    .toSorted()
    .map((name) => [name.replaceAll('\\', '/'), pack(readFileSync(name, 'utf8'))]),
);

const options: BuildOptions = {
  bundle: true,
  minify: true,
  keepNames: true,
  platform: 'node',
  target: 'node24',
  format: 'cjs',
  logLevel: 'warning',
};

await buildFiles({
  ...options,
  entryPoints: { statewire: 'cli/main.ts' },
  outdir: 'dist',
  outExtension: { '.js': '.cjs' },
  banner: { js: '#!/usr/bin/env node' },
  loader: { '.yaml': 'text' },
  plugins: [leaveOutUnusedParts, packHeavyPackages(options)],
  // Where a module lies means nothing in a bundle, and esbuild warns of import.meta in CommonJS.
  define: { STATEWIRE_ASSETS: JSON.stringify(assets), 'import.meta.dirname': '""' },
});
