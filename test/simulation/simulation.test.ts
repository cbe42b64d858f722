/** The promises in simulated hours, with seeds that are always the same and some that never are. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describeViolation } from '../support/history/history.ts';
import { newTally, simulate, type Tally } from './simulation.ts';

const FIXED_SEEDS = [1, 2, 3, 4];
const FRESH_SEEDS = [1, 2].map(() => Math.floor(Math.random() * 2 ** 31));
const HOURS = 24;

async function holds(seed: number): Promise<Tally> {
  const tally = newTally();
  const finding = await simulate({ seed, hours: HOURS }, tally);
  if (finding !== undefined)
    assert.fail(`seed ${finding.seed} hour ${finding.hour}\n${describeViolation(finding.violation)}`);
  assert.equal(tally.hours, HOURS);
  return tally;
}

/** What is drawn afresh may be a quiet day for once. */
function isBusy({ writes, faults, invocations }: Tally): void {
  assert.ok(writes >= 10 * HOURS, 'at least ten writes an hour');
  assert.ok([...faults.values()].reduce((sum, count) => sum + count, 0) >= HOURS, 'a fault an hour');
  assert.ok(invocations > HOURS);
}

describe('A simulated day keeps every promise', () => {
  for (const seed of FIXED_SEEDS) it(`with seed ${seed}`, async () => isBusy(await holds(seed)));
  for (const seed of FRESH_SEEDS) it(`with the fresh seed ${seed}`, async () => void (await holds(seed)));
});

describe('A simulation', () => {
  it('is the same again with the same seed, fact for fact', async () => {
    const live = async (): Promise<string[]> => {
      const digests: string[] = [];
      await simulate(
        { seed: 7, hours: 4, digests: true, onWorld: (history) => digests.push(history.digest()) },
        newTally(),
      );
      return digests;
    };
    const first = await live();
    assert.equal(first.length, 1);
    assert.deepEqual(await live(), first);
  });

  it('is another one with another seed', async () => {
    const digests: string[] = [];
    for (const seed of [1, 2]) {
      await simulate(
        { seed, hours: 1, digests: true, onWorld: (history) => digests.push(history.digest()) },
        newTally(),
      );
    }
    assert.notEqual(digests[0], digests[1]);
  });

  it('lives every kind of fault within a few days', async () => {
    const tally = newTally();
    await simulate({ seed: 11, hours: 96 }, tally);
    assert.ok(tally.faults.size >= 18, [...tally.faults.keys()].join(' '));
  });
});
