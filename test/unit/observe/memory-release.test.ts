import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { releaseMemoryAtRest } from '../../../forwarder/observe/memory-release.ts';
import { ManualClock } from '../../support/manual-clock.ts';

/** Looks once for each share of a core, and tells how often memory was released by then. */
async function releasesAfter(shares: readonly number[]): Promise<number[]> {
  const clock = new ManualClock();
  let cpuMs = 0;
  let releases = 0;
  using _watch = releaseMemoryAtRest({ clock, cpuMs: () => cpuMs, release: () => void releases++ });
  const seen: number[] = [];
  for (const share of shares) {
    cpuMs += share * 2000;
    await clock.advance(2000);
    seen.push(releases);
  }
  return seen;
}

describe('memory release', () => {
  for (const { reason, shares, releases } of [
    { reason: 'once after the start', shares: [0, 0, 0], releases: [1, 1, 1] },
    { reason: 'not before the start is over', shares: [0.9, 0.1, 0.04], releases: [0, 0, 1] },
    {
      reason: 'once after each burst',
      shares: [0, 0.5, 0.5, 0, 0, 0.3, 0.01],
      releases: [1, 1, 1, 2, 2, 2, 3],
    },
    { reason: 'not for a trickle', shares: [0, 0.1, 0, 0.1, 0], releases: [1, 1, 1, 1, 1] },
  ]) {
    it(`happens ${reason}`, async () => assert.deepEqual(await releasesAfter(shares), releases));
  }

  it('ends when it is disposed', async () => {
    const clock = new ManualClock();
    let releases = 0;
    const watch = releaseMemoryAtRest({ clock, cpuMs: () => 0, release: () => void releases++ });
    watch[Symbol.dispose]();
    await clock.advance(10_000);
    assert.equal(releases, 0);
  });
});
