/** A historic bug as a patch to this repository: what it was, whose, and which broken promise gives it away. */
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';

export interface Exhibit {
  readonly name: string;
  /** The patch, relative to the repository. */
  readonly file: string;
  readonly bug: string;
  /** Who had it, and where one can read about it. */
  readonly whose: string;
  readonly invariant: string;
  /** Arguments of node: what looks for the broken promise, and ends with another code than 0 where there is one. */
  readonly oracle: readonly string[];
}

const FOLDER = 'test/museum';
const FIELDS = ['bug', 'whose', 'invariant', 'oracle'] as const;

/** Every exhibit, by name. Throws where a header is not whole. */
export function readExhibits(root: string): readonly Exhibit[] {
  const files = globSync(`${FOLDER}/*.patch`, { cwd: root }).toSorted();
  return files.map((file) => readExhibit(file, readFileSync(path.join(root, file), 'utf8')));
}

function readExhibit(file: string, text: string): Exhibit {
  const header = text.slice(0, text.indexOf('\ndiff --git '));
  const [bug, whose, invariant, oracle] = FIELDS.map((field) => {
    const value = new RegExp(`^${field}: (.+)$`, 'm').exec(header)?.[1];
    if (value === undefined) throw new Error(`${file}: ${field} is missing`);
    return value;
  }) as [string, string, string, string];
  return {
    name: path.basename(file, '.patch'),
    file,
    bug,
    whose,
    invariant,
    oracle: oracleOf(oracle.split(' '), invariant),
  };
}

function oracleOf(words: readonly string[], invariant: string): readonly string[] {
  if (words[0] === 'test') return ['--test', ...words.slice(1)];
  return [`${FOLDER}/oracle.ts`, ...words, '--invariant', invariant];
}
