import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  begin,
  fail,
  rebase,
  succeed,
  want,
  type WriteBase,
  writeBaseFrom,
  writeBaseOf,
} from '../../../forwarder/filter/delivery.ts';
import { judgeGone, observe } from '../../../forwarder/filter/judge.ts';
import type { ObjectRecord } from '../../../forwarder/filter/record.ts';
import { needsDelivery, type Rules } from '../../../forwarder/filter/rules.ts';
import { headOf } from '../../../forwarder/pipeline/entry.ts';
import { changes, type Draft, MANAGER, object, rules, seen } from './objects.ts';

const AT_FIRST: Draft = { rv: 5, generation: 1, spec: { a: 1 }, status: { theirs: 1 } };
const ANY = rules({ recipe: changes('Spec', 'Status', 'Labels'), versionBy: 'resourceVersion' });

function fresh(by: Rules): ObjectRecord {
  return observe(undefined, seen(object(AT_FIRST)), by).record;
}

function handled(by: Rules): ObjectRecord {
  const record = fresh(by);
  succeed(record, begin(record));
  return record;
}

function exhausted(by: Rules): ObjectRecord {
  const record = fresh(by);
  fail(record, begin(record), { attempts: 10, exhausted: true });
  return record;
}

/** The reply to a status write that takes over `theirs`. */
function taken(rv: number, over: Draft = {}): Draft {
  return {
    ...AT_FIRST,
    status: { theirs: 2, ours: 1 },
    ...over,
    rv,
    metadata: {
      managedFields: [{ manager: MANAGER, fieldsV1: { 'f:status': { 'f:theirs': {}, 'f:ours': {} } } }],
      ...over.metadata,
    },
  };
}

function reply(record: ObjectRecord, base: WriteBase, draft: Draft, by: Rules): boolean {
  const answered = object(draft);
  return rebase(record, base, { head: headOf(answered), object: () => answered }, by, 0);
}

describe('fail', () => {
  it('counts attempts of the same state', () => {
    const record = fresh(ANY);
    fail(record, begin(record), { attempts: 1, exhausted: false });
    assert.equal(begin(record).attempt, 2);
  });

  it('says nothing of a state that came meanwhile', () => {
    const record = fresh(ANY);
    const flight = begin(record);
    observe(record, seen(object({ ...AT_FIRST, rv: 6, generation: 2, spec: { a: 2 } })), ANY);
    fail(record, flight, { attempts: 10, exhausted: true });
    assert.equal(needsDelivery(record, ANY), true);
    assert.equal(begin(record).attempt, 1);
  });

  it('says nothing of the deletion that came meanwhile', () => {
    const record = fresh(ANY);
    const flight = begin(record);
    judgeGone(record, { reason: 'Deleted', resourceVersion: '6', nowMs: 0 }, ANY);
    fail(record, flight, { attempts: 10, exhausted: true });
    assert.equal(needsDelivery(record, ANY), true);
    assert.equal(begin(record).attempt, 1);
  });

  it('with the last attempt ends the wish that was tried', () => {
    const record = handled(ANY);
    want(record, { reason: 'Resync', dueUnixSeconds: 1 }, ANY);
    fail(record, begin(record), { attempts: 10, exhausted: true });
    assert.equal(needsDelivery(record, ANY), false);
  });

  it('with the last attempt leaves a wish that came meanwhile, with attempts of its own', () => {
    const record = handled(ANY);
    want(record, { reason: 'Resync', dueUnixSeconds: 1 }, ANY);
    const flight = begin(record);
    want(record, { reason: 'Child' }, ANY);
    fail(record, flight, { attempts: 10, exhausted: true });
    assert.equal(needsDelivery(record, ANY), true);
    const next = begin(record);
    assert.deepEqual([next.reason, next.attempt], ['Child', 1]);
  });

  it('names the next attempt by the stronger of two wishes', () => {
    const record = handled(ANY);
    want(record, { reason: 'Child' }, ANY);
    const flight = begin(record);
    want(record, { reason: 'Redeliver', value: 'x' }, ANY);
    fail(record, flight, { attempts: 1, exhausted: false });
    assert.deepEqual(begin(record).named, { reason: 'Redeliver', value: 'x' });
  });

  it('keeps a state given up while a wish for it is tried', () => {
    const record = exhausted(ANY);
    want(record, { reason: 'Requeue', dueUnixSeconds: 1 }, ANY);
    fail(record, begin(record), { attempts: 1, exhausted: false });
    const next = begin(record);
    assert.deepEqual([next.reason, next.attempt], ['Requeue', 2]);
  });
});

describe('rebase', () => {
  it('keeps a handled object handled where the write took a field over', () => {
    const record = handled(ANY);
    assert.equal(reply(record, writeBaseOf(record), taken(6), ANY), false);
    assert.equal(needsDelivery(record, ANY), false);
    const echo = observe(record, seen(object(taken(6))), ANY);
    assert.deepEqual([echo.verdict, echo.newest], [{ kind: 'drop', reason: 'own-write' }, true]);
  });

  it('takes back what the watch said before the reply came', () => {
    const record = handled(ANY);
    const base = writeBaseOf(record);
    assert.equal(observe(record, seen(object(taken(6))), ANY).verdict.kind, 'pass');
    reply(record, base, taken(6), ANY);
    assert.equal(needsDelivery(record, ANY), false);
  });

  it('lets a change of somebody else count that the watch showed before the reply came', () => {
    const record = handled(ANY);
    const base = writeBaseOf(record);
    observe(record, seen(object(taken(7, { generation: 2, spec: { a: 2 } }))), ANY);
    assert.equal(reply(record, base, taken(6), ANY), false);
    assert.equal(needsDelivery(record, ANY), true);
    assert.deepEqual([record.resourceVersion, begin(record).changed], ['7', ['Spec']]);
  });

  it('lets a change of somebody else count that only the write has met', () => {
    const record = handled(ANY);
    const read = object({ ...AT_FIRST, rv: 6, generation: 2, spec: { a: 2 } });
    const base = writeBaseFrom(read, record.recipe);
    assert.equal(reply(record, base, taken(7, { generation: 2, spec: { a: 2 } }), ANY), true);
    assert.equal(needsDelivery(record, ANY), true);
    assert.equal(begin(record).version, '7');
  });

  it('leaves the name and the attempts of a state that waits', () => {
    const record = handled(ANY);
    observe(record, seen(object({ ...AT_FIRST, rv: 6, generation: 2, spec: { a: 2 } })), ANY);
    fail(record, begin(record), { attempts: 3, exhausted: false });
    assert.equal(reply(record, writeBaseOf(record), taken(7, { generation: 2, spec: { a: 2 } }), ANY), true);
    const { version, attempt } = begin(record);
    assert.deepEqual([version, attempt], ['6', 4]);
  });

  it('tells of a deletion that the write has met', () => {
    const record = handled(ANY);
    want(record, { reason: 'Requeue', dueUnixSeconds: 1 }, ANY);
    reply(record, writeBaseOf(record), taken(6, { deleting: true }), ANY);
    assert.equal(needsDelivery(record, ANY), false);
  });

  it('does not parse where the generation tells that the spec is the same', () => {
    const by = rules();
    const record = handled(by);
    const parsed = { head: headOf(object(taken(6))), object: () => assert.fail('parsed') };
    rebase(record, writeBaseOf(record), parsed, by, 0);
    assert.equal(record.resourceVersion, '6');
  });

  it('leaves an object alone that is gone', () => {
    const record = handled(ANY);
    const base = writeBaseOf(record);
    judgeGone(record, { reason: 'Deleted', resourceVersion: '7', nowMs: 0 }, ANY);
    assert.equal(reply(record, base, taken(6), ANY), false);
    assert.equal(record.resourceVersion, '5');
  });

  it('leaves it to the watch where the trigger was edited meanwhile', () => {
    const record = handled(ANY);
    const base = writeBaseFrom(object(AT_FIRST), changes('Spec'));
    assert.equal(reply(record, base, taken(6), ANY), false);
    assert.equal(record.resourceVersion, '5');
  });
});
