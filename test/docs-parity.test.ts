/** Reference pages say what the code says: each is made from its source and compared with what is committed. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { PAGES } from '../scripts/generate-docs.ts';

/** Without what the formatter does to tables and code. */
function plain(markdown: string): string {
  return markdown.replaceAll(/-{3,}/g, '---').replaceAll(/[*_]/g, '*').replaceAll(/\s+/g, ' ').trim();
}

describe('the reference pages', () => {
  for (const [name, render] of Object.entries(PAGES)) {
    it(`${name} is what scripts/generate-docs.ts makes`, () => {
      assert.equal(plain(readFileSync(name, 'utf8')), plain(render()), 'run node scripts/generate-docs.ts');
    });
  }

  it('notice a word that was changed', () => {
    const [render] = Object.values(PAGES);
    const text = render?.() ?? '';
    assert.ok(text.length > 1000);
    assert.notEqual(plain(text), plain(text.replace('Durations', 'Lengths')));
  });
});
