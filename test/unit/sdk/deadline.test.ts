import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deadline } from '../../../functions/sdk/deadline.ts';
import { ManualClock } from '../../support/manual-clock.ts';

describe('deadline', () => {
  const rows = [
    { reason: 'half a second before a long call ends', leftMs: 30_000, abortsAtMs: 29_500 },
    { reason: 'a tenth before a short call ends', leftMs: 1000, abortsAtMs: 900 },
    { reason: 'as long before as it is told', leftMs: 30_000, marginMs: 10_000, abortsAtMs: 20_000 },
    { reason: 'at once when the margin is all there is', leftMs: 1000, marginMs: 2000, abortsAtMs: 0 },
  ];
  for (const { reason, leftMs, marginMs, abortsAtMs } of rows) {
    it(`aborts ${reason}`, async () => {
      const clock = new ManualClock();
      const { signal } = deadline(clock, leftMs, { marginMs });
      assert.equal(signal.aborted, false);
      await clock.advance(Math.max(0, abortsAtMs - 1));
      assert.equal(signal.aborted, abortsAtMs === 0);
      await clock.advance(1);
      assert.equal(signal.aborted, true);
      assert.equal((signal.reason as Error).name, 'TimeoutError');
    });
  }

  for (const leftMs of [undefined, 0, -5000]) {
    it(`sets no timer when ${leftMs} ms are left`, () => {
      const clock = new ManualClock();
      const { signal } = deadline(clock, leftMs);
      assert.equal(clock.pending, 0);
      assert.equal(signal.aborted, false);
    });
  }

  it('aborts with the reason of the caller that hung up', () => {
    const caller = new AbortController();
    const { signal } = deadline(new ManualClock(), 1000, { stopped: caller.signal });
    caller.abort('gone');
    assert.equal(signal.reason, 'gone');
  });

  it('is aborted from the start for a caller that is gone already', () => {
    assert.equal(
      deadline(new ManualClock(), 1000, { stopped: AbortSignal.abort('gone') }).signal.reason,
      'gone',
    );
  });

  it('leaves no timer behind, and aborts no more, once it is released', () => {
    const clock = new ManualClock();
    const caller = new AbortController();
    const limit = deadline(clock, 1000, { stopped: caller.signal });
    limit.release();
    caller.abort();
    assert.equal(clock.pending, 0);
    assert.equal(limit.signal.aborted, false);
  });
});
