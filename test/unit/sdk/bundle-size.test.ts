import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { describe, it } from 'node:test';
import { build } from 'esbuild';
import { LAMBDA_BUNDLE } from '../../../scripts/bundle/function-bundles.ts';

/** A function starts cold more often than it is deployed: what is loaded then is small. */
const MAX_BYTES = 150_000;

describe('a function bundled for Lambda', () => {
  const entries = globSync('functions/*/lambda.ts', { exclude: ['functions/sdk'] });

  it('is there to be measured', () => assert.ok(entries.length > 0));

  for (const entry of entries) {
    it(`${entry} has at most 150 KB minified, zod included`, async () => {
      const { outputFiles } = await build({ entryPoints: [entry], ...LAMBDA_BUNDLE, write: false });
      const text = outputFiles?.[0]?.text ?? '';
      assert.match(text, /FunctionResult/);
      assert.ok(text.includes('Invalid input: expected'), 'zod is in it');
      assert.ok(text.length <= MAX_BYTES, `${text.length} bytes`);
    });
  }
});
