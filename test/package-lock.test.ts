/** package-lock.json serves every platform and any registry. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { completeLock, type Lock, LOCK_FILE } from '../scripts/complete-lock.ts';

describe('package-lock.json', () => {
  const text = readFileSync(LOCK_FILE, 'utf8');

  it('is what scripts/complete-lock.ts makes of it', () => {
    assert.equal(
      `${JSON.stringify(completeLock(JSON.parse(text) as Lock), null, 2)}\n`,
      text,
      'run node scripts/complete-lock.ts',
    );
  });
});

describe('completeLock', () => {
  const wants = (version: string): { optionalDependencies: Record<string, string> } => ({
    optionalDependencies: { '@a/x-darwin-arm64': version },
  });
  const added = (packages: Lock['packages']): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(completeLock({ packages }).packages).flatMap(([where, { version, os, cpu }]) =>
        where in packages ? [] : [[where, { version, os, cpu }]],
      ),
    );
  const binding = (version: string): unknown => ({ version, os: ['darwin'], cpu: ['arm64'] });
  const top = 'node_modules/@a/x-darwin-arm64';

  it('adds a binding of another platform at the top', () => {
    assert.deepEqual(added({ 'node_modules/a': wants('1.0.0') }), { [top]: binding('1.0.0') });
  });

  it('adds one of another version as far out as the first is not in the way', () => {
    const packages = { 'node_modules/b/node_modules/a': wants('1.0.0'), 'node_modules/a': wants('2.0.0') };
    assert.deepEqual(added(packages), {
      [top]: binding('2.0.0'),
      [`node_modules/b/${top}`]: binding('1.0.0'),
    });
  });

  it('leaves alone what is there, and what is required in a range', () => {
    assert.deepEqual(added({ 'node_modules/a': wants('1.0.0'), [top]: { version: '1.0.0' } }), {});
    assert.deepEqual(added({ 'node_modules/a': wants('^1.0.0') }), {});
  });

  it('leaves out where a package came from, and keeps which folder it is', () => {
    const { packages } = completeLock({
      packages: { a: { resolved: 'https://example.com/a.tgz' }, b: { resolved: 'folder', link: true } },
    });
    assert.deepEqual(packages, { a: {}, b: { resolved: 'folder', link: true } });
  });
});
