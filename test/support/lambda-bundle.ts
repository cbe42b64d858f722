/** Bundles functions as they are deployed: one ES module, everything in it. */
import { build } from 'esbuild';

/** Writes the bundle of `entry` to `outfile` (`.mjs`). */
export async function bundleFunctions(entry: string, outfile: string): Promise<void> {
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    logLevel: 'error',
  });
}
