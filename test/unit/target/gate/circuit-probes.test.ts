/** While the circuit is open: which calls go out, and what closes it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { objectKey } from '../../../../forwarder/model/kube-object.ts';
import type { Outcome } from '../../../../forwarder/model/outcome.ts';
import {
  SUCCESS,
  DELIVERY,
  TIMEOUT,
  THROTTLED,
  UNREACHABLE,
  STATED_PERMANENT,
  breaker,
  finish,
  probe,
} from '../../../support/circuit.ts';

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
      warnings: [],
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
