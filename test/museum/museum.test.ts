/** No historic bug can come back unseen: each is caught by the promise that it breaks. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { marked, tableRows } from '../support/documents.ts';
import { Museum } from './museum.ts';

const museum = new Museum(process.cwd());
after(() => museum[Symbol.dispose]());

describe('The museum', () => {
  it('has at least 20 bugs, told one by one in docs/reliability.md', () => {
    assert.ok(museum.exhibits.length >= 20);
    const told = tableRows('docs/reliability.md', 'patch', 'bug', 'whose', 'caught by').map(
      (row) => `${marked(row['patch'] ?? '')[0]} by ${row['caught by']}`,
    );
    const held = museum.exhibits.map(({ name, invariant }) => `${name} by ${invariant}`);
    assert.deepEqual(told.toSorted(), held.toSorted());
  });

  for (const exhibit of museum.exhibits) {
    it(`catches ${exhibit.name} by ${exhibit.invariant}`, (t) => {
      const { caughtBy, problem } = museum.visit(exhibit);
      assert.equal(problem, undefined, exhibit.bug);
      t.diagnostic(caughtBy ?? '');
    });
  }
});
