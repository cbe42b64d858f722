/** What opens the circuit to a target, and whose failure it was that opened it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Outcome } from '../../../../forwarder/model/outcome.ts';
import {
  SUCCESS,
  DELIVERY,
  TIMEOUT,
  REFUSED,
  SUSPECT,
  THROTTLED,
  UNREACHABLE,
  STATED,
  STATED_PERMANENT,
  breaker,
  finish,
  probe,
} from '../../../support/circuit.ts';

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
