import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { RateLimit } from '../../../../forwarder/target/gate/rate-limit.ts';

/** How many calls go out at once at `nowMs`, up to 1,000. */
function burstAt(limit: RateLimit, nowMs: number): number {
  let calls = 0;
  while (calls < 1000 && limit.freeAtMs(nowMs) <= nowMs) {
    limit.spend(nowMs);
    calls++;
  }
  return calls;
}

describe('RateLimit', () => {
  it('lets one second’s worth go at once, then evenly', () => {
    const limit = new RateLimit(50);
    assert.equal(burstAt(limit, 0), 50);
    assert.equal(limit.freeAtMs(0), 20);
    assert.equal(burstAt(limit, 20), 1);
    assert.equal(burstAt(limit, 100), 4);
    assert.equal(burstAt(limit, 100_000), 50);
  });

  it('lets one call go at a time below one a second', () => {
    const limit = new RateLimit(0.1);
    assert.equal(burstAt(limit, 0), 1);
    assert.equal(limit.freeAtMs(5000), 10_000);
    assert.equal(burstAt(limit, 10_000), 1);
  });

  it('limits nothing where there is no rate', () => {
    assert.equal(burstAt(new RateLimit(undefined), 0), 1000);
  });

  it('takes a token back', () => {
    const limit = new RateLimit(1);
    limit.spend(0);
    limit.refund();
    assert.equal(burstAt(limit, 0), 1);
  });
});

describe('RateLimit, whatever the times of the calls', () => {
  it('never lets more go than a burst and the rate allow, and is free at the time it names', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.01, max: 1000, noNaN: true }),
        fc.array(fc.double({ min: 0, max: 500, noNaN: true }), { maxLength: 100, size: 'max' }),
        (ratePerSecond, gapsMs) => {
          const limit = new RateLimit(ratePerSecond);
          let nowMs = 0;
          let calls = 0;
          for (const gapMs of gapsMs) {
            nowMs += gapMs;
            const freeAtMs = limit.freeAtMs(nowMs);
            assert.equal(limit.freeAtMs(freeAtMs), freeAtMs);
            if (freeAtMs > nowMs) continue;
            limit.spend(nowMs);
            calls++;
            assert.ok(calls <= Math.max(1, ratePerSecond) + (nowMs / 1000) * ratePerSecond + 1e-6);
          }
        },
      ),
    );
  });
});
