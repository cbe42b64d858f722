import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Alarm } from '../../../forwarder/lib/alarm.ts';
import { ManualClock } from '../../support/manual-clock.ts';

describe('Alarm', () => {
  function setUp(): { clock: ManualClock; alarm: Alarm; rungMs: number[] } {
    const clock = new ManualClock(0);
    const rungMs: number[] = [];
    return { clock, rungMs, alarm: new Alarm(clock, () => void rungMs.push(clock.monotonic())) };
  }

  it('rings at the earliest time it was set to, with one timer', async () => {
    const { clock, alarm, rungMs } = setUp();
    alarm.set(50);
    alarm.set(20);
    alarm.set(70);
    assert.equal(clock.pending, 1);
    await clock.advance(100);
    assert.deepEqual(rungMs, [20]);
  });

  it('can be set again while it rings and after', async () => {
    const { clock, alarm, rungMs } = setUp();
    alarm.set(10);
    await clock.advance(10);
    alarm.set(15);
    await clock.advance(10);
    assert.deepEqual(rungMs, [10, 15]);
  });

  it('never rings before the time, though timers count whole milliseconds', async () => {
    const { clock, alarm, rungMs } = setUp();
    alarm.set(10.25);
    await clock.advance(20);
    assert.deepEqual(rungMs, [11]);
  });

  it('rings at once for a time that is past, in a later turn', async () => {
    const { clock, alarm, rungMs } = setUp();
    await clock.advance(100);
    alarm.set(20);
    assert.deepEqual(rungMs, []);
    await clock.advance(0);
    assert.deepEqual(rungMs, [100]);
  });

  it('can be set again after it was stopped', async () => {
    const { clock, alarm, rungMs } = setUp();
    alarm.set(10);
    alarm.stop();
    alarm.set(20);
    await clock.advance(100);
    assert.deepEqual(rungMs, [20]);
  });

  it('does not ring once stopped, or set to never', async () => {
    const { clock, alarm, rungMs } = setUp();
    alarm.set(10);
    alarm.stop();
    alarm.set(20);
    alarm.set(undefined);
    assert.equal(clock.pending, 0);
    await clock.advance(100);
    assert.deepEqual(rungMs, []);
  });
});
