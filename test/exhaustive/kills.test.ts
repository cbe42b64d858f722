/**
 * Whatever goes out from a process, its end may come right before, right after, or when the answer is there. A process
 * is killed at each such moment of a short life and another one started, and once more in the life of that one: in the
 * end all is as it would have been.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { brokenBy, live } from './short-life.ts';

describe('A forwarder that is killed', async () => {
  const undisturbed = await live();

  it('does all there is to do in the life that is tried here', async (t) => {
    const { outcome, stages, calls } = undisturbed;
    t.diagnostic(`${stages.length} stages, ${calls} calls`);
    t.diagnostic(outcome.join('\n'));
    assert.ok(calls > 15 && stages.length > 300);
    assert.deepEqual(await live(), undisturbed, 'it is always the same');
  });

  it('at any moment leaves nothing behind', async () => {
    for (let stage = 1; stage <= undisturbed.stages.length; stage++)
      assert.equal(await brokenBy(undisturbed, [stage]), undefined);
  });

  it('at any moment, as the next one is, leaves nothing behind', async () => {
    for (let first = 3; first <= undisturbed.stages.length; first += 31)
      for (let second = 1 + (first % 5); second <= 60; second += 13)
        assert.equal(await brokenBy(undisturbed, [first, second]), undefined);
  });
});
