/** How a function becomes one file: esbuild's settings for each runtime. */
import type { BuildOptions } from 'esbuild';

const BUNDLE = {
  bundle: true,
  minify: true,
  // Class names are what logs and Lambda's errorType show.
  keepNames: true,
  platform: 'node',
  conditions: ['@statewire/source'],
  logLevel: 'warning',
} satisfies BuildOptions;

/** For Lambda's runtime nodejs24.x. */
export const LAMBDA_BUNDLE: BuildOptions = { ...BUNDLE, target: 'node24', format: 'esm' };

/** For hosts that load functions with `require`: OpenFaaS' node templates, Knative's runtime. */
export const HOST_BUNDLE: BuildOptions = { ...BUNDLE, target: 'node22', format: 'cjs' };
