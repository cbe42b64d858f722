import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { begin, fail } from '../../../forwarder/filter/delivery.ts';
import { observe } from '../../../forwarder/filter/judge.ts';
import { needsDelivery, type Rules } from '../../../forwarder/filter/rules.ts';
import { changes, type Draft, object, rules, seen } from './objects.ts';
import { AT_FIRST, gate, handled, reasonIn, reasonOf } from './records.ts';

describe('observe, at first sight', () => {
  const ROWS: readonly {
    reason: string;
    over: Partial<Rules>;
    draft?: Draft;
    first?: boolean;
    said: string;
    phase: string;
  }[] = [
    { reason: 'passes a new object', over: {}, said: 'pass', phase: 'new' },
    {
      reason: 'makes a baseline of what exists already, with initial Skip',
      over: { initial: 'Skip' },
      first: true,
      said: 'baseline',
      phase: 'baseline',
    },
    {
      reason: 'passes what comes after the first sync, with initial Skip',
      over: { initial: 'Skip' },
      said: 'pass',
      phase: 'new',
    },
    {
      reason: 'makes a baseline where Created is not asked for',
      over: { eventTypes: ['Updated'] },
      said: 'event-type',
      phase: 'baseline',
    },
    {
      reason: 'leaves an object alone that is being deleted',
      over: {},
      draft: { deleting: true },
      said: 'deleting',
      phase: 'new',
    },
    {
      reason: 'holds an object back while when is false',
      over: { when: gate },
      draft: { status: { s: 0 } },
      said: 'when-false',
      phase: 'new',
    },
    {
      reason: 'holds an object back when when fails',
      over: { when: gate },
      draft: { status: { s: 9 } },
      said: 'when-error',
      phase: 'new',
    },
    {
      reason: 'notes an object while the trigger is suspended',
      over: { suspend: true },
      said: 'suspended',
      phase: 'new',
    },
  ];
  for (const { reason, over, draft = {}, first = false, said, phase } of ROWS) {
    it(reason, () => {
      const { record, verdict } = observe(
        undefined,
        seen(object({ ...AT_FIRST, ...draft }), { inFirstSync: first }),
        rules(over),
      );
      assert.equal(reasonIn(verdict), said);
      assert.equal(record.phase, phase);
      assert.equal(needsDelivery(record, rules(over)), said === 'pass');
    });
  }

  it('tells the message of the error in when', () => {
    const { error } = observe(
      undefined,
      seen(object({ ...AT_FIRST, status: { s: 9 } })),
      rules({ when: gate }),
    );
    assert.equal(error?.message, 'no such key: s');
  });

  it('takes a redeliver annotation that is there already for no wish', () => {
    const { record } = handled(
      {},
      { ...AT_FIRST, metadata: { annotations: { 'statewire.dev/redeliver-at': 'old' } } },
    );
    const by = rules();
    const again = { rv: 6, metadata: { annotations: { 'statewire.dev/redeliver-at': 'old' } } };
    assert.equal(reasonOf(record, again, by), 'unchanged');
    assert.equal(
      reasonOf(record, { rv: 7, metadata: { annotations: { 'statewire.dev/redeliver-at': 'new' } } }, by),
      'pass',
    );
    assert.deepEqual(begin(record).named, { reason: 'Redeliver', value: 'new' });
  });
});

describe('observe, of a handled object', () => {
  const ROWS: readonly { reason: string; over?: Partial<Rules>; draft: Draft; said: string }[] = [
    { reason: 'drops a version it has seen', draft: { spec: { a: 2 } }, said: 'seen' },
    { reason: 'drops an older version', draft: { rv: 4, spec: { a: 2 } }, said: 'seen' },
    { reason: 'passes a changed spec', draft: { rv: 6, generation: 2, spec: { a: 2 } }, said: 'pass' },
    {
      reason: 'takes a longer resourceVersion for newer',
      draft: { rv: 10, generation: 2, spec: { a: 2 } },
      said: 'pass',
    },
    {
      reason: 'drops an equal generation whatever the bytes',
      draft: { rv: 6, spec: { a: 1, added: 'default' } },
      said: 'unchanged',
    },
    {
      reason: 'drops another generation with an equal spec',
      draft: { rv: 6, generation: 2 },
      said: 'unchanged',
    },
    {
      reason: 'does not trust the generation of kinds that leave it alone',
      over: { generationTells: false },
      draft: { rv: 6, spec: { a: 2 } },
      said: 'pass',
    },
    {
      reason: 'drops a changed status where only the spec counts',
      draft: { rv: 6, status: { s: 2 } },
      said: 'unchanged',
    },
    {
      reason: 'passes a changed status where it counts',
      over: { recipe: changes('Status') },
      draft: { rv: 6, status: { s: 2 } },
      said: 'pass',
    },
    {
      reason: 'passes changed labels where they count',
      over: { recipe: changes('Labels') },
      draft: { rv: 6, metadata: { labels: { l: '2' } } },
      said: 'pass',
    },
    {
      reason: 'drops an update that is not asked for',
      over: { eventTypes: ['Created', 'Deleted'] },
      draft: { rv: 6, generation: 2, spec: { a: 2 } },
      said: 'event-type',
    },
    {
      reason: 'sends no update once deletion has begun',
      draft: { rv: 6, generation: 2, spec: { a: 2 }, deleting: true },
      said: 'deleting',
    },
    {
      reason: 'drops a change while when is false',
      over: { when: gate },
      draft: { rv: 6, generation: 2, spec: { a: 2 }, status: { s: 0 } },
      said: 'when-false',
    },
    {
      reason: 'notes a change while the trigger is suspended',
      over: { suspend: true },
      draft: { rv: 6, generation: 2, spec: { a: 2 } },
      said: 'suspended',
    },
  ];
  for (const { reason, over = {}, draft, said } of ROWS) {
    it(reason, () => {
      const { record, by } = handled(over);
      assert.equal(reasonOf(record, draft, by), said);
      assert.equal(needsDelivery(record, by), said === 'pass');
    });
  }

  it('does not parse what the head tells', () => {
    const { record, by } = handled();
    const same = seen(object({ ...AT_FIRST, rv: 6, status: { s: 7 } }));
    observe(record, same, by);
    const old = seen(object({ ...AT_FIRST, rv: 5 }));
    observe(record, old, by);
    assert.deepEqual([same.parses(), old.parses()], [0, 0]);
  });

  it('says of older bytes that they are not the newest', () => {
    const { record, by } = handled();
    const older = observe(record, seen(object({ ...AT_FIRST, rv: 4 })), by);
    const same = observe(record, seen(object({ ...AT_FIRST, rv: 5 })), by);
    const newer = observe(record, seen(object({ ...AT_FIRST, rv: 6 })), by);
    assert.deepEqual([older.newest, same.newest, newer.newest], [false, true, true]);
  });

  it('moves the record silently where updates are not asked for', () => {
    const { record, by } = handled({ eventTypes: ['Created'] });
    reasonOf(record, { rv: 6, generation: 2, spec: { a: 2 } }, by);
    const listed = rules();
    assert.equal(reasonOf(record, { rv: 7, generation: 3, spec: { a: 2 } }, listed), 'unchanged');
    assert.equal(reasonOf(record, { rv: 8, generation: 4, spec: { a: 1 } }, listed), 'pass');
  });

  it('sends what differs by then when when turns true, whatever turns it', () => {
    const { record, by } = handled({ when: gate });
    assert.equal(
      reasonOf(record, { rv: 6, generation: 2, spec: { a: 2 }, status: { s: 0 } }, by),
      'when-false',
    );
    assert.equal(reasonOf(record, { rv: 7, generation: 2, spec: { a: 2 }, status: { s: 1 } }, by), 'pass');
    assert.equal(record.version, 'g2');
  });

  it('sends nothing when when turns true over the handled state', () => {
    const { record, by } = handled({ when: gate });
    assert.equal(
      reasonOf(record, { rv: 6, generation: 2, spec: { a: 2 }, status: { s: 0 } }, by),
      'when-false',
    );
    assert.equal(
      reasonOf(record, { rv: 7, generation: 3, spec: { a: 1 }, status: { s: 1 } }, by),
      'unchanged',
    );
    assert.equal(needsDelivery(record, by), false);
  });

  it('names a state by its generation, or by the version it was first seen with', () => {
    const byGeneration = handled();
    reasonOf(byGeneration.record, { rv: 6, generation: 2, spec: { a: 2 } }, byGeneration.by);
    assert.equal(byGeneration.record.version, 'g2');
    const byVersion = handled({ versionBy: 'resourceVersion' });
    reasonOf(byVersion.record, { rv: 6, generation: 2, spec: { a: 2 } }, byVersion.by);
    reasonOf(byVersion.record, { rv: 7, generation: 2, spec: { a: 2 }, status: { s: 2 } }, byVersion.by);
    assert.equal(byVersion.record.version, '6');
  });
});

describe('observe, of a state that comes back', () => {
  const B: Draft = { rv: 6, generation: 2, spec: { a: 2 } };
  const A_AGAIN: Draft = { rv: 7, generation: 3, spec: { a: 1 } };

  it('sends nothing where no call was started for the state in between', () => {
    const { record, by } = handled();
    assert.equal(reasonOf(record, B, by), 'pass');
    assert.equal(reasonOf(record, A_AGAIN, by), 'unchanged');
    assert.equal(needsDelivery(record, by), false);
  });

  it('sends it again, under a new name, where such a call was started and failed', () => {
    const { record, by } = handled();
    reasonOf(record, B, by);
    fail(record, begin(record), { attempts: 1, exhausted: false });
    assert.equal(reasonOf(record, A_AGAIN, by), 'pass');
    assert.equal(record.version, 'g3');
    assert.equal(record.attempts, 0);
  });
});
