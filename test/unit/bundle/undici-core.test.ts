import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import { parseSync } from 'oxc-parser';

const core = createRequire(import.meta.url)('../../../scripts/bundle/undici-core.cjs') as object;

/** Values, not types, that a source text imports from undici. */
function importedFromUndici(file: string): string[] {
  return parseSync(file, readFileSync(file, 'utf8'))
    .module.staticImports.filter(({ moduleRequest }) => moduleRequest.value === 'undici')
    .flatMap(({ entries }) => entries.filter(({ isType }) => !isType))
    .map(({ importName }) => importName.name ?? importName.kind);
}

describe('the bundled part of undici', () => {
  const files = globSync(['{forwarder,cli,local-cluster}/**/*.ts']);
  const imported = new Set(files.flatMap(importedFromUndici));

  it('is used at all', () => assert.ok(imported.has('Pool')));

  for (const name of imported) {
    it(`holds ${name}`, () => assert.equal(typeof Reflect.get(core, name), 'function'));
  }

  it('can send requests from a pool', () => {
    assert.equal(typeof Reflect.get(Reflect.get(core, 'Pool').prototype, 'request'), 'function');
  });
});
