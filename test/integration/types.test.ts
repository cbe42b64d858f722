/** `statewire types` against the API server that gives its CRDs their meaning: what it takes parses, what it refuses does not. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { after, describe, it } from 'node:test';
import * as fc from 'fast-check';
import type { $ZodType } from 'zod/v4/core';
import { safeParse } from 'zod';
import type { CrdSchema } from '../../cli/types/crd.ts';
import { loosen } from '../../functions/sdk/loosen.ts';
import { applyYaml, sharedLocalCluster, uniqueGroup } from '../support/cluster.ts';
import { SCHEMAS as OF_FEATURES, valuesOf } from '../support/crd-schemas.ts';
import { SCHEMAS_OF_OTHERS } from '../support/crd-schemas-of-others.ts';
import { connectApi } from '../support/kube-api.ts';
import { runNode } from '../support/run-program.ts';

const VALUES = 150;
const SCHEMAS = [...OF_FEATURES, ...SCHEMAS_OF_OTHERS];

const cluster = await sharedLocalCluster();
const api = connectApi({ after }, cluster);
const group = uniqueGroup('types');
// Within the repository, so that the packages are found.
mkdirSync('dist', { recursive: true });
const folder = path.resolve(mkdtempSync(path.join('dist', 'types-')));
after(() => rmSync(folder, { recursive: true, force: true }));

const plural = (name: string): string => `${name.toLowerCase()}s`;

function crdOf(name: string, spec: CrdSchema, version = 'v1'): object {
  const schema = {
    openAPIV3Schema: { type: 'object', required: ['spec'], properties: { spec, status: spec } },
  };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural(name)}.${group}` },
    spec: {
      group,
      scope: 'Cluster',
      names: {
        plural: plural(name),
        singular: name.toLowerCase(),
        kind: name,
        shortNames: [`${name}x`.toLowerCase()],
      },
      versions: [
        { name: version, served: true, storage: true, schema, subresources: { status: {} } },
        { name: 'v2alpha1', served: true, storage: false, schema, subresources: { status: {} } },
      ],
    },
  };
}

const statewire = (...args: string[]): ReturnType<typeof runNode> =>
  runNode(['cli/main.ts', 'types', ...args], { env: { PATH: process.env['PATH'] } });

const crds = SCHEMAS.map(({ name, spec }) => JSON.stringify(crdOf(name, spec)));
await applyYaml(crds.join('\n---\n'));
for (const [index, { name }] of SCHEMAS.entries()) {
  const file = path.join(folder, `${name}.json`);
  writeFileSync(file, crds[index] ?? '');
  const { stdout, stderr } = await statewire(file);
  assert.equal(stderr, '');
  writeFileSync(path.join(folder, `${name}.ts`), stdout);
}
after(() =>
  cluster.kubectl([
    'delete',
    'crd',
    '--wait=false',
    ...SCHEMAS.map(({ name }) => `${plural(name)}.${group}`),
  ]),
);

describe('the module of a CRD', () => {
  for (const { name, spec, exact } of SCHEMAS) {
    it(`takes what the API server takes${exact ? ', and refuses what it refuses' : ''}: ${name}`, async () => {
      const module = (await import(pathToFileURL(path.join(folder, `${name}.ts`)).href)) as Record<
        string,
        $ZodType
      >;
      const schema = module[`${name.toLowerCase()}SpecSchema`] as $ZodType;
      const seen = { taken: 0, refused: 0, refusedByBoth: 0 };
      await fc.assert(
        fc.asyncProperty(valuesOf(spec), async (value) => {
          const { status, text } = await api.send(
            'POST',
            `/apis/${group}/v1/${plural(name)}?dryRun=All&fieldValidation=Ignore`,
            { apiVersion: `${group}/v1`, kind: name, metadata: { name: 'a' }, spec: value },
          );
          if (status === 201) {
            seen.taken += 1;
            const { spec: stored } = JSON.parse(text) as { spec: unknown };
            for (const form of [schema, loosen(schema)]) {
              const read = safeParse(form as never, stored);
              assert.ok(read.success, `${JSON.stringify(stored)}: ${read.error?.message}`);
              // Nothing is left to fill in.
              assert.deepEqual(JSON.parse(JSON.stringify(form === schema ? stored : read.data)), stored);
            }
            return;
          }
          assert.ok(status === 422 || status === 400, text);
          seen.refused += 1;
          const { success } = safeParse(schema as never, value);
          if (!success) seen.refusedByBoth += 1;
          assert.ok(!success || !exact, `the API server refuses ${JSON.stringify(value)}: ${text}`);
        }),
        { numRuns: VALUES },
      );
      assert.ok(seen.taken > 5 && seen.refused > 5 && seen.refusedByBoth > 0, JSON.stringify(seen));
    });
  }

  it('fills in the defaults that the API server fills in', async () => {
    const [, , defaulted] = SCHEMAS;
    const module = (await import(pathToFileURL(path.join(folder, 'Defaulted.ts')).href)) as Record<
      string,
      $ZodType
    >;
    assert.equal(defaulted?.name, 'Defaulted');
    for (const sent of [{}, { inner: { other: 'a', more: {} }, nullable: {} }, { text: null, list: [] }]) {
      const { spec } = await api.call<{ spec: unknown }>('POST', `/apis/${group}/v1/defaulteds?dryRun=All`, {
        apiVersion: `${group}/v1`,
        kind: 'Defaulted',
        metadata: { name: 'a' },
        spec: sent,
      });
      assert.deepEqual(safeParse(module['defaultedSpecSchema'] as never, sent).data, spec);
    }
  });

  it('compiles as strictly as this repository does, and so does a function of its kind', async () => {
    writeFileSync(
      path.join(folder, 'use.ts'),
      `
import { defineFunction, done, type StatewireFunction } from '@statewire/functions';
import { Defaulted } from './Defaulted.ts';
import { type ListedSpec, Listed } from './Listed.ts';

export const first: StatewireFunction = defineFunction(Defaulted, {
  created: ({ object }) => {
    const count: number = object.spec.count + object.spec.inner.deep;
    return done({ status: { count, word: 'ab', list: ['a'] } });
  },
  // @ts-expect-error a status of another shape
  updated: () => done({ status: { word: 'other' } }),
});
export const second: StatewireFunction = defineFunction(Listed, {
  created: ({ object }) => {
    const words: readonly ListedSpec['word'][] = ['a', 'ab', "it's", undefined, object.spec.word];
    // @ts-expect-error not one of the words
    words.includes('other');
    return done({ status: { map: (object.spec.map ?? []).map(({ name, port }) => ({ name, port })) } });
  },
});
`,
    );
    const settings = {
      extends: path.relative(folder, 'tsconfig.json'),
      include: ['*.ts'],
      exclude: [],
    };
    writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify(settings));
    const { code, stdout } = await runNode([path.resolve('node_modules/typescript/bin/tsc'), '-p', folder]);
    assert.equal(code, 0, stdout);
  });
});

describe('statewire types', () => {
  it('takes a kind from the cluster by any of its names, as from a file', async () => {
    const { stdout: expected } = await statewire(path.join(folder, 'Plain.json'));
    // The API server tells fields in another order.
    const lines = (text: string): readonly string[] => text.split('\n').toSorted();
    for (const name of [`plains.${group}`, `Plain.${group}`, `plainx.${group}`]) {
      const { code, stdout, stderr } = await statewire(name, '--kubeconfig', cluster.kubeconfigPath);
      assert.deepEqual([code, stderr], [0, '']);
      assert.deepEqual(lines(stdout), lines(expected));
    }
  });

  it('takes another version by its name', async () => {
    const { stdout } = await statewire(path.join(folder, 'Plain.json'), '--version', 'v2alpha1');
    assert.match(stdout, /version: 'v2alpha1'/);
  });

  it('makes one module of several CRDs', async () => {
    const file = path.join(folder, 'both.yaml');
    const crds = SCHEMAS.slice(0, 2).map(({ name, spec }) => JSON.stringify(crdOf(name, spec)));
    writeFileSync(file, `${crds.join('\n---\n')}\n---\nkind: Other\n`);
    const { stdout } = await statewire(file);
    assert.match(stdout, /^export const Plain: .*^export const Listed: /ms);
    assert.equal(stdout.match(/^import \* as z/gm)?.length, 1);
  });

  for (const { reason, args, line } of [
    { reason: 'nothing', args: [], line: /^statewire types: FILE\|KIND: name one; usage: / },
    { reason: 'a file that is not there', args: ['gone.yaml'], line: /gone\.yaml: ENOENT/ },
    {
      reason: 'a file without CRDs',
      args: ['package.json'],
      line: /package\.json: holds no CustomResourceDefinition/,
    },
    {
      reason: 'a version that is not there',
      args: ['functions/application/crd.yaml', '--version', 'v9'],
      line: /--version: has no version "v9", only v1/,
    },
    {
      reason: 'an unknown kind',
      args: ['Nobody', '--kubeconfig', cluster.kubeconfigPath],
      line: /Nobody: is no file, and no custom resource/,
    },
  ]) {
    it(`ends with 2 and says so in one line: ${reason}`, async () => {
      const { code, stdout, stderr } = await statewire(...args);
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, line);
      assert.equal(stderr.trimEnd().split('\n').length, 1);
    });
  }
});
