import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { findArtifacts } from '../../local-cluster/binaries.ts';

const MAIN = path.join(import.meta.dirname, '..', '..', 'cli', 'main.ts');

describe('statewire cluster', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'statewire-command-'));
  const kubeconfig = path.join(folder, 'kubeconfig');

  interface Ran {
    readonly code: number;
    readonly stdout: string;
    readonly stderr: string;
  }

  /** With a cache folder of its own, so that a cluster which the user left running is not touched. */
  const statewire = async (...args: string[]): Promise<Ran> => {
    const etcd = (await findArtifacts()).get('etcd') as string;
    const env = { ...process.env, XDG_CACHE_HOME: folder, KUBEBUILDER_ASSETS: path.dirname(etcd) };
    return await new Promise((resolve) => {
      execFile(process.execPath, [MAIN, 'cluster', ...args], { env }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
      });
    });
  };

  after(async () => {
    await statewire('down');
    rmSync(folder, { recursive: true });
  });

  for (const { reason, args, says } of [
    { reason: 'no command', args: [], says: 'usage: statewire cluster up [--kubeconfig FILE] | down' },
    { reason: 'an unknown flag', args: ['up', '--fast'], says: "Unknown option '--fast'; usage: " },
    {
      reason: 'a flag without its value',
      args: ['up', '--kubeconfig'],
      says: "Option '--kubeconfig <value>' argument missing; ",
    },
  ]) {
    it(`answers ${reason} with one line and exit code 2`, async () => {
      const { code, stdout, stderr } = await statewire(...args);
      assert.deepEqual([code, stdout, stderr.trimEnd().split('\n').length], [2, '', 1]);
      assert.ok(stderr.startsWith(says), stderr);
    });
  }

  it("does not overwrite somebody else's kubeconfig", async () => {
    const file = path.join(folder, 'theirs');
    writeFileSync(file, 'apiVersion: v1\n');
    const { code, stderr } = await statewire('up', '--kubeconfig', file);
    assert.equal(code, 2);
    assert.match(
      stderr,
      /^--kubeconfig: .*theirs exists and is not a kubeconfig of a local cluster; it stays as it is\n$/,
    );
    assert.equal(readFileSync(file, 'utf8'), 'apiVersion: v1\n');
  });

  it('starts a cluster that outlives the command, prints where its kubeconfig is, and removes both', async () => {
    const up = await statewire('up', '--kubeconfig', kubeconfig);
    assert.deepEqual([up.code, up.stdout], [0, `${kubeconfig}\n`], up.stderr);
    assert.match(up.stderr, /control plane ready after /);
    assert.equal(statSync(kubeconfig).mode & 0o777, 0o600);
    const server = /server: (\S+)/.exec(readFileSync(kubeconfig, 'utf8'))?.[1];
    assert.ok(server);

    const again = await statewire('up');
    assert.deepEqual([again.code, again.stderr], [0, '']);
    const own = again.stdout.trim();
    assert.equal(readFileSync(own, 'utf8'), readFileSync(kubeconfig, 'utf8'));

    assert.equal((await statewire('down')).code, 0);
    assert.deepEqual([existsSync(kubeconfig), existsSync(own)], [false, false]);
    const down = await statewire('down');
    assert.deepEqual([down.code, down.stderr], [0, 'no local cluster is running\n']);
  });
});
