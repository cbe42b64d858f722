/** `statewire new`: what it makes passes its own tests, compiles, and is what an API server takes. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { HOSTS } from '../../cli/new/hosts.ts';
import { applyCrds, applyYaml, sharedLocalCluster, testNamespace, uniqueGroup } from '../support/cluster.ts';
import { TestProcess } from '../support/child-process.ts';
import { eventually } from '../support/eventually.ts';
import { type Ended, runNode } from '../support/run-program.ts';

const root = process.cwd();
const ENTRY = process.env['STATEWIRE_TEST_ENTRY'] ?? path.resolve('dist/statewire.cjs');
const cluster = await sharedLocalCluster();
const namespace = await testNamespace({ after });
await applyCrds();

const folder = mkdtempSync(path.join(tmpdir(), 'statewire-new-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const ENV = { PATH: process.env['PATH'], HOME: folder };
const statewire = (...args: string[]): Promise<Ended> =>
  runNode([ENTRY, 'new', ...args], { cwd: folder, env: ENV });

/** What each project says of its sample. */
const doubts = new Map<string, readonly string[]>();

/** Makes a project and resolves to its folder. */
async function made(name: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await statewire(name, ...args);
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(stdout, new RegExp(`^${name} is made: `, 'm'));
  doubts.set(
    name,
    stdout.split('\n').filter((line) => line.startsWith('samples/')),
  );
  return path.join(folder, name);
}

/** What `npm install` puts there, without asking anybody. */
function linkPackages(project: string): void {
  const modules = path.join(project, 'node_modules');
  const sdk = path.join(modules, '@statewire/functions');
  for (const part of ['package.json', 'dist']) {
    cpSync(path.join(root, 'functions/sdk', part), path.join(sdk, part), { recursive: true });
  }
  const { dependencies, devDependencies } = JSON.parse(
    readFileSync(path.join(project, 'package.json'), 'utf8'),
  ) as {
    dependencies: object;
    devDependencies: object;
  };
  for (const name of Object.keys({ ...dependencies, ...devDependencies })) {
    if (name === '@statewire/functions') continue;
    mkdirSync(path.dirname(path.join(modules, name)), { recursive: true });
    symlinkSync(path.join(root, 'node_modules', name), path.join(modules, name));
  }
}

async function succeeds(project: string, ...args: string[]): Promise<void> {
  const { code, stdout, stderr } = await runNode(args, { cwd: project, env: ENV });
  assert.equal(code, 0, stdout + stderr);
}

const bin = (name: string): string => path.join(root, 'node_modules', name);
const read = (project: string, file: string): string => readFileSync(path.join(project, file), 'utf8');

function dryRun(yaml: string): Promise<string> {
  const args = [
    '-n',
    namespace,
    'apply',
    '--dry-run=server',
    '--validate=strict',
    '--output=name',
    '-f',
    '-',
  ];
  return cluster.kubectl(args, yaml);
}

describe('a new project', { timeout: 300_000 }, () => {
  const group = uniqueGroup('new');
  after(() => cluster.kubectl(['delete', 'crd', `widgets.${group}`, '--wait=false', '--ignore-not-found']));

  for (const host of Object.keys(HOSTS)) {
    it(`passes its own tests, compiles and is built: ${host}`, async () => {
      const project = await made(`on-${host}`, '--kind', 'Widget', '--host', host, '--group', group);
      // The library of Azure is none of ours: see below.
      if (host === 'azure') return;
      linkPackages(project);
      await succeeds(project, '--test');
      await succeeds(project, bin('typescript/bin/tsc'));
      const { scripts } = JSON.parse(read(project, 'package.json')) as { scripts: { build: string } };
      const [, ...args] = scripts.build.split(' ');
      await succeeds(
        project,
        '-e',
        `require('node:child_process').execFileSync('${bin('esbuild/bin/esbuild')}', ${JSON.stringify(args)})`,
      );
    });

    it(`has a trigger that the API server takes: ${host}`, async () => {
      const trigger = read(path.join(folder, `on-${host}`), 'trigger.yaml').replace('default', namespace);
      assert.equal(await dryRun(trigger), `functiontrigger.statewire.dev/on-${host}\n`);
    });
  }

  it('has samples of which the API server takes the good one alone', async () => {
    const project = path.join(folder, 'on-http');
    await applyYaml(read(project, 'crd.yaml'));
    await dryRun(read(project, 'samples/good.yaml'));
    await assert.rejects(dryRun(read(project, 'samples/bad.yaml')), /spec\.copies/);
  });

  it('can be installed as it is, with the packages that it names', async () => {
    const project = path.join(folder, 'on-azure');
    const npm = (cwd: string, ...args: string[]): string =>
      execFileSync('npm', args, {
        cwd,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env },
      });
    const packed = npm(
      path.join(root, 'functions/sdk'),
      'pack',
      '--silent',
      '--pack-destination',
      folder,
    ).trim();
    rmSync(project, { recursive: true });
    await made('on-azure', '--kind', 'Widget', '--host', 'azure', '--sdk', `file:../${packed}`);
    npm(project, 'install', '--no-audit', '--no-fund', '--ignore-scripts');
    await succeeds(project, '--test');
    await succeeds(project, 'node_modules/typescript/bin/tsc');
    npm(project, 'run', 'build');
    assert.ok(readdirSync(path.join(project, 'dist')).includes('azure.cjs'));
  });

  for (const [crd, kind, plural] of [
    ['functions/application/crd.yaml', 'Application', 'applications.example.com'],
    ['functions/model-deployment/crd.yaml', 'ModelDeployment', 'modeldeployments.ai.example.com'],
    ['deploy/crds/deadletter.yaml', 'DeadLetter', 'deadletters.statewire.dev'],
  ] as const) {
    it(`starts from a CRD, passes its own tests and compiles: ${kind}`, async () => {
      const project = await made(kind.toLowerCase(), '--crd', path.join(root, crd), '--host', 'lambda');
      assert.equal(read(project, 'crd.yaml'), readFileSync(crd, 'utf8'));
      linkPackages(project);
      await succeeds(project, '--test');
      await succeeds(project, bin('typescript/bin/tsc'));
      if (plural.endsWith('.statewire.dev')) return;
      await applyYaml(read(project, 'crd.yaml'));
      await assert.rejects(dryRun(read(project, 'samples/bad.yaml')));
      if (kind === 'ModelDeployment') {
        const rule = 'samples/good.yaml: see whether spec.model.uri meets its rules';
        assert.ok(doubts.get('modeldeployment')?.includes(rule));
      } else await dryRun(read(project, 'samples/good.yaml'));
    });
  }

  it('is run by statewire dev, and makes its sample ready', async (t) => {
    const project = path.join(folder, 'on-http');
    const args = [
      'dev',
      path.join(project, 'function.ts'),
      '--kubeconfig',
      cluster.kubeconfigPath,
      '-n',
      namespace,
    ];
    const dev = new TestProcess(process.execPath, [ENTRY, ...args]);
    t.after(() => dev[Symbol.asyncDispose]());
    await eventually('it is ready', () => dev.output.includes('ready'));
    await cluster.kubectl(['-n', namespace, 'apply', '-f', path.join(project, 'samples/good.yaml')]);
    await eventually('the sample is ready', async () => {
      const table = await cluster.kubectl(['-n', namespace, 'get', `widgets.${group}`, 'good']);
      return /^good +2 +True /m.test(table);
    });
    assert.match(dev.output, /as in .*trigger\.yaml; temporary/);
  });

  it('takes the kind that is asked for out of several', async () => {
    const both = ['functions/application/crd.yaml', 'deploy/crds/deadletter.yaml'].map((one) =>
      readFileSync(one, 'utf8'),
    );
    const file = path.join(folder, 'both.yaml');
    writeFileSync(file, both.join('\n---\n'));
    const project = await made('chosen', '--crd', file, '--kind', 'Application');
    assert.match(read(project, 'crd.yaml'), /kind: Application/);
    const { code, stderr } = await statewire('unclear', '--crd', file);
    assert.deepEqual([code, stderr], [2, 'statewire new: --kind: choose one of Application, DeadLetter\n']);
  });

  it('is named after its kind where that is left out', async () => {
    assert.match(read(await made('web-site', '--host', 'fetch'), 'crd.yaml'), /kind: WebSite\n/);
  });

  it('leaves a folder alone that is there', async () => {
    mkdirSync(path.join(folder, 'mine'));
    const { code, stderr } = await statewire('mine');
    assert.deepEqual([code, stderr], [2, 'statewire new: NAME: ./mine is there already\n']);
    assert.deepEqual(readdirSync(path.join(folder, 'mine')), []);
  });

  for (const { reason, args, line } of [
    { reason: 'no name', args: [], line: /NAME: give one; usage: / },
    { reason: 'a bad name', args: ['My_App'], line: /NAME: "My_App" must be / },
    { reason: 'a path', args: ['../x'], line: /NAME: "\.\.\/x" must be / },
    {
      reason: 'a bad kind',
      args: ['x', '--kind', 'widget'],
      line: /--kind: "widget" must begin with a capital/,
    },
    {
      reason: 'a bad host',
      args: ['x', '--host', 'toaster'],
      line: /--host: "toaster" is none of lambda, http, /,
    },
    { reason: 'a bad group', args: ['x', '--group', 'nodots'], line: /--group: "nodots" is no group/ },
    { reason: 'no such CRD', args: ['x', '--crd', 'gone.yaml'], line: /--crd: ENOENT/ },
    { reason: 'an unknown flag', args: ['x', '--frob'], line: /Unknown option '--frob'/ },
  ]) {
    it(`is refused with 2 and one line: ${reason}`, async () => {
      const { code, stdout, stderr } = await statewire(...args);
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, line);
      assert.equal(stderr.trimEnd().split('\n').length, 1);
      assert.ok(!readdirSync(folder).includes('x'));
    });
  }
});
