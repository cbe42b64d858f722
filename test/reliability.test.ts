/** docs/reliability.md claims nothing without a test or a benchmark: each row names one that exists, and its bugs fit the code. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { readExhibits } from './museum/exhibit.ts';
import { tableRows } from './support/documents.ts';

const PAGE = 'docs/reliability.md';
const rows = tableRows(PAGE, 'id', 'fault', 'what must hold', 'measured', 'shown by');

/** A title as it stands in the code; `…` stands for anything, as it may be put together there. */
function isTitleIn(text: string, title: string): boolean {
  const parts = title.split(/\s*…\s*/).map((part) => RegExp.escape(part));
  return new RegExp(`['\`]${parts.join('.*')}['\`]`).test(text);
}

describe('the table of faults', () => {
  it('has rows, each about a fault of its own', () => {
    assert.ok(rows.length >= 25, `${rows.length}`);
    assert.equal(new Set(rows.map((row) => row['fault'])).size, rows.length);
  });

  for (const row of rows) {
    it(`${row['id']} (${row['fault']?.slice(0, 40)}) names what exists, and says what was measured`, () => {
      const named = [...(row['shown by'] ?? '').matchAll(/\[[^\]]+\]\(([^)]+)\)(?: "([^"]+)")?/g)];
      assert.ok(named.length > 0, row['shown by']);
      for (const [, target = '', title] of named) {
        const file = path.join(path.dirname(PAGE), target);
        assert.ok(existsSync(file), file);
        if (title !== undefined)
          assert.ok(isTitleIn(readFileSync(file, 'utf8'), title), `${file} has no test "${title}"`);
      }
      for (const column of ['fault', 'what must hold', 'measured']) assert.notEqual(row[column], '', column);
    });
  }

  it('would notice a title that is not there', () => {
    const text = "it('may end', …); it(`may be ${name} to each`, …)";
    assert.ok(isTitleIn(text, 'may end') && isTitleIn(text, 'may be … to each'));
    assert.ok(!isTitleIn(text, 'may en') && !isTitleIn(text, 'may be … to all'));
  });
});

describe('the museum', () => {
  for (const { name, file } of readExhibits('.')) {
    it(`has ${name} as a patch that applies`, () => {
      execFileSync('git', ['apply', '--check', file], { stdio: 'pipe' });
    });
  }
});
