/**
 * `npm run build`: dist/statewire.cjs, one file that needs nothing beside it but Node 24.
 *
 * CommonJS, because an ES module import of `node:http` makes Node evaluate its built-in undici (13 MB).
 */
import { build } from 'esbuild';

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
  logLevel: 'warning',
});
