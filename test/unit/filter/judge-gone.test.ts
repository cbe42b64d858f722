/** Objects that are gone, for good or out of the selection. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { begin, fail, type Flight, succeed } from '../../../forwarder/filter/delivery.ts';
import { judgeGone, observe } from '../../../forwarder/filter/judge.ts';
import type { ObjectRecord } from '../../../forwarder/filter/record.ts';
import { admit, needsDelivery, type Rules } from '../../../forwarder/filter/rules.ts';
import { object, rules, seen } from './objects.ts';
import { AT_FIRST, handled, met, reasonIn, reasonOf } from './records.ts';

describe('judgeGone', () => {
  const gone = { reason: 'Deleted', resourceVersion: '9', nowMs: 7 } as const;
  const judge = (record: ObjectRecord, by: Rules): string => reasonIn(judgeGone(record, gone, by));

  it('passes for a handled object', () => {
    const { record, by } = handled();
    assert.equal(judge(record, by), 'pass');
    const flight = begin(record);
    assert.equal(flight.eventType, 'Deleted');
    assert.equal(flight.reason, 'Deleted');
    assert.equal(succeed(record, flight), true);
  });

  it('passes for a baseline', () => {
    const { record, by } = met({ eventTypes: ['Updated', 'Deleted'] });
    assert.equal(judge(record, by), 'pass');
  });

  it('drops a new object for which no call was started, and passes one for which one was', () => {
    const untold = met();
    assert.equal(judge(untold.record, untold.by), 'never-started');
    const told = met();
    fail(told.record, begin(told.record), { attempts: 1, exhausted: false });
    assert.equal(judge(told.record, told.by), 'pass');
  });

  it('drops where Deleted is not asked for', () => {
    const { record, by } = handled({ eventTypes: ['Created', 'Updated'] });
    assert.equal(judge(record, by), 'event-type');
  });

  it('passes while when is false, and without asking it', () => {
    const { record } = handled();
    const by = rules({ when: { test: () => assert.fail('deletions are not gated') } });
    assert.equal(judge(record, by), 'pass');
    assert.equal(needsDelivery(record, by), true);
    assert.equal(admit(record, object(), by).kind, 'pass');
  });

  it('keeps a deletion while the trigger is suspended', () => {
    const { record } = handled();
    assert.equal(judge(record, rules({ suspend: true })), 'pass');
    assert.equal(needsDelivery(record, rules({ suspend: true })), false);
    assert.equal(needsDelivery(record, rules()), true);
  });

  it('starts with attempts of its own, from when it was seen', () => {
    const { record, by } = met();
    fail(record, begin(record), { attempts: 10, exhausted: true });
    judge(record, by);
    assert.equal(begin(record).attempt, 1);
    assert.equal(record.firstSeenMs, 7);
  });

  it('gives up after the last attempt', () => {
    const { record, by } = handled();
    judge(record, by);
    fail(record, begin(record), { attempts: 10, exhausted: true });
    assert.equal(needsDelivery(record, by), false);
  });
});

describe('An object that comes back into the selection', () => {
  const by = rules({ versionBy: 'resourceVersion' });
  const left = { reason: 'LeftScope', resourceVersion: '6', nowMs: 0 } as const;

  it('goes on as before where no deleted call was started', () => {
    const { record } = handled({ versionBy: 'resourceVersion' });
    judgeGone(record, left, by);
    assert.equal(reasonOf(record, { rv: 7 }, by), 'unchanged');
    assert.equal(needsDelivery(record, by), false);
  });

  it('is a new one to the function where a deleted call was started', () => {
    const { record } = handled({ versionBy: 'resourceVersion' });
    judgeGone(record, left, by);
    const deletion: Flight = begin(record);
    assert.equal(reasonOf(record, { rv: 7 }, by), 'pass');
    assert.equal(succeed(record, deletion), false, 'the record is not to be forgotten');
    const { eventType, version } = begin(record);
    assert.deepEqual([eventType, version], ['Created', '7']);
  });

  it('is a new one also where it was said to be gone twice', () => {
    const { record } = handled({ versionBy: 'resourceVersion' });
    judgeGone(record, left, by);
    const deletion = begin(record);
    judgeGone(record, { ...left, resourceVersion: '7' }, by);
    fail(record, deletion, { attempts: 1, exhausted: false });
    assert.equal(reasonOf(record, { rv: 8 }, by), 'pass');
    assert.equal(begin(record).eventType, 'Created');
  });

  it('is listed with the version it left with, but not shown so by the watch', () => {
    const { record } = handled({ versionBy: 'resourceVersion' });
    judgeGone(record, left, by);
    const lagging = observe(record, seen(object({ ...AT_FIRST, rv: 6 })), by);
    assert.deepEqual(lagging.verdict, { kind: 'drop', reason: 'seen' });
    assert.equal(lagging.newest, false);
    observe(record, seen(object({ ...AT_FIRST, rv: 6 }), { type: 'Listed' }), by);
    assert.equal(record.gone, undefined);
  });
});
