import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { objectKey, type ObjectKey } from '../../../../forwarder/model/kube-object.ts';
import type { Outcome } from '../../../../forwarder/model/outcome.ts';
import { CircuitBreaker, type CircuitChange } from '../../../../forwarder/target/gate/circuit-breaker.ts';

const warnings: readonly string[] = [];
const SUCCESS: Outcome = { kind: 'success', warnings };
const DELIVERY: Outcome = {
  kind: 'retry',
  failure: { code: 'TARGET_FAILED', message: 'status 500' },
  warnings,
};
const TIMEOUT: Outcome = {
  kind: 'retry',
  failure: { code: 'TARGET_TIMEOUT', message: 'no answer in 30s' },
  warnings,
};
const REFUSED: Outcome = {
  kind: 'permanent',
  failure: { code: 'TARGET_REFUSED', message: 'status 400' },
  suspect: false,
  warnings,
};
const SUSPECT: Outcome = {
  ...REFUSED,
  failure: { code: 'TARGET_NOT_FOUND', message: 'status 404' },
  suspect: true,
};
const THROTTLED: Outcome = {
  kind: 'target_unavailable',
  failure: { code: 'TARGET_THROTTLED', message: 'status 429' },
  conclusive: false,
  warnings,
};
const UNREACHABLE: Outcome = {
  kind: 'target_unavailable',
  failure: { code: 'TARGET_UNREACHABLE', message: 'connection refused' },
  conclusive: true,
  warnings,
};
const STATED: Outcome = {
  kind: 'retry',
  failure: { code: 'FUNCTION_ERROR', message: 'quota exhausted' },
  result: { kind: 'FunctionResult', error: { message: 'quota exhausted' } },
  warnings: ['extra'],
};
const STATED_PERMANENT: Outcome = {
  kind: 'permanent',
  failure: { code: 'FUNCTION_ERROR', message: 'bad spec' },
  suspect: false,
  result: { kind: 'FunctionResult', error: { message: 'bad spec', retryable: false } },
  warnings,
};

const breaker = (): CircuitBreaker => new CircuitBreaker({ maxRetryAfterMs: 300_000 });

/** Finishes calls of the named objects, one after another, with one outcome; returns the last change. */
function finish(
  circuit: CircuitBreaker,
  keys: string,
  outcome: Outcome,
  nowMs = 0,
  probe = false,
): CircuitChange {
  let change: CircuitChange | undefined;
  for (const key of keys) change = circuit.finish(nowMs, { key: objectKey(key), outcome, probe });
  return change ?? assert.fail('no calls');
}

/** Sends the probe that is due and finishes it. */
function probe(circuit: CircuitBreaker, nowMs: number, key: string, outcome: Outcome): CircuitChange {
  assert.ok(circuit.allows(nowMs), `no probe is due at ${nowMs}`);
  assert.equal(circuit.enter(), true);
  return finish(circuit, key, outcome, nowMs, true);
}

describe('CircuitBreaker: what opens it', () => {
  const ROWS: readonly {
    reason: string;
    calls: readonly (readonly [keys: string, outcome: Outcome])[];
    opens: boolean;
  }[] = [
    {
      reason: 'three target failures of different objects in a row do',
      calls: [['abc', THROTTLED]],
      opens: true,
    },
    { reason: 'two do not', calls: [['ab', THROTTLED]], opens: false },
    { reason: 'three of two objects do not', calls: [['aba', THROTTLED]], opens: false },
    {
      reason: 'the same object again in between does not break the row',
      calls: [['aabbac', THROTTLED]],
      opens: true,
    },
    { reason: 'one does where it leaves no doubt', calls: [['a', UNREACHABLE]], opens: true },
    {
      reason: 'three delivery failures of different objects in a row do',
      calls: [['abc', DELIVERY]],
      opens: true,
    },
    {
      reason: 'timeouts count like failures',
      calls: [
        ['ab', TIMEOUT],
        ['c', DELIVERY],
      ],
      opens: true,
    },
    { reason: 'three plain 401, 403, 404 or 410 do', calls: [['abc', SUSPECT]], opens: true },
    { reason: 'three permanent refusals do', calls: [['abc', REFUSED]], opens: true },
    { reason: 'three errors that functions state do', calls: [['abc', STATED]], opens: true },
    {
      reason: 'failures of every kind make one row',
      calls: [
        ['a', THROTTLED],
        ['b', SUSPECT],
        ['c', DELIVERY],
      ],
      opens: true,
    },
    { reason: 'a single poison object never does', calls: [['aaaaaaaaaaaaaaaa', DELIVERY]], opens: false },
    { reason: 'two poison objects never do', calls: [['abababababababab', DELIVERY]], opens: false },
    {
      reason: 'a success ends the row',
      calls: [
        ['ab', DELIVERY],
        ['z', SUCCESS],
        ['c', DELIVERY],
      ],
      opens: false,
    },
    {
      reason: 'a success of one of the row ends it too',
      calls: [
        ['ab', THROTTLED],
        ['a', SUCCESS],
        ['cb', THROTTLED],
      ],
      opens: false,
    },
    {
      reason: 'a result that says "not this one, ever" proves the target',
      calls: [
        ['ab', DELIVERY],
        ['c', STATED_PERMANENT],
        ['d', DELIVERY],
      ],
      opens: false,
    },
    { reason: 'objects with a bad spec never do', calls: [['abcdefgh', STATED_PERMANENT]], opens: false },
    {
      reason: 'poison objects that failed before a success do not, though only they are left',
      calls: [
        ['ab', DELIVERY],
        ['z', SUCCESS],
        ['cd', DELIVERY],
        ['y', SUCCESS],
        ['abcdabcd', DELIVERY],
      ],
      opens: false,
    },
    {
      reason: 'others do beside poison objects',
      calls: [
        ['ab', DELIVERY],
        ['z', SUCCESS],
        ['ab', DELIVERY],
        ['cde', DELIVERY],
      ],
      opens: true,
    },
    {
      reason: 'an object that was poison and was handled since counts again',
      calls: [
        ['a', DELIVERY],
        ['z', SUCCESS],
        ['a', SUCCESS],
        ['abc', DELIVERY],
      ],
      opens: true,
    },
    {
      reason: 'poison objects count where the failure is the target’s by itself',
      calls: [
        ['ab', DELIVERY],
        ['z', SUCCESS],
        ['ab', THROTTLED],
        ['c', THROTTLED],
      ],
      opens: true,
    },
  ];
  for (const { reason, calls, opens } of ROWS) {
    it(reason, () => {
      const circuit = breaker();
      let opened = false;
      for (const [keys, outcome] of calls) {
        for (const key of keys) {
          assert.equal(opened, false, 'opened too early');
          opened = finish(circuit, key, outcome).opened !== undefined;
        }
      }
      assert.equal(opened, opens);
      assert.equal(circuit.state, opens ? 'open' : 'closed');
      assert.equal(circuit.problem !== undefined, opens);
    });
  }
});

describe('CircuitBreaker: whose failure it was', () => {
  it('makes the failures of the row the target’s in hindsight, each object once', () => {
    const circuit = breaker();
    finish(circuit, 'aab', DELIVERY);
    const change = finish(circuit, 'c', SUSPECT);
    assert.deepEqual(change.reclassify, ['a', 'b']);
    assert.deepEqual(change.outcome, {
      kind: 'target_unavailable',
      failure: { code: 'TARGET_NOT_FOUND', message: 'status 404' },
      conclusive: false,
      warnings: [],
    });
  });

  it('takes nothing back from objects whose failures were the target’s from the beginning', () => {
    const circuit = breaker();
    finish(circuit, 'a', THROTTLED);
    finish(circuit, 'b', DELIVERY);
    finish(circuit, 'b', THROTTLED);
    assert.deepEqual(finish(circuit, 'c', THROTTLED).reclassify, ['b']);
  });

  it('takes nothing back from poison objects', () => {
    const circuit = breaker();
    finish(circuit, 'p', DELIVERY);
    finish(circuit, 'z', SUCCESS);
    finish(circuit, 'pab', DELIVERY);
    assert.deepEqual(finish(circuit, 'c', DELIVERY).reclassify, ['a', 'b']);
  });

  it('leaves outcomes as they are while it is closed', () => {
    const circuit = breaker();
    for (const outcome of [DELIVERY, SUCCESS, SUSPECT, STATED_PERMANENT, THROTTLED]) {
      assert.deepEqual(finish(circuit, 'a', outcome), { outcome, closed: false, reclassify: [] });
    }
  });

  it('takes every failure for the target’s while it is open, with what the function stated', () => {
    const circuit = breaker();
    finish(circuit, 'abc', THROTTLED);
    for (const outcome of [DELIVERY, SUSPECT, REFUSED, STATED]) {
      const change = finish(circuit, 'd', outcome);
      assert.equal(change.outcome.kind, 'target_unavailable');
      assert.deepEqual([change.opened, change.closed, change.reclassify], [undefined, false, []]);
    }
    assert.equal(finish(circuit, 'd', UNREACHABLE).outcome, UNREACHABLE);
    assert.deepEqual(finish(circuit, 'd', STATED).outcome, {
      kind: 'target_unavailable',
      failure: { code: 'FUNCTION_ERROR', message: 'quota exhausted' },
      conclusive: false,
      result: { kind: 'FunctionResult', error: { message: 'quota exhausted' } },
      warnings: ['extra'],
    });
  });

  it('says why with a code and one example, and keeps to it while the code is the same', () => {
    const circuit = breaker();
    finish(circuit, 'ab', TIMEOUT);
    const { opened } = finish(circuit, 'c', DELIVERY);
    assert.deepEqual(opened, { code: 'TARGET_FAILED', message: 'status 500' });
    const another: Outcome = {
      ...DELIVERY,
      failure: { code: 'TARGET_FAILED', message: 'status 500: at line 7' },
    };
    finish(circuit, 'd', THROTTLED);
    assert.deepEqual(circuit.problem, opened, 'a call from before says nothing new');
    assert.equal(probe(circuit, 1000, 'a', another).opened, undefined);
    assert.deepEqual(circuit.problem, opened);
    const other = { code: 'TARGET_UNREACHABLE', message: 'connection refused' };
    assert.deepEqual(probe(circuit, 3000, 'a', UNREACHABLE).opened, other, 'another reason is told');
    assert.deepEqual(circuit.problem, other);
    probe(circuit, 7000, 'a', SUCCESS);
    assert.equal(circuit.problem, undefined);
  });
});

describe('CircuitBreaker: probes', () => {
  it('sends the first probe after 1 s, doubles the wait, and never waits longer than 10 s', () => {
    const circuit = breaker();
    finish(circuit, 'a', UNREACHABLE, 0);
    const waitsMs: number[] = [];
    let nowMs = 0;
    for (let count = 0; count < 7; count++) {
      const atMs = circuit.nextProbeAtMs ?? assert.fail('not open');
      assert.equal(circuit.allows(atMs - 1), false);
      waitsMs.push(atMs - nowMs);
      nowMs = atMs;
      probe(circuit, nowMs, 'a', UNREACHABLE);
    }
    assert.deepEqual(waitsMs, [1000, 2000, 4000, 8000, 10_000, 10_000, 10_000]);
  });

  it('lets one probe out at a time, and counts the wait from its end', () => {
    const circuit = breaker();
    finish(circuit, 'a', UNREACHABLE, 0);
    assert.equal(circuit.enter(), true);
    assert.equal(circuit.state, 'half_open');
    assert.equal(circuit.nextProbeAtMs, undefined);
    assert.equal(circuit.allows(60_000), false);
    finish(circuit, 'a', TIMEOUT, 31_000, true);
    assert.equal(circuit.state, 'open');
    assert.equal(circuit.nextProbeAtMs, 33_000);
  });

  it('closes when a probe succeeds, and begins at 1 s when it opens again', () => {
    const circuit = breaker();
    finish(circuit, 'a', UNREACHABLE, 0);
    probe(circuit, 1000, 'a', UNREACHABLE);
    const change = probe(circuit, 3000, 'b', SUCCESS);
    assert.deepEqual(change, { outcome: SUCCESS, closed: true, reclassify: [] });
    assert.equal(circuit.state, 'closed');
    assert.equal(circuit.enter(), false);
    finish(circuit, 'b', UNREACHABLE, 5000);
    assert.equal(circuit.nextProbeAtMs, 6000);
  });

  it('closes when a probe is answered by a function that decides', () => {
    const circuit = breaker();
    finish(circuit, 'a', UNREACHABLE, 0);
    const change = probe(circuit, 1000, 'a', STATED_PERMANENT);
    assert.equal(change.closed, true);
    assert.equal(change.outcome.kind, 'permanent');
  });

  it('needs a new row after it closed, though a delivery fails at once', () => {
    const circuit = breaker();
    finish(circuit, 'abc', DELIVERY, 0);
    probe(circuit, 1000, 'd', SUCCESS);
    finish(circuit, 'xy', DELIVERY, 1100);
    assert.equal(circuit.state, 'closed');
    finish(circuit, 'z', DELIVERY, 1200);
    assert.equal(circuit.state, 'open');
  });

  it('does not open again for the poison objects that opened it, once another object has gone through', () => {
    const circuit = breaker();
    finish(circuit, 'abc', DELIVERY, 0);
    probe(circuit, 1000, 'healthy', SUCCESS);
    for (let round = 0; round < 10; round++) {
      for (const key of 'abc') {
        assert.equal(finish(circuit, key, DELIVERY, 2000 + round).outcome.kind, 'retry');
      }
    }
    assert.equal(circuit.state, 'closed');
  });

  it('closes on the success of a call that was still running when it opened', () => {
    const circuit = breaker();
    finish(circuit, 'abc', DELIVERY, 0);
    assert.equal(finish(circuit, 'd', SUCCESS, 500).closed, true);
    assert.equal(circuit.state, 'closed');
  });

  it('does not move the next probe for calls that were still running when it opened', () => {
    const circuit = breaker();
    finish(circuit, 'abc', DELIVERY, 0);
    finish(circuit, 'def', DELIVERY, 700);
    assert.equal(circuit.nextProbeAtMs, 1000);
    circuit.enter();
    finish(circuit, 'g', DELIVERY, 1500);
    assert.equal(circuit.state, 'half_open');
  });

  it('lets no second probe out while one from an earlier opening is still running', () => {
    const circuit = breaker();
    finish(circuit, 'a', UNREACHABLE, 0);
    circuit.enter();
    finish(circuit, 'b', SUCCESS, 1100);
    finish(circuit, 'b', UNREACHABLE, 1200);
    assert.equal(circuit.allows(9000), false);
    finish(circuit, 'a', TIMEOUT, 9000, true);
    assert.equal(circuit.allows(11_000), true);
  });

  it('lets the next probe out at once where one was never made', () => {
    const circuit = breaker();
    finish(circuit, 'a', UNREACHABLE, 0);
    circuit.enter();
    circuit.abandon({ probe: true });
    assert.equal(circuit.state, 'open');
    assert.equal(circuit.allows(1000), true);
  });

  it('stays half open when a call that was no probe is abandoned', () => {
    const circuit = breaker();
    finish(circuit, 'a', UNREACHABLE, 0);
    circuit.enter();
    circuit.abandon({ probe: false });
    assert.equal(circuit.state, 'half_open');
  });

  it('probes no sooner than the target asks for, within backoff.max', () => {
    const asking = (retryAfterMs: number): Outcome => ({
      ...THROTTLED,
      kind: 'target_unavailable',
      conclusive: false,
      failure: { code: 'TARGET_THROTTLED', message: 'status 429', retryAfterMs },
    });
    const circuit = breaker();
    finish(circuit, 'abc', asking(30_000), 0);
    assert.equal(circuit.nextProbeAtMs, 30_000);
    probe(circuit, 30_000, 'a', asking(0));
    assert.equal(circuit.nextProbeAtMs, 32_000);
    probe(circuit, 32_000, 'a', asking(3_600_000));
    assert.equal(circuit.nextProbeAtMs, 332_000);
  });

  it('does not wait for what a function asks for one object', () => {
    const circuit = breaker();
    const asking: Outcome = {
      kind: 'retry',
      failure: { code: 'FUNCTION_ERROR', message: 'busy', retryAfterMs: 60_000 },
      warnings,
    };
    finish(circuit, 'abc', asking, 0);
    assert.equal(circuit.nextProbeAtMs, 1000);
  });

  it('forgets an object that is gone', () => {
    const circuit = breaker();
    finish(circuit, 'ab', DELIVERY);
    circuit.forget(objectKey('a'));
    assert.equal(finish(circuit, 'c', DELIVERY).opened, undefined);
    assert.deepEqual(finish(circuit, 'd', DELIVERY).reclassify, ['b', 'c']);
  });

  it('forgets that a gone object was poison', () => {
    const circuit = breaker();
    finish(circuit, 'a', DELIVERY);
    finish(circuit, 'z', SUCCESS);
    circuit.forget(objectKey('a'));
    assert.notEqual(finish(circuit, 'abc', DELIVERY).opened, undefined);
  });
});

describe('CircuitBreaker, whatever the outcomes', () => {
  const failures = fc.constantFrom(DELIVERY, TIMEOUT, REFUSED, SUSPECT, STATED, THROTTLED);
  const call = fc.record({
    key: fc.nat(6).map((index) => objectKey(`uid-${index}`)),
    outcome: fc.oneof(failures, fc.constantFrom(SUCCESS, STATED_PERMANENT, UNREACHABLE)),
    gapMs: fc.integer({ min: 0, max: 3000 }),
  });

  it('opens only after three different objects failed since the last proof, or on a conclusive failure', () => {
    fc.assert(
      fc.property(fc.array(call, { maxLength: 60, size: 'max' }), (calls) => {
        const circuit = breaker();
        let failed = new Set<ObjectKey>();
        let nowMs = 0;
        for (const { key, outcome, gapMs } of calls) {
          nowMs += gapMs;
          const proves = outcome === SUCCESS || outcome === STATED_PERMANENT;
          failed = proves ? new Set() : failed.add(key);
          const { opened } = circuit.finish(nowMs, { key, outcome, probe: false });
          assert.ok(opened === undefined || failed.size >= 3 || outcome === UNREACHABLE);
          assert.ok(!proves || circuit.state === 'closed');
        }
      }),
      { numRuns: 300 },
    );
  });

  it('opens at the latest when three objects without a history have failed in a row', () => {
    fc.assert(
      fc.property(
        fc.array(call, { maxLength: 60, size: 'max' }),
        fc.tuple(failures, failures, failures),
        (calls, last) => {
          const circuit = breaker();
          for (const { key, outcome } of calls) circuit.finish(0, { key, outcome, probe: false });
          for (const [index, outcome] of last.entries()) {
            circuit.finish(0, { key: objectKey(`new-${index}`), outcome, probe: false });
          }
          assert.equal(circuit.state, 'open');
        },
      ),
    );
  });

  it('uses no attempt and gives nothing up while it is not closed', () => {
    fc.assert(
      fc.property(fc.array(call, { maxLength: 60, size: 'max' }), (calls) => {
        const circuit = breaker();
        for (const { key, outcome } of calls) {
          const wasOpen = circuit.state !== 'closed';
          const change = circuit.finish(0, { key, outcome, probe: false });
          if (change.opened === undefined && !wasOpen) assert.equal(change.outcome, outcome);
          else
            assert.ok(
              change.closed ? change.outcome === outcome : change.outcome.kind === 'target_unavailable',
            );
          assert.ok(!change.reclassify.includes(key));
        }
      }),
    );
  });

  it('takes back every attempt that an object of the row has used, when it opens', () => {
    fc.assert(
      fc.property(fc.array(call, { maxLength: 80, size: 'max' }), (calls) => {
        const circuit = breaker();
        // As a worker keeps them: attempts of the present state, which a success or a verdict ends.
        const attempts = new Map<ObjectKey, number>();
        let sinceProof = new Set<ObjectKey>();
        const poison = new Set<ObjectKey>();
        for (const { key, outcome } of calls) {
          const change = circuit.finish(0, { key, outcome, probe: false });
          if (outcome === SUCCESS || outcome === STATED_PERMANENT) attempts.delete(key);
          else if (change.outcome.kind !== 'target_unavailable')
            attempts.set(key, (attempts.get(key) ?? 0) + 1);
          if (outcome === SUCCESS || outcome === STATED_PERMANENT) {
            for (const failed of sinceProof) poison.add(failed);
            sinceProof = new Set();
            if (outcome === SUCCESS) poison.delete(key);
          } else sinceProof.add(key);
          if (change.opened === undefined) continue;
          for (const other of change.reclassify) attempts.delete(other);
          for (const other of sinceProof) {
            if (other !== key && !poison.has(other)) assert.equal(attempts.get(other), undefined);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('never opens for poison objects once each has failed and another object has gone through', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.array(fc.tuple(fc.nat(30), fc.constantFrom(DELIVERY, TIMEOUT, REFUSED, SUSPECT, STATED)), {
          maxLength: 100,
          size: 'max',
        }),
        (poison, calls) => {
          const circuit = breaker();
          for (let index = 0; index < poison; index++)
            finish(circuit, String.fromCodePoint(97 + index), DELIVERY);
          finish(circuit, '!', SUCCESS);
          for (const [index, outcome] of calls) {
            const key = index < poison ? String.fromCodePoint(97 + index) : '!';
            const change = finish(circuit, key, key === '!' ? SUCCESS : outcome);
            assert.equal(change.opened, undefined);
          }
        },
      ),
    );
  });
});
