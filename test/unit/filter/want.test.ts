/** Deliveries that no change asks for: child, resync, requeue, redeliver, replay. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { begin, fail, succeed, want } from '../../../forwarder/filter/delivery.ts';
import { admit, needsDelivery, type Rules } from '../../../forwarder/filter/rules.ts';
import { object } from './objects.ts';
import { AT_FIRST, gate, handled, met, reasonIn, reasonOf } from './records.ts';

describe('want', () => {
  it('sends an unchanged object for the reason given, once', () => {
    const { record, by } = handled();
    assert.equal(want(record, { reason: 'Requeue', dueUnixSeconds: 17 }, by).kind, 'pass');
    const flight = begin(record);
    assert.equal(flight.reason, 'Requeue');
    assert.deepEqual(flight.named, { reason: 'Requeue', dueUnixSeconds: 17 });
    assert.deepEqual(flight.changed, []);
    succeed(record, flight);
    assert.equal(needsDelivery(record, by), false);
  });

  it('is fulfilled by a delivery of a changed state, which is named by that state', () => {
    const { record, by } = handled();
    want(record, { reason: 'Requeue', dueUnixSeconds: 17 }, by);
    reasonOf(record, { rv: 6, generation: 2, spec: { a: 2 } }, by);
    const flight = begin(record);
    assert.deepEqual([flight.reason, flight.named, flight.changed], ['Watch', undefined, ['Spec']]);
    succeed(record, flight);
    assert.equal(needsDelivery(record, by), false);
  });

  it('is kept when its call fails, and joined by what came meanwhile', () => {
    const { record, by } = handled();
    want(record, { reason: 'Redeliver', value: 'x' }, by);
    const flight = begin(record);
    want(record, { reason: 'Child' }, by);
    fail(record, flight, { attempts: 1, exhausted: false });
    assert.deepEqual(record.wish, { reason: 'Redeliver', value: 'x' });
    assert.equal(begin(record).attempt, 2);
  });

  it('survives the success of a call that began before it', () => {
    const { record, by } = handled();
    want(record, { reason: 'Requeue', dueUnixSeconds: 1 }, by);
    const flight = begin(record);
    want(record, { reason: 'Child' }, by);
    succeed(record, flight);
    assert.deepEqual(record.wish, { reason: 'Child' });
  });

  it('sends an object whose attempts are used up, with attempts of its own', () => {
    const { record, by } = met();
    fail(record, begin(record), { attempts: 10, exhausted: true });
    assert.equal(needsDelivery(record, by), false);
    want(record, { reason: 'Replay', value: 'x' }, by);
    const { eventType, named, attempt } = begin(record);
    assert.deepEqual([eventType, named?.reason, attempt], ['Created', 'Replay', 1]);
  });

  const REFUSED: readonly {
    reason: string;
    wish: 'Child' | 'Resync' | 'Requeue' | 'Redeliver' | 'Replay';
    over: Partial<Rules>;
    said: string;
  }[] = [
    {
      reason: 'Child counts as an update',
      wish: 'Child',
      over: { eventTypes: ['Created', 'Deleted'] },
      said: 'event-type',
    },
    {
      reason: 'Resync counts as an update',
      wish: 'Resync',
      over: { eventTypes: ['Created', 'Deleted'] },
      said: 'event-type',
    },
    {
      reason: 'Requeue is always delivered',
      wish: 'Requeue',
      over: { eventTypes: ['Created', 'Deleted'] },
      said: 'pass',
    },
    {
      reason: 'Redeliver is always delivered',
      wish: 'Redeliver',
      over: { eventTypes: ['Created', 'Deleted'] },
      said: 'pass',
    },
    {
      reason: 'Replay is always delivered',
      wish: 'Replay',
      over: { eventTypes: ['Created', 'Deleted'] },
      said: 'pass',
    },
    {
      reason: 'a wish of a suspended trigger waits',
      wish: 'Requeue',
      over: { suspend: true },
      said: 'suspended',
    },
  ];
  for (const { reason, wish, over, said } of REFUSED) {
    it(reason, () => {
      const { record, by } = handled(over);
      const verdict = want(record, { reason: wish }, by);
      assert.equal(reasonIn(verdict), said);
      assert.equal(needsDelivery(record, by), said === 'pass');
    });
  }

  it('is asked of when right before the delivery', () => {
    const { record, by } = handled({ when: gate });
    want(record, { reason: 'Requeue', dueUnixSeconds: 1 }, by);
    assert.equal(needsDelivery(record, by), true);
    assert.deepEqual(admit(record, object({ ...AT_FIRST, status: { s: 0 } }), by), {
      kind: 'drop',
      reason: 'when-false',
    });
    assert.equal(needsDelivery(record, by), false);
    assert.equal(reasonOf(record, { rv: 6 }, by), 'pass');
  });
});
