import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { objectKey } from '../../../../forwarder/model/kube-object.ts';
import type { Outcome } from '../../../../forwarder/model/outcome.ts';
import { Gate } from '../../../../forwarder/target/gate/gate.ts';

const A = objectKey('a');
const BACKOFF = { initialMs: 1000, maxMs: 300_000 };
const SUCCESS: Outcome = { kind: 'success', warnings: [] };
const FAILED: Outcome = {
  kind: 'retry',
  failure: { code: 'TARGET_FAILED', message: 'status 500' },
  warnings: [],
};
const UNREACHABLE: Outcome = {
  kind: 'target_unavailable',
  failure: { code: 'TARGET_UNREACHABLE', message: 'connection refused' },
  conclusive: true,
  warnings: [],
};
const ENTER = { kind: 'enter', probe: false } as const;

describe('Gate', () => {
  it('lets as many calls in as concurrency allows, and the next when one leaves', () => {
    const gate = new Gate({ concurrency: 2, backoff: BACKOFF });
    assert.deepEqual([gate.tryEnter(0), gate.tryEnter(0)], [ENTER, ENTER]);
    assert.deepEqual(gate.tryEnter(0), { kind: 'wait' });
    assert.equal(gate.inFlight, 2);
    gate.leave(5, { key: A, outcome: SUCCESS, probe: false });
    assert.deepEqual(gate.tryEnter(5), ENTER);
  });

  it('counts the calls of earlier versions of its trigger until they leave', () => {
    const gates = [3, 1, 2].map((concurrency) => new Gate({ concurrency, backoff: BACKOFF }));
    const [first, second, third] = gates as [Gate, Gate, Gate];
    assert.deepEqual([first.tryEnter(0), first.tryEnter(0)], [ENTER, ENTER]);
    second.succeed(first);
    third.succeed(second);
    assert.deepEqual(third.tryEnter(0), { kind: 'wait' });
    first.leave(5, { key: A, outcome: SUCCESS, probe: false });
    assert.deepEqual(third.tryEnter(5), ENTER);
    assert.equal(third.inFlight, 2);
    first.abandon({ probe: false });
    third.abandon({ probe: false });
    assert.equal(third.inFlight, 0);
  });

  it('names the time at which the rate has room', () => {
    const gate = new Gate({ concurrency: 10, ratePerSecond: 2, backoff: BACKOFF });
    assert.deepEqual([gate.tryEnter(0), gate.tryEnter(0)], [ENTER, ENTER]);
    assert.deepEqual(gate.tryEnter(0), { kind: 'wait', atMs: 500 });
    assert.deepEqual(gate.tryEnter(500), ENTER);
  });

  it('uses no rate where no slot is free, nor for a call that was never made', () => {
    const gate = new Gate({ concurrency: 1, ratePerSecond: 1, backoff: BACKOFF });
    gate.tryEnter(0);
    gate.tryEnter(1000);
    gate.abandon({ probe: false });
    assert.equal(gate.inFlight, 0);
    assert.deepEqual(gate.tryEnter(1000), ENTER);
  });

  it('names the time of the next probe while the circuit is open, lets one in, and waits for it', () => {
    const gate = new Gate({ concurrency: 10, backoff: BACKOFF });
    gate.tryEnter(0);
    const { opened } = gate.leave(0, { key: A, outcome: UNREACHABLE, probe: false });
    assert.deepEqual(opened, { code: 'TARGET_UNREACHABLE', message: 'connection refused' });
    assert.deepEqual([gate.state, gate.nextProbeAtMs, gate.problem], ['open', 1000, opened]);
    assert.deepEqual(gate.tryEnter(999), { kind: 'wait', atMs: 1000 });
    assert.deepEqual(gate.tryEnter(1000), { kind: 'enter', probe: true });
    assert.equal(gate.state, 'half_open');
    assert.deepEqual(gate.tryEnter(1000), { kind: 'wait' });
    assert.equal(gate.leave(1010, { key: A, outcome: SUCCESS, probe: true }).closed, true);
    assert.deepEqual([gate.state, gate.problem, gate.inFlight], ['closed', undefined, 0]);
    assert.deepEqual(gate.tryEnter(1010), ENTER);
  });

  it('gives a probe that was never made back', () => {
    const gate = new Gate({ concurrency: 10, ratePerSecond: 1, backoff: BACKOFF });
    gate.tryEnter(0);
    gate.leave(0, { key: A, outcome: UNREACHABLE, probe: false });
    assert.deepEqual(gate.tryEnter(1000), { kind: 'enter', probe: true });
    gate.abandon({ probe: true });
    assert.deepEqual(gate.tryEnter(1000), { kind: 'enter', probe: true });
  });

  it('forgets an object that is gone', () => {
    const gate = new Gate({ concurrency: 10, backoff: BACKOFF });
    for (const name of ['a', 'b']) gate.leave(0, { key: objectKey(name), outcome: FAILED, probe: false });
    gate.forget(A);
    gate.leave(0, { key: objectKey('c'), outcome: FAILED, probe: false });
    assert.equal(gate.state, 'closed');
  });
});

describe('Gate, whatever the order of calls', () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.constant({ do: 'enter' as const, which: 0 }) },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constantFrom('succeed', 'fail', 'abandon'), which: fc.nat(9) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('pass' as const), which: fc.nat(20_000) }) },
  );

  it('never lets more in than concurrency, nor more than one while the circuit is open, and never gets stuck', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 120, size: 'max' }),
        fc.integer({ min: 1, max: 5 }),
        fc.option(fc.integer({ min: 1, max: 20 }), { nil: undefined }),
        (history, concurrency, ratePerSecond) => {
          const gate = new Gate({
            concurrency,
            backoff: BACKOFF,
            ...(ratePerSecond !== undefined && { ratePerSecond }),
          });
          const running: { key: ReturnType<typeof objectKey>; probe: boolean }[] = [];
          let nowMs = 0;
          let count = 0;
          const enter = (): boolean => {
            const before = gate.state;
            const entry = gate.tryEnter(nowMs);
            if (entry.kind === 'wait') {
              assert.ok(
                entry.atMs !== undefined ? entry.atMs > nowMs : running.length > 0,
                'waits for nothing',
              );
              return false;
            }
            assert.equal(entry.probe, before === 'open');
            running.push({ key: objectKey(`uid-${count++ % 7}`), probe: entry.probe });
            return true;
          };
          for (const { do: action, which } of history) {
            if (action === 'enter') enter();
            else if (action === 'pass') nowMs += which;
            else {
              const [ended] = running.splice(which % Math.max(1, running.length), 1);
              if (ended === undefined) continue;
              if (action === 'abandon') gate.abandon(ended);
              else gate.leave(nowMs, { ...ended, outcome: action === 'fail' ? FAILED : SUCCESS });
            }
            assert.equal(gate.inFlight, running.length);
            assert.ok(running.length <= concurrency);
            assert.ok(running.filter(({ probe }) => probe).length <= 1, 'two probes');
          }
          for (const ended of running.splice(0)) gate.abandon(ended);
          nowMs += BACKOFF.maxMs;
          assert.ok(enter(), 'stuck');
        },
      ),
      { numRuns: 200 },
    );
  });
});
