/**
 * The architecture as a table: who may import whom. Stages are siblings; `pipeline/` alone knows them all.
 *
 * docs/architecture.md explains the same table in words.
 */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { parseSync } from 'oxc-parser';
import { marked, tableRows } from './support/documents.ts';

/** Folder → folders it may import beside itself. A folder stands for all below it, unless a deeper one is listed. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  'forwarder/lib': [],
  'forwarder/model': ['protocol', 'forwarder/lib'],
  'forwarder/kube': ['forwarder/lib', 'forwarder/model'],
  'forwarder/source': ['forwarder/lib', 'forwarder/model', 'forwarder/kube'],
  'forwarder/filter': ['protocol', 'forwarder/lib', 'forwarder/model'],
  'forwarder/debounce': ['forwarder/lib', 'forwarder/model'],
  'forwarder/queue': ['forwarder/lib', 'forwarder/model'],
  'forwarder/dispatch': ['protocol', 'forwarder/lib', 'forwarder/model'],
  'forwarder/target': ['protocol', 'forwarder/lib', 'forwarder/model'],
  'forwarder/outcome': ['protocol', 'forwarder/lib', 'forwarder/model'],
  'forwarder/apply': ['protocol', 'forwarder/lib', 'forwarder/model', 'forwarder/kube'],
  'forwarder/dead-letter': ['protocol', 'forwarder/lib', 'forwarder/model', 'forwarder/kube'],
  'forwarder/checkpoint': ['forwarder/lib', 'forwarder/model'],
  'forwarder/finalizer': ['protocol', 'forwarder/lib', 'forwarder/model', 'forwarder/kube'],
  'forwarder/status': ['protocol', 'forwarder/lib', 'forwarder/model', 'forwarder/kube'],
  'forwarder/principal': ['forwarder/lib', 'forwarder/model', 'forwarder/kube'],
  'forwarder/callback': ['forwarder/lib', 'forwarder/model'],
  'forwarder/observe': ['forwarder/lib', 'forwarder/model'],
  'forwarder/config': ['protocol', 'forwarder/lib', 'forwarder/model'],
  'forwarder/pipeline': ['protocol', 'forwarder'],
  'local-cluster': ['forwarder/lib'],
  'local-cluster/simulated': ['local-cluster', 'forwarder/lib', 'forwarder/model', 'forwarder/kube'],
  cli: ['protocol', 'forwarder', 'local-cluster'],
  'functions/sdk': ['protocol'],
  'functions/application': ['functions/sdk', 'protocol'],
  'functions/my-resource': ['functions/sdk', 'protocol'],
  'functions/model-deployment': ['functions/sdk', 'protocol'],
  'functions/ai-gateway': ['functions/sdk', 'protocol'],
  'functions/public-api': ['functions/sdk', 'protocol'],
  'functions/user-provisioning': ['functions/sdk', 'protocol'],
  'functions/feature-flag': ['functions/sdk', 'protocol'],
};

const EXAMPLES = Object.keys(MAY_IMPORT).filter((folder) => /^functions\/(?!sdk)/.test(folder));

/** Third-party packages by the only folders that may import them. Node's own modules and types are free. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  '@kubernetes/client-node': ['forwarder/kube', 'cli'],
  '@aws-sdk/client-lambda': ['forwarder/target'],
  '@aws-sdk/credential-provider-web-identity': ['forwarder/target'],
  '@smithy/node-http-handler': ['forwarder/target'],
  '@nats-io/transport-node': ['forwarder/target', 'functions/user-provisioning'],
  kafkajs: ['forwarder/target'],
  'rabbitmq-client': ['forwarder/target'],
  '@marcbachmann/cel-js': ['forwarder/filter'],
  express: ['forwarder/observe', 'functions/sdk'],
  'js-yaml': ['forwarder/kube', 'forwarder/config', 'cli'],
  'prom-client': ['forwarder/observe'],
  undici: ['forwarder/kube', 'forwarder/target'],
  zod: ['forwarder/config', 'functions/sdk', ...EXAMPLES],
  '@statewire/functions': EXAMPLES,
};

/** The deepest listed folder that holds the file; undefined where none does. */
function folderOf(file: string): string | undefined {
  return Object.keys(MAY_IMPORT)
    .filter((folder) => file.startsWith(`${folder}/`))
    .toSorted((a, b) => b.length - a.length)[0];
}

/** Every module a source text imports or re-exports, type-only ones and literal dynamic imports too. */
function importsOf(file: string, text: string): string[] {
  const { staticImports, staticExports, dynamicImports } = parseSync(file, text).module;
  return [
    ...staticImports.map((one) => one.moduleRequest.value),
    ...staticExports.flatMap((one) => one.entries.map((entry) => entry.moduleRequest?.value ?? '')),
    ...dynamicImports
      .map((one) => text.slice(one.moduleRequest.start, one.moduleRequest.end))
      .filter((specifier) => /^['"`]/.test(specifier))
      .map((specifier) => specifier.replaceAll(/['"`]/g, '')),
  ].filter((specifier) => specifier !== '' && !specifier.startsWith('node:'));
}

/** What a file imports against the tables, one line each. */
function violations(file: string, text: string): string[] {
  const folder = folderOf(file);
  if (folder === undefined) return [`${file} is in no folder of the table`];
  const allowed = [folder, ...(MAY_IMPORT[folder] ?? [])];
  return importsOf(file, text).flatMap((specifier) => {
    if (specifier.startsWith('.')) {
      const to = path.posix.normalize(path.posix.join(path.posix.dirname(file), specifier));
      return allowed.some((one) => to.startsWith(`${one}/`)) ? [] : [`${file} must not import ${to}`];
    }
    const name = specifier
      .split('/')
      .slice(0, specifier.startsWith('@') ? 2 : 1)
      .join('/');
    return (PACKAGES[name] ?? []).some((one) => folder === one || folder.startsWith(`${one}/`))
      ? []
      : [`${file} must not import package ${name}`];
  });
}

const files = globSync(
  ['protocol/**/*.ts', 'forwarder/**/*.ts', 'functions/**/*.ts', 'local-cluster/**/*.ts', 'cli/**/*.ts'],
  {
    exclude: (name) => /node_modules|\/dist$/.test(name),
  },
).filter((file) => !file.endsWith('.test.ts') && !file.endsWith('.d.ts') && !file.includes('/dist/'));

describe('architecture', () => {
  for (const file of files) {
    it(`${file} imports only what its folder may`, () => {
      assert.deepEqual(violations(file, readFileSync(file, 'utf8')), []);
    });
  }

  it('is told by docs/architecture.md as it is held here', () => {
    const told = tableRows('docs/architecture.md', 'folder', 'may import').map((row) => [
      marked(row['folder'] ?? '')[0],
      marked(row['may import'] ?? ''),
    ]);
    assert.deepEqual(Object.fromEntries(told), MAY_IMPORT);
  });

  it('keeps each file to one idea: at most 300 lines', () => {
    const long = files.filter((file) => readFileSync(file, 'utf8').split('\n').length > 300);
    assert.deepEqual(long, []);
  });

  it('keeps timers and wall-clock time in lib/clock.ts', () => {
    const offenders = files
      .filter((file) => file.startsWith('forwarder/') && file !== 'forwarder/lib/clock.ts')
      .filter((file) =>
        /\b(setTimeout|setInterval|setImmediate|Date\.now|AbortSignal\.timeout|performance\.now)\(/.test(
          readFileSync(file, 'utf8'),
        ),
      );
    assert.deepEqual(offenders, []);
  });

  describe('the check itself', () => {
    const bad = [
      {
        reason: 'a sideways import',
        file: 'forwarder/filter/x.ts',
        text: `import { WorkQueue } from '../queue/work-queue.ts';`,
      },
      {
        reason: 'a sideways type import',
        file: 'forwarder/queue/x.ts',
        text: `import type { A } from '../debounce/a.ts';`,
      },
      { reason: 'a re-export', file: 'forwarder/source/x.ts', text: `export { a } from '../target/a.ts';` },
      {
        reason: 'a dynamic import',
        file: 'forwarder/apply/x.ts',
        text: `await import('../target/http.ts');`,
      },
      { reason: 'an upward import', file: 'forwarder/lib/x.ts', text: `import '../model/trigger.ts';` },
      {
        reason: 'a package outside its edge',
        file: 'forwarder/queue/x.ts',
        text: `import { request } from 'undici';`,
      },
      { reason: 'a file outside every folder', file: 'forwarder/stray.ts', text: `` },
    ];
    for (const { reason, file, text } of bad) {
      it(`finds ${reason}`, () => assert.equal(violations(file, text).length, 1));
    }
    it('lets the pipeline import a stage', () => {
      assert.deepEqual(violations('forwarder/pipeline/x.ts', `import { a } from '../queue/a.ts';`), []);
    });
  });
});
