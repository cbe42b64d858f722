/**
 * `npm run build`: dist/statewire.cjs, one file that needs nothing beside it but Node 24; then the functions.
 *
 * CommonJS, because an ES module import of `node:http` makes Node evaluate its built-in undici (13 MB).
 */
import { globSync, readFileSync } from 'node:fs';
import { build } from 'esbuild';
import './build-functions.ts';

/** What `readAsset` finds in the bundle. */
const ASSETS = [
  'package.json',
  'deploy/crds/*.yaml',
  'functions/*/{crd,trigger}.yaml',
  'local-cluster/go/*/go.{mod,sum}',
];
const assets = Object.fromEntries(
  globSync(ASSETS)
    .toSorted()
    .map((name) => [name.replaceAll('\\', '/'), readFileSync(name, 'utf8')]),
);

await build({
  entryPoints: { statewire: 'cli/main.ts' },
  outdir: 'dist',
  outExtension: { '.js': '.cjs' },
  bundle: true,
  minify: true,
  keepNames: true,
  platform: 'node',
  target: 'node24',
  format: 'cjs',
  banner: { js: '#!/usr/bin/env node' },
  loader: { '.yaml': 'text' },
  // Where a module lies means nothing in a bundle, and esbuild warns of import.meta in CommonJS.
  define: { STATEWIRE_ASSETS: JSON.stringify(assets), 'import.meta.dirname': '""' },
  logLevel: 'warning',
});
