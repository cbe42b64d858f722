/** The circuit, whatever calls come to. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { objectKey, type ObjectKey } from '../../../../forwarder/model/kube-object.ts';
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
} from '../../../support/circuit.ts';

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
