import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkHistory, History, readHistory } from '../../support/history/history.ts';
import { story } from '../../support/history/story.ts';

describe('A history', () => {
  it('is JSON lines that can be read and checked again', () => {
    const seen: string[] = [];
    const history = new History({ onViolation: ({ invariant }) => seen.push(invariant) });
    for (const fact of story().handled().wait(500).call('updated').facts) history.record(fact);
    assert.deepEqual(seen, ['I4']);
    assert.deepEqual(checkHistory(readHistory(history.text())), history.violations);
  });

  it('keeps the last facts only where it is told to', () => {
    const history = new History({ keep: 2 });
    for (const fact of story().handled().facts) history.record(fact);
    assert.deepEqual(
      history.facts.map(({ fact }) => fact),
      ['call', 'end'],
    );
  });
});
