/** What the documents say can be followed: links lead somewhere, examples are valid, commands exist. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { readTrigger } from '../forwarder/config/read-trigger.ts';
import { codeBlocks, DOCUMENTS, documentedTriggers, headings, links } from './support/documents.ts';

/** Files that are in the repository. */
// The checkout may belong to another user than the one who tests it.
const TRACKED = execFileSync('git', ['-c', 'safe.directory=*', 'ls-files', '-z'], { encoding: 'utf8' })
  .split('\0')
  .filter(Boolean);

describe('documents', () => {
  for (const document of DOCUMENTS) {
    it(`${document} links to what exists`, () => {
      const broken = links(document).filter(({ file, anchor }) => {
        if (!existsSync(file)) return true;
        return anchor !== undefined && !headings(file).includes(anchor);
      });
      assert.deepEqual(broken, []);
    });
  }

  it('are all reached from the README', () => {
    const reached = new Set(['README.md']);
    for (const document of reached) {
      for (const { file } of links(document)) if (file.endsWith('.md')) reached.add(file);
    }
    assert.deepEqual(
      DOCUMENTS.filter((document) => !reached.has(document)),
      [],
    );
  });

  it('name npm scripts that exist', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as {
      scripts: Record<string, string>;
    };
    const named = DOCUMENTS.flatMap((document) =>
      [
        ...readFileSync(document, 'utf8').matchAll(/npm (?:run |(?=start\b|test\b))(?:--silent )?([\w:-]+)/g),
      ].map(([, script]) => script ?? ''),
    );
    assert.ok(named.length > 10);
    assert.deepEqual(
      [...new Set(named)].filter((script) => !Object.hasOwn(scripts, script)),
      [],
    );
  });

  it('name commands of statewire that exist', () => {
    const known = [...readFileSync('cli/main.ts', 'utf8').matchAll(/^ {2}([\w-]+): \{$/gm)].map(
      ([, name]) => name,
    );
    assert.deepEqual(known, ['forwarder', 'demo', 'new', 'dev', 'types', 'replay', 'cluster']);
    const named = DOCUMENTS.flatMap((document) =>
      [...readFileSync(document, 'utf8').matchAll(/(?:(?<=[`"(])statewire|statewire\.cjs) ([a-z]+)/g)].map(
        ([, command = '']) => command,
      ),
    );
    assert.ok(named.length > 5);
    assert.deepEqual(
      [...new Set(named)].filter((command) => !known.includes(command)),
      [],
    );
  });
});

describe('triggers in documents', () => {
  const triggers = documentedTriggers();

  it('are found', () => assert.ok(triggers.length >= 7, `${triggers.length}`));

  for (const { document, name, manifest } of triggers) {
    it(`${document}: ${name} has no problems`, () => {
      const { metadata } = manifest as { metadata: object };
      const stored = { ...(manifest as object), metadata: { uid: 'uid-1', ...metadata } };
      assert.ok(
        'trigger' in readTrigger(stored, { source: 'file' }),
        JSON.stringify(readTrigger(stored, { source: 'file' })),
      );
    });
  }
});

describe('TypeScript in documents', () => {
  it('has the right types', () => {
    mkdirSync('dist', { recursive: true });
    const folder = mkdtempSync(path.join('dist', 'docs-'));
    try {
      for (const document of DOCUMENTS) {
        for (const [index, { text }] of codeBlocks(document, 'ts').entries()) {
          // A block that says which file it is, is one of a few that belong together.
          const name = /^\/\/ ([\w-]+\.ts)\n/.exec(text)?.[1] ?? `block-${index}.ts`;
          const at = path.join(folder, document.replaceAll('/', '-').replace(/\.md$/, ''));
          mkdirSync(at, { recursive: true });
          writeFileSync(path.join(at, name), text.replaceAll("'../../", `'${path.relative(at, '.')}/`));
        }
      }
      const settings = {
        extends: path.relative(folder, 'tsconfig.json'),
        compilerOptions: { isolatedDeclarations: false, declaration: false },
        include: ['**/*.ts'],
        exclude: [],
      };
      writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify(settings));
      const { status, stdout } = spawnSync(path.join('node_modules', '.bin', 'tsc'), ['-p', folder], {
        encoding: 'utf8',
      });
      assert.equal(status, 0, stdout);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('the repository', () => {
  /** Put together here, so that this file has none of them. */
  const word = (...parts: readonly string[]): string => parts.join('');
  const FORBIDDEN: readonly (readonly [what: string, pattern: RegExp])[] = [
    [
      'host name of a registry',
      new RegExp(
        [
          word('npm', 'js'),
          word('proxy.', 'golang'),
          word('repo1.', 'maven'),
          word('py', 'pi\\.'),
          word('deb.', 'debian'),
          word('registry.', 'k8s.io'),
        ].join('|'),
      ),
    ],
    ['path of some machine', new RegExp(word('(?<![\\w.])/(?:work|home/(?!ann\\b)\\w+|', 'root|Users)/\\w'))],
    ['note to self', new RegExp(word('\\b(?:TO', 'DO|FIX', 'ME|X', 'XX)\\b'))],
  ];

  for (const [what, pattern] of FORBIDDEN) {
    it(`has no ${what} in any file`, () => {
      const found = TRACKED.filter((file) => existsSync(file)).flatMap((file) => {
        const lines = readFileSync(file, 'utf8').split('\n');
        return lines.flatMap((line, index) =>
          pattern.test(line) ? [`${file}:${index + 1}: ${line.slice(0, 120)}`] : [],
        );
      });
      assert.deepEqual(found, []);
    });
  }
});
