/** `statewire dev`, as somebody runs it who writes a function: by the bundle, against a real control plane. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, describe, it, type TestContext } from 'node:test';
import type { KubeObject } from '../../forwarder/model/kube-object.ts';
import { applyCrds, applyYaml, sharedLocalCluster, testNamespace, uniqueGroup } from '../support/cluster.ts';
import { TestProcess } from '../support/child-process.ts';
import { eventually } from '../support/eventually.ts';
import { runNode } from '../support/run-program.ts';
import { widgetCrd } from '../support/widgets.ts';

const ENTRY = process.env['STATEWIRE_TEST_ENTRY'] ?? path.resolve('dist/statewire.cjs');
const cluster = await sharedLocalCluster();
const group = uniqueGroup('dev');
// A dead letter could be written.
await applyCrds();
await applyYaml(JSON.stringify(widgetCrd(group)));
after(() => cluster.kubectl(['delete', 'crd', `widgets.${group}`, '--wait=false']));

const FUNCTION = `
import { customResource, defineFunction, done, permanent } from '@statewire/functions';
import * as z from 'zod';
import { word } from './word.ts';

const Widget = customResource({ group: '${group}', version: 'v1', kind: 'Widget', spec: z.object({ size: z.number() }) });

export const widget = defineFunction(Widget, {
  created: ({ object, log, children }) => {
    log.info('at work', { pid: process.pid, temporary: process.env.TMPDIR });
    if (object.spec.size === 13) throw permanent('never thirteen');
    if (object.spec.size === 666) process.exit(3);
    const config = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: object.metadata.name }, data: { word } };
    return done({ status: { phase: word }, ...(children['ConfigMap.v1'] && { apply: [config] }) });
  },
  updated: () => done({ status: { phase: word } }),
});
`;

interface Project {
  readonly folder: string;
  readonly namespace: string;
  readonly temporary: string;
  readonly write: (name: string, text: string) => void;
  readonly start: (...args: string[]) => TestProcess;
  readonly widget: (name: string, size: number) => Promise<void>;
  readonly get: (name: string) => Promise<KubeObject & { readonly status?: { readonly phase?: string } }>;
}

async function project(t: TestContext): Promise<Project> {
  const namespace = await testNamespace(t);
  // Within the repository, so that the packages are found.
  mkdirSync('dist', { recursive: true });
  const folder = path.resolve(mkdtempSync(path.join('dist', 'dev-')));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  // As it is installed. zod is found further up.
  const sdk = path.join(folder, 'node_modules/@statewire/functions');
  for (const part of ['package.json', 'dist']) {
    cpSync(path.join('functions/sdk', part), path.join(sdk, part), { recursive: true });
  }
  const temporary = path.join(folder, 'temporary');
  mkdirSync(temporary);
  const write = (name: string, text: string): void => writeFileSync(path.join(folder, name), text);
  write('word.ts', `export const word = 'first';\n`);
  write('function.ts', FUNCTION);
  return {
    folder,
    namespace,
    temporary,
    write,
    start: (...args) => {
      const options = ['--kubeconfig', cluster.kubeconfigPath, '--namespace', namespace, ...args];
      const child = new TestProcess(
        process.execPath,
        [ENTRY, 'dev', path.join(folder, 'function.ts'), ...options],
        {
          env: { PATH: process.env['PATH'], TMPDIR: temporary },
        },
      );
      t.after(() => child[Symbol.asyncDispose]());
      return child;
    },
    widget: (name, size) =>
      applyYaml(
        JSON.stringify({
          apiVersion: `${group}/v1`,
          kind: 'Widget',
          metadata: { name, namespace },
          spec: { size },
        }),
      ),
    get: async (name) =>
      JSON.parse(
        await cluster.kubectl([
          '-n',
          namespace,
          'get',
          `widgets.${group}`,
          name,
          '--show-managed-fields',
          '-o',
          'json',
        ]),
      ),
  };
}

async function shows(dev: TestProcess, text: string): Promise<void> {
  await eventually(`it shows "${text}"`, () => {
    if (!dev.running) throw new Error('it has ended');
    return dev.output.includes(text);
  }).catch((error: unknown) => assert.fail(`${String(error)}\n${dev.output}`));
}

/** By default Ctrl-C. */
async function end({ child }: TestProcess, signal: NodeJS.Signals = 'SIGINT'): Promise<number | null> {
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  child.kill(signal);
  return await ended;
}

describe('statewire dev', { timeout: 120_000 }, () => {
  it('shows an event and its result, and leaves nothing of itself behind', async (t) => {
    const { namespace, temporary, start, widget, get } = await project(t);
    await widget('before', 1);
    const dev = start();
    await shows(dev, 'ready');
    assert.match(dev.output, new RegExp(`cluster {3}${cluster.server} {2}\\(${cluster.kubeconfigPath}\\)`));
    assert.match(dev.output, new RegExp(`Widget of ${group}/v1`));
    await widget('a', 3);
    await shows(dev, 'wrote status of widgets');
    assert.match(dev.output, new RegExp(`▸ created ${namespace}/a {2}Watch\\n +spec {"size":3}\\n`));
    assert.match(dev.output, /◂ done {2}in \d+ ms\n +status \{"phase":"first"\}\n/);
    await shows(dev, ' info at work pid=');
    assert.doesNotMatch(dev.output, /before/, 'what exists is left alone');
    await widget('b', 13);
    await shows(dev, 'error, not again for this state: never thirteen');
    const [, pid = ''] = /pid=(\d+)/.exec(dev.output) ?? [];
    assert.equal(await end(dev), 0);
    assert.throws(() => process.kill(Number(pid), 0), { code: 'ESRCH' });
    assert.deepEqual(readdirSync(temporary), []);
    const { metadata, status } = await get('a');
    assert.deepEqual([status?.phase, metadata.finalizers], ['first', undefined]);
    assert.deepEqual(
      metadata.managedFields?.map(({ manager, subresource }) => `${manager} ${subresource ?? ''}`).toSorted(),
      ['kubectl ', 'statewire/widget-dev status'],
    );
    for (const kind of ['functiontriggers', 'deadletters', 'triggercheckpoints']) {
      assert.equal(
        await cluster.kubectl(['-n', namespace, 'get', `${kind}.statewire.dev`, '-o', 'name']),
        '',
      );
    }
  });

  it('reloads what is saved, and goes on with the version before where that cannot be loaded', async (t) => {
    const { folder, write, start, widget, get } = await project(t);
    const dev = start();
    await shows(dev, 'ready');
    write('word.ts', `export const word = 'second';\n`);
    await shows(dev, 'reloaded');
    await widget('a', 1);
    await shows(dev, '"phase":"second"');

    write('function.ts', `${FUNCTION}\nconst = 5;\n`);
    await shows(dev, 'cannot be loaded; the version before goes on serving');
    await shows(dev, `${path.join(folder, 'function.ts')}:`);
    await shows(dev, 'const = 5;');
    await widget('a', 2);
    await eventually(
      'the version before still serves',
      () => dev.output.split('"phase":"second"').length > 2,
    );

    write('word.ts', `export const word = 'third';\n`);
    write('function.ts', FUNCTION);
    await eventually('it is reloaded', () => dev.output.split('reloaded').length > 2);
    await widget('a', 3);
    await shows(dev, '"phase":"third"');
    await eventually('the status is written', async () => (await get('a')).status?.phase === 'third');
    assert.equal(await end(dev), 0);
  });

  it('reloads what a call has imported, though nobody imported it before', async (t) => {
    const { folder, write, start, widget } = await project(t);
    mkdirSync(path.join(folder, 'later'));
    write('later/deep.ts', `export { word } from './word.ts';\n`);
    write('later/word.ts', `export const word = 'lazy';\n`);
    write(
      'function.ts',
      FUNCTION.replace('created: (', 'created: async (').replace(
        'return done({ status: { phase: word }',
        `const deep = await import('./later/deep.ts');\nreturn done({ status: { phase: deep.word }`,
      ),
    );
    const dev = start();
    await shows(dev, 'ready');
    await widget('a', 1);
    await shows(dev, '"phase":"lazy"');
    write('later/word.ts', `export const word = 'eager';\n`);
    await shows(dev, 'reloaded');
    await widget('b', 1);
    await shows(dev, '"phase":"eager"');
    assert.equal(await end(dev), 0);
  });

  it('waits for a save where the first version cannot be loaded', async (t) => {
    const { write, start, widget } = await project(t);
    write('function.ts', `export const nothing = 1;\n`);
    const dev = start();
    await shows(dev, 'cannot be loaded; waiting for the next save');
    await shows(dev, 'function.ts exports nothing made by defineFunction');
    write('function.ts', FUNCTION.replace('./word.ts', './later.ts'));
    await shows(dev, 'later.ts');
    write('later.ts', `export const word = 'late';\n`);
    await shows(dev, 'ready');
    await widget('a', 1);
    await shows(dev, '"phase":"late"');
    assert.equal(await end(dev), 0);
  });

  for (const signal of ['SIGTERM', 'SIGHUP'] as const) {
    it(`ends by ${signal} as by Ctrl-C, a call that runs included`, async (t) => {
      const { temporary, write, start, widget, get } = await project(t);
      write(
        'function.ts',
        FUNCTION.replace('created: (', 'created: async (').replace(
          'log.info',
          'await new Promise((end) => setTimeout(end, 500)); log.info',
        ),
      );
      const dev = start();
      await shows(dev, 'ready');
      await widget('a', 1);
      await shows(dev, 'created ');
      assert.equal(await end(dev, signal), 0);
      assert.equal((await get('a')).status?.phase, 'first');
      assert.deepEqual(readdirSync(temporary), []);
    });
  }

  it('ends as by Ctrl-C where nobody reads what it shows', async (t) => {
    const { temporary, start, widget } = await project(t);
    const dev = start();
    await shows(dev, 'ready');
    const ended = once(dev.child, 'exit');
    dev.child.stdout?.destroy();
    await widget('a', 1);
    assert.deepEqual(await ended, [0, null]);
    assert.deepEqual(readdirSync(temporary), []);
  });

  it('goes on where the process of a function ends', async (t) => {
    const { start, widget } = await project(t);
    const dev = start();
    await shows(dev, 'ready');
    await widget('a', 666);
    await shows(dev, "the function's process ended with 3");
    await widget('b', 1);
    await shows(dev, 'started again');
    await shows(dev, '"phase":"first"');
    assert.equal(await end(dev), 0);
  });

  it('uses what the trigger beside the function says, and calls for what exists where that is asked for', async (t) => {
    const { namespace, write, start, widget } = await project(t);
    write(
      'trigger.yaml',
      JSON.stringify({
        apiVersion: 'statewire.dev/v1alpha1',
        kind: 'FunctionTrigger',
        metadata: { name: 'shown', namespace: 'elsewhere' },
        spec: {
          watch: {
            apiVersion: `${group}/v1`,
            kind: 'Widget',
            owns: [{ apiVersion: 'v1', kind: 'ConfigMap' }],
          },
          when: 'object.spec.size > 1',
          finalizer: true,
          target: { lambda: { functionName: 'never-called', region: 'eu-central-1' } },
        },
      }),
    );
    await widget('small', 1);
    await widget('large', 2);
    const dev = start('--existing', '--verbose');
    await shows(dev, `applied ConfigMap ${namespace}/large`);
    await shows(dev, `"kind": "FunctionResult"`);
    assert.doesNotMatch(dev.output, /small/);
    assert.equal(await end(dev), 0);
  });

  for (const { reason, args, line } of [
    { reason: 'no file', args: [], line: /^statewire dev: FILE: name one; usage: / },
    { reason: 'a file that is not there', args: ['gone.ts'], line: /FILE: gone\.ts is no file/ },
    { reason: 'an unknown flag', args: ['package.json', '--frob'], line: /Unknown option '--frob'/ },
    { reason: 'a bad namespace', args: ['package.json', '-n', 'A_b'], line: /--namespace: "A_b" is no name/ },
    { reason: 'no cluster', args: ['package.json'], line: /no API server is known/ },
  ]) {
    it(`ends with 2 and says so in one line: ${reason}`, async () => {
      const { code, stdout, stderr } = await runNode([ENTRY, 'dev', ...args], { env: { HOME: '/nowhere' } });
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, line);
      assert.equal(stderr.trimEnd().split('\n').length, 1);
    });
  }
});
