/**
 * The package as it is published, in a project of somebody else: installed under its name, compiled with plain strict
 * settings, run by Node. `npm run build` comes first. The sources are those of docs/guides/write-a-function.md.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';

const root = path.join(import.meta.dirname, '../..');
const project = mkdtempSync(path.join(tmpdir(), 'statewire-project-'));
after(() => rmSync(project, { recursive: true, force: true }));

/** What the design promises, word for word, with the imports and the handler that it takes for granted. */
const PROMISED = `
import { customResource, defineFunction, done } from '@statewire/functions';
import { toLambda } from '@statewire/functions/lambda';
import * as z from 'zod';

const reconcile = async () => done();

const Application = customResource({ group: 'example.com', version: 'v1', kind: 'Application',
  spec: z.object({ image: z.string(), replicas: z.number().int().min(0) }),
  status: z.object({ availableReplicas: z.number().int() }).partial() });

export const application = defineFunction(Application, {
  created: reconcile, updated: reconcile,
  deleted: async () => done(),
});
export const handler = toLambda(application);
`;

/** The package's own files, as `files` in its package.json says; everything else from this repository. */
function install(): void {
  const modules = path.join(project, 'node_modules');
  const sdk = path.join(modules, '@statewire/functions');
  mkdirSync(sdk, { recursive: true });
  for (const part of ['package.json', 'dist']) {
    cpSync(path.join(import.meta.dirname, part), path.join(sdk, part), { recursive: true });
  }
  for (const other of ['zod', '@types', 'undici-types']) {
    symlinkSync(path.join(root, 'node_modules', other), path.join(modules, other));
  }
}

/** TypeScript blocks of the guide whose first line names a file, as `// website.ts` does. */
function guide(): ReadonlyMap<string, string> {
  const text = readFileSync(path.join(root, 'docs/guides/write-a-function.md'), 'utf8');
  return new Map(
    [...text.matchAll(/^```ts\n\/\/ (\S+\.ts)\n(.*?)^```/gms)].map(([, name, code]) => [
      name ?? '',
      code ?? '',
    ]),
  );
}

function run(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: project, encoding: 'utf8' });
  assert.equal(status, 0, stdout + stderr);
  return stdout;
}

describe('@statewire/functions, installed', () => {
  install();
  const [, readme = ''] =
    /^```ts\n(.*?)^```/ms.exec(readFileSync(path.join(import.meta.dirname, 'README.md'), 'utf8')) ?? [];
  const files = new Map([...guide(), ['promised.ts', PROMISED], ['readme.ts', readme]]);
  for (const [name, code] of files) writeFileSync(path.join(project, name), code);
  writeFileSync(path.join(project, 'package.json'), JSON.stringify({ type: 'module', private: true }));
  writeFileSync(
    path.join(project, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: {
        module: 'nodenext',
        target: 'es2022',
        strict: true,
        noEmit: true,
        allowImportingTsExtensions: true,
        types: ['node'],
      },
    }),
  );

  it('has everything that the guide and the README use', () => {
    assert.deepEqual([...files.keys()].toSorted(), [
      'lambda.ts',
      'promised.ts',
      'publisher.ts',
      'readme.ts',
      'server.ts',
      'website.test.ts',
      'website.ts',
    ]);
  });

  it('compiles in a strict project, its declarations checked too', () => {
    run(path.join(root, 'node_modules/typescript/bin/tsc'), '-p', '.');
  });

  it('runs the definition of the design', () => {
    const script = `
      import { handler } from './promised.ts';
      const object = { apiVersion: 'example.com/v1', kind: 'Application', metadata: { name: 'a', uid: 'u' },
        spec: { image: 'i', replicas: 1 } };
      const event = { specversion: '1.0', id: 'u:g1', source: 's', type: 'dev.statewire.resource.created', trigger: 'a/b',
        data: { object, reason: 'Watch' } };
      console.log(JSON.stringify(await handler(event)));`;
    assert.deepEqual(JSON.parse(run('--input-type=module', '--eval', script)), {
      apiVersion: 'statewire.dev/v1alpha1',
      kind: 'FunctionResult',
    });
  });

  it("passes the guide's own test", () => {
    run('website.test.ts');
  });

  it('opens every subpath that it names, and no file beside them', () => {
    const { exports } = JSON.parse(readFileSync(path.join(import.meta.dirname, 'package.json'), 'utf8')) as {
      exports: Record<string, unknown>;
    };
    const subpaths = Object.keys(exports).filter((one) => !one.endsWith('.json'));
    assert.deepEqual(subpaths, [
      '.',
      './lambda',
      './http',
      './express',
      './openfaas',
      './knative',
      './cloud-function',
      './azure',
      './fetch',
      './testing',
    ]);
    const script = `
      for (const one of ${JSON.stringify(subpaths)}) await import('@statewire/functions' + one.slice(1));
      const hidden = await import('@statewire/functions/run').catch((error) => error.code);
      console.log(hidden);`;
    assert.equal(run('--input-type=module', '--eval', script).trim(), 'ERR_PACKAGE_PATH_NOT_EXPORTED');
  });
});
