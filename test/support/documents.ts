/** The Markdown of this repository, taken apart. */
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { loadAll } from 'js-yaml';

/** Every document, by its path from the root. */
export const DOCUMENTS: readonly string[] = globSync(['*.md', '{docs,functions,bench,deploy}/**/*.md'], {
  exclude: (name) => name.includes('node_modules'),
}).toSorted();

export interface CodeBlock {
  readonly language: string;
  readonly text: string;
}

export interface Link {
  /** From the root. */
  readonly file: string;
  readonly anchor?: string;
}

export interface Cells {
  readonly [column: string]: string;
}

/** Blocks of one language, in order. */
export function codeBlocks(document: string, language: string): readonly CodeBlock[] {
  return [...readFileSync(document, 'utf8').matchAll(/^```(\w*)[^\n]*\n(.*?)^```$/gms)]
    .map(([, language = '', text = '']) => ({ language, text }))
    .filter((block) => block.language === language);
}

/** What a document says beside its code. */
function prose(document: string): string {
  return readFileSync(document, 'utf8').replaceAll(/^```.*?^```$/gms, '');
}

/** Relative links and pictures. */
export function links(document: string): readonly Link[] {
  return [...prose(document).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = '']) => {
    if (/^[a-z]+:/.test(target)) return [];
    const [relative = '', anchor] = target.split('#');
    const file = relative === '' ? document : path.join(path.dirname(document), relative);
    return [{ file, ...(anchor !== undefined && { anchor }) }];
  });
}

/** Anchors of a document's headings, as GitHub makes them. */
export function headings(document: string): readonly string[] {
  return [...prose(document).matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** Rows of every table whose header has these columns, by column; without the code marks around a cell. */
export function tableRows(document: string, ...columns: readonly string[]): readonly Cells[] {
  const tables = readFileSync(document, 'utf8').split(/\n(?!\|)/);
  return tables.flatMap((table) => {
    const [header = [], , ...rows] = table
      .split('\n')
      .filter((line) => line.startsWith('|'))
      .map((line) =>
        line
          .split('|')
          .slice(1, -1)
          .map((cell) => cell.trim()),
      );
    if (!columns.every((column) => header.includes(column))) return [];
    return rows.map((row) => Object.fromEntries(header.map((column, index) => [column, row[index] ?? ''])));
  });
}

/** What stands between code marks. */
export function marked(text: string): readonly string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word);
}

/** Every FunctionTrigger in a YAML block of a document. */
export function documentedTriggers(): readonly {
  readonly document: string;
  readonly name: string;
  readonly manifest: unknown;
}[] {
  return DOCUMENTS.flatMap((document) =>
    codeBlocks(document, 'yaml')
      .flatMap(({ text }) => loadAll(text))
      .filter(
        (one): one is { kind: string; metadata: { name: string; namespace?: string } } =>
          (one as { kind?: string } | null)?.kind === 'FunctionTrigger',
      )
      .map(({ metadata, ...rest }) => ({
        document,
        name: metadata.name,
        manifest: { ...rest, metadata: { namespace: 'default', ...metadata } },
      })),
  );
}
