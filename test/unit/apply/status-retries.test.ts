/** Status writes that do not land the first time: changed objects, an API server that is away, refusals. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Harness, OBJECT_PATH } from '../../support/apply-harness.ts';
import { apiError } from '../../support/fake-apply-server.ts';

const STATUS_PATH = `${OBJECT_PATH}/status`;

describe('A status write to an object that has changed', () => {
  it('reads the object after a conflict, tells what it read, and tries again with its version', async () => {
    const harness = new Harness();
    await harness.server.applyAs('kubectl', STATUS_PATH, {
      metadata: { name: 'web' },
      status: { replicas: 2 },
    });
    const done = harness.applier.apply(harness.task({ status: { phase: 'Ready' } }));
    await harness.clock.advance(100);
    await done;
    assert.equal(harness.stated.length, 1);
    assert.deepEqual(
      harness.server.requests.map(({ method }) => method),
      ['PATCH', 'GET', 'PATCH'],
    );
    assert.deepEqual(
      harness.observed.map(({ status }) => status),
      [{ replicas: 2 }],
    );
    assert.deepEqual(harness.object['status'], { phase: 'Ready', replicas: 2, observedGeneration: 3 });
    assert.deepEqual(harness.counts, { 'status conflict': 1, 'status written': 1 });
    assert.deepEqual(harness.retrying, []);
  });

  it('never lands on another object of the same name', async () => {
    const harness = new Harness();
    harness.server.put(OBJECT_PATH, { metadata: { name: 'web', namespace: 'shop', uid: 'u2' } });
    const done = harness.applier.apply(harness.task({ status: { phase: 'Ready' } }));
    await harness.clock.advance(100);
    const report = await done;
    assert.equal(harness.object['status'], undefined);
    assert.equal(report.complete, false);
    assert.deepEqual(report.problems, []);
    assert.deepEqual(harness.observed, []);
  });

  it('stops silently where the object is gone', async () => {
    const harness = new Harness();
    harness.server.objects.delete(OBJECT_PATH);
    const report = await harness.applier.apply(harness.task({ status: { phase: 'Ready' } }));
    assert.equal(report.complete, false);
    assert.deepEqual(report.problems, []);
    assert.deepEqual(harness.events, []);
  });

  it('reads the object where no state of it is known', async () => {
    const harness = new Harness();
    harness.newest = undefined;
    await harness.applier.apply(harness.task({ status: { phase: 'Ready' } }));
    assert.deepEqual(
      harness.server.requests.map(({ method }) => method),
      ['GET', 'PATCH'],
    );
    assert.equal(harness.object['status'].phase, 'Ready');
  });

  it('waits longer when conflicts do not end, and says so', async () => {
    const harness = new Harness();
    harness.server.before = ({ method }) => {
      if (method === 'PATCH') throw apiError(409, 'modified');
    };
    const done = harness.applier.apply(harness.task({ status: { phase: 'Ready' } }));
    await harness.clock.advance(300);
    assert.equal(harness.counts['status conflict'], 6);
    assert.deepEqual(harness.retrying, [{ reason: 'Conflict', message: 'modified' }]);
    harness.server.before = () => undefined;
    await harness.clock.advance(500);
    await done;
    assert.equal(harness.stated.length, 1);
    assert.equal(harness.clock.pending, 0);
  });
});

describe('A status write while the API server is unavailable', () => {
  it('is tried again after growing waits, for as long as it is current', async () => {
    const harness = new Harness();
    harness.server.before = () => {
      throw apiError(503, 'unavailable');
    };
    const started = harness.clock.now();
    const times: number[] = [];
    const done = harness.applier.apply(
      harness.task(
        { status: { phase: 'Ready' } },
        { onRetrying: () => void times.push(harness.clock.now() - started) },
      ),
    );
    await harness.clock.advance(120_000);
    assert.deepEqual(times.slice(0, 4), [0, 375, 1125, 2625]);
    assert.equal((times.at(-1) ?? 0) - (times.at(-2) ?? 0), 22_500);
    harness.server.before = () => undefined;
    await harness.clock.advance(30_000);
    await done;
    assert.equal(harness.stated.length, 1);
    assert.equal(harness.object['status'].phase, 'Ready');
  });

  it('waits no shorter than the API server asks', async () => {
    const harness = new Harness();
    let calls = 0;
    harness.server.before = () => {
      calls += 1;
      if (calls > 1) return;
      const error = apiError(429, 'slow down');
      throw Object.assign(error, { retryAfterMs: 5000 });
    };
    const done = harness.applier.apply(harness.task({ status: { phase: 'Ready' } }));
    await harness.clock.advance(4999);
    assert.equal(calls, 1);
    await harness.clock.advance(1);
    await done;
    assert.equal(harness.stated.length, 1);
  });

  for (const { reason, end } of [
    { reason: 'once a newer result exists', end: (harness: Harness) => void (harness.current = false) },
    { reason: 'when the signal ends it', end: (harness: Harness) => harness.stop.abort(new Error('stop')) },
  ]) {
    it(`is given up ${reason}`, async () => {
      const harness = new Harness();
      harness.server.before = () => {
        throw apiError(503, 'unavailable');
      };
      const done = harness.applier.apply(harness.task({ status: { phase: 'Ready' } }));
      await harness.clock.advance(10);
      end(harness);
      await harness.clock.advance(60_000);
      const report = await done;
      assert.equal(report.complete, false);
      assert.deepEqual(report.problems, []);
      assert.equal(harness.clock.pending, 0);
    });
  }
});

describe('A status write that is refused for good', () => {
  for (const { status, reason } of [
    { status: 403, reason: 'Forbidden' },
    { status: 422, reason: 'Invalid' },
  ] as const) {
    it(`is a problem and a Warning Event after ${status}, and is not tried again`, async () => {
      const harness = new Harness();
      harness.server.before = ({ method }) => {
        if (method === 'PATCH') throw apiError(status, 'no');
      };
      const report = await harness.apply({ status: { phase: 'Ready' } });
      assert.deepEqual(report.problems, [{ reason, message: 'status: no' }]);
      assert.equal(report.complete, true);
      assert.deepEqual(
        harness.events.map(({ type, reason, note, regarding }) => ({
          type,
          reason,
          note,
          uid: regarding.uid,
        })),
        [{ type: 'Warning', reason, note: 'status: no', uid: 'u1' }],
      );
      assert.equal(harness.counts['status refused'], 1);
    });
  }
});
