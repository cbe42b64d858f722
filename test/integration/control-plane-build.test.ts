import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { isAlive } from '../../local-cluster/lock.ts';
import { versionKey } from '../../local-cluster/components.ts';
import { eventually } from '../support/eventually.ts';

const BINARIES = path.join(import.meta.dirname, '..', '..', 'local-cluster', 'binaries.ts');
const FINDER = `
  import { findArtifacts } from ${JSON.stringify(BINARIES)};
  import { progressLine } from ${JSON.stringify(BINARIES.replace('binaries', 'progress'))};
  const onProgress = (event) => console.log(progressLine(event));
  console.log('found ' + (await findArtifacts({ names: ['etcd'], onProgress })).get('etcd'));
`;

/** A go that notes each build, and builds until it is allowed to end; its compiler is a process of its own. */
const GO = `#!/bin/sh
[ "$1" = build ] || exit 0
for a; do case $p in -o) output=$a;; esac; p=$a; done
echo half > "$output"
sleep 60 &
echo "$$ $!" >> "$ROOT/builds"
while [ ! -e "$ROOT/go-on" ]; do sleep 0.05; done
kill $!
echo whole > "$output"
`;

describe('the build of the control plane', () => {
  let root: string;
  let cache: string;
  const children: ChildProcess[] = [];
  beforeEach(() => {
    root = mkdtempSync(path.join(os.tmpdir(), 'statewire-build-'));
    cache = path.join(root, 'statewire', 'control-plane', versionKey(process.platform, process.arch));
    mkdirSync(path.join(root, 'bin'));
    writeFileSync(path.join(root, 'bin', 'go'), GO);
    chmodSync(path.join(root, 'bin', 'go'), 0o755);
  });
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    rmSync(root, { recursive: true });
  });

  const find = (): {
    readonly child: ChildProcess;
    readonly output: () => string;
    readonly ended: Promise<unknown>;
  } => {
    const env = {
      ...process.env,
      ROOT: root,
      XDG_CACHE_HOME: root,
      KUBEBUILDER_ASSETS: '',
      PATH: `${path.join(root, 'bin')}:${process.env['PATH']}`,
    };
    const child = spawn(process.execPath, ['--input-type=module', '--eval', FINDER], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    let output = '';
    child.stdout?.on('data', (text: Buffer) => (output += text.toString()));
    return { child, output: () => output, ended: once(child, 'close') };
  };
  const builds = (): readonly string[] => {
    const file = path.join(root, 'builds');
    return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
  };
  const until = async (condition: () => boolean): Promise<void> => {
    await eventually(condition.toString(), condition, { everyMs: 20 });
  };
  const goOn = (): void => writeFileSync(path.join(root, 'go-on'), '');

  it('happens once where two processes start at once, and the second says for whom it waits', async () => {
    const both = [find(), find()] as const;
    await until(() => both.some(({ output }) => output().includes('waiting for process ')));
    await until(() => builds().length > 0);
    goOn();
    await Promise.all(both.map(({ ended }) => ended));
    assert.equal(builds().length, 1);
    for (const { output } of both) assert.ok(output().includes(`found ${path.join(cache, 'etcd')}`));
    assert.equal(both.filter(({ output }) => output().includes('building etcd (1 of 1)')).length, 1);
    assert.deepEqual(readdirSync(cache), ['etcd']);
  });

  it('leaves neither a half-made file nor a compiler behind when it is killed, and can be begun again', async () => {
    const first = find();
    await until(() => builds().length === 1);
    first.child.kill('SIGKILL');
    await first.ended;
    const pids = (builds()[0] ?? '').split(' ').map(Number);
    await until(() => !pids.some((pid) => isAlive(pid)));
    await until(() => readdirSync(cache).every((name) => name === '.lock'));

    goOn();
    const second = find();
    await second.ended;
    assert.equal(readFileSync(path.join(cache, 'etcd'), 'utf8'), 'whole\n');
    assert.deepEqual(readdirSync(cache), ['etcd']);
  });
});
