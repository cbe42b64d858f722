import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { findArtifacts } from '../../../local-cluster/binaries.ts';
import { goModule, requiredGo, versionKey } from '../../../local-cluster/components.ts';

describe('findArtifacts', () => {
  let root: string;
  let assets: string;
  let cache: string;
  let goFolder: string;
  beforeEach(() => {
    root = mkdtempSync(path.join(os.tmpdir(), 'statewire-find-'));
    assets = path.join(root, 'assets');
    goFolder = path.join(root, 'bin');
    cache = path.join(
      root,
      'cache',
      'statewire',
      'control-plane',
      versionKey(process.platform, process.arch),
    );
    for (const folder of [assets, goFolder, cache]) mkdirSync(folder, { recursive: true });
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const executable = (file: string, text = '#!/bin/sh\n'): void => {
    writeFileSync(file, text);
    chmodSync(file, 0o755);
  };
  const find = async (env: Record<string, string> = {}): Promise<string | undefined> => {
    const all = { XDG_CACHE_HOME: path.join(root, 'cache'), PATH: goFolder, ...env };
    return (await findArtifacts({ names: ['etcd'], env: all })).get('etcd');
  };

  it('prefers KUBEBUILDER_ASSETS to the cache', async () => {
    executable(path.join(assets, 'etcd'));
    executable(path.join(cache, 'etcd'));
    assert.equal(await find({ KUBEBUILDER_ASSETS: assets }), path.join(assets, 'etcd'));
  });

  it('looks for each binary by itself: what KUBEBUILDER_ASSETS lacks comes from the cache', async () => {
    executable(path.join(cache, 'etcd'));
    assert.equal(await find({ KUBEBUILDER_ASSETS: assets }), path.join(cache, 'etcd'));
  });

  it('passes over a file that cannot be executed', async () => {
    writeFileSync(path.join(assets, 'etcd'), 'text', { mode: 0o644 });
    executable(path.join(cache, 'etcd'));
    assert.equal(await find({ KUBEBUILDER_ASSETS: assets }), path.join(cache, 'etcd'));
  });

  it('never takes a binary from PATH', async () => {
    executable(path.join(goFolder, 'etcd'));
    await assert.rejects(find(), { code: 'CLUSTER_GO_MISSING' });
  });

  it('says what to install where there is no Go, and leaves nothing behind', async () => {
    const version = requiredGo(goModule('kubernetes').goMod);
    await assert.rejects(find(), {
      code: 'CLUSTER_GO_MISSING',
      message: `cannot build etcd: there is no go in PATH; install Go ${version} or newer (https://go.dev/dl), or put the binaries into a folder named by KUBEBUILDER_ASSETS`,
    });
    assert.deepEqual(readdirSync(cache), []);
  });

  it('says what to install where Go is too old', async () => {
    executable(
      path.join(goFolder, 'go'),
      '#!/bin/sh\necho "go: go.mod requires go >= 1.26.0 (running go 1.20)" >&2\nexit 1\n',
    );
    await assert.rejects(find(), {
      code: 'CLUSTER_GO_MISSING',
      message: /^cannot build etcd: go: go\.mod requires go >= 1\.26\.0 \(running go 1\.20\); install Go /,
    });
  });

  it('tells why Go could not build, and leaves nothing half-made', async () => {
    executable(
      path.join(goFolder, 'go'),
      '#!/bin/sh\n[ "$1" = version ] && exit 0\nfor a; do case $p in -o) echo half > "$a";; esac; p=$a; done\necho "no space left on device" >&2\nexit 1\n',
    );
    await assert.rejects(find(), {
      code: 'CLUSTER_BUILD_FAILED',
      message: 'go could not build etcd: no space left on device',
    });
    assert.deepEqual(readdirSync(cache), []);
  });

  it('builds what is nowhere to be found, in a folder with our go.mod, and reports it', async () => {
    executable(
      path.join(goFolder, 'go'),
      '#!/bin/sh\n[ -s go.mod ] && [ -s go.sum ] || exit 1\nfor a; do case $p in -o) echo whole > "$a";; esac; p=$a; done\n',
    );
    const kinds: string[] = [];
    const env = { XDG_CACHE_HOME: path.join(root, 'cache'), PATH: goFolder };
    const found = await findArtifacts({
      names: ['etcd'],
      env,
      onProgress: (event) => kinds.push(event.kind),
    });
    assert.equal(found.get('etcd'), path.join(cache, 'etcd'));
    assert.ok(existsSync(path.join(cache, 'etcd')));
    assert.deepEqual(readdirSync(cache), ['etcd']);
    assert.deepEqual(kinds, ['building', 'built']);
  });
});
