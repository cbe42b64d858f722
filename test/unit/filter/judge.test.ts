import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { begin, fail, type Flight, invalidate, succeed, want } from '../../../forwarder/filter/delivery.ts';
import { judgeGone, observe } from '../../../forwarder/filter/judge.ts';
import type { ObjectRecord } from '../../../forwarder/filter/record.ts';
import {
  admit,
  generationTells,
  needsDelivery,
  type Rules,
  versionRule,
} from '../../../forwarder/filter/rules.ts';
import { WhenError } from '../../../forwarder/filter/when-error.ts';
import type { KubeObject } from '../../../forwarder/model/kube-object.ts';
import type { DropReason } from '../../../forwarder/model/verdict.ts';
import { changes, type Draft, fields, object, rules, seen } from './objects.ts';

const AT_FIRST: Draft = {
  rv: 5,
  generation: 1,
  spec: { a: 1 },
  status: { s: 1 },
  metadata: { labels: { l: '1' } },
};

function met(over: Partial<Rules> = {}, draft: Draft = AT_FIRST): { record: ObjectRecord; by: Rules } {
  const by = rules(over);
  return { record: observe(undefined, seen(object(draft)), by).record, by };
}

function handled(over: Partial<Rules> = {}, draft: Draft = AT_FIRST): { record: ObjectRecord; by: Rules } {
  const { record, by } = met(over, draft);
  succeed(record, begin(record));
  return { record, by };
}

function reasonOf(record: ObjectRecord, draft: Draft, by: Rules): DropReason | 'pass' {
  const { verdict } = observe(record, seen(object({ ...AT_FIRST, ...draft })), by);
  return verdict.kind === 'pass' ? 'pass' : verdict.reason;
}

/** `when` that reads `status.s`: 1 is true, 0 is false, anything else fails. */
const gate = {
  test: (from: KubeObject): boolean => {
    const { s } = from['status'] as { readonly s: number };
    if (s !== 0 && s !== 1) throw new WhenError('no such key: s');
    return s === 1;
  },
};

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
      assert.equal(verdict.kind === 'drop' ? verdict.reason : 'pass', said);
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

describe('An edited trigger', () => {
  const edits: readonly {
    reason: string;
    from: Rules['recipe'];
    to: Rules['recipe'];
    meanwhile?: Draft;
    said: string;
  }[] = [
    {
      reason: 'does not send a handled object again where more counts',
      from: changes('Spec'),
      to: changes('Spec', 'Labels', 'Status'),
      said: 'unchanged',
    },
    {
      reason: 'does not send a handled object again where less counts',
      from: changes('Spec', 'Status'),
      to: changes('Status'),
      said: 'unchanged',
    },
    {
      reason: 'does not send a handled object again where other things count',
      from: changes('Labels'),
      to: fields('spec.a'),
      said: 'unchanged',
    },
    {
      reason: 'does not send what has changed where that did not count',
      from: changes('Spec'),
      to: changes('Spec', 'Labels'),
      meanwhile: { rv: 6, metadata: { labels: { l: '2' } } },
      said: 'unchanged',
    },
    {
      reason: 'does not send what has changed where that counts no more',
      from: changes('Spec', 'Labels'),
      to: changes('Spec'),
      meanwhile: { rv: 6, metadata: { labels: { l: '2' } } },
      said: 'unchanged',
    },
    {
      reason: 'does not take a new default in the CRD for a change',
      from: changes('Spec'),
      to: changes('Spec', 'Labels'),
      meanwhile: { rv: 6, spec: { a: 1, added: 'default' } },
      said: 'unchanged',
    },
    {
      reason: 'sends what has changed meanwhile by what counted and counts',
      from: changes('Spec', 'Labels'),
      to: changes('Spec', 'Status'),
      meanwhile: { rv: 6, generation: 2, spec: { a: 2 } },
      said: 'pass',
    },
  ];
  for (const { reason, from, to, meanwhile = {}, said } of edits) {
    it(reason, () => {
      const { record } = handled({ recipe: from });
      invalidate(record);
      assert.equal(reasonOf(record, meanwhile, rules({ recipe: to })), said);
    });
  }

  it('goes on with a state that is not handled yet, under a name that fits what counts now', () => {
    const { record } = met();
    invalidate(record);
    const by = rules({ recipe: changes('Spec', 'Status'), versionBy: 'resourceVersion' });
    assert.equal(reasonOf(record, {}, by), 'pass');
    assert.equal(record.version, '5');
  });

  it('asks its new when of an object that waits', () => {
    const { record } = met({ when: gate }, { ...AT_FIRST, status: { s: 0 } });
    invalidate(record);
    assert.equal(reasonOf(record, { status: { s: 0 } }, rules()), 'pass');
  });

  it('takes the success of a call that began before the edit', () => {
    const { record } = met();
    const flight = begin(record);
    invalidate(record);
    reasonOf(record, {}, rules({ recipe: changes('Spec', 'Status') }));
    succeed(record, flight);
    assert.equal(needsDelivery(record, rules()), false);
  });
});

describe('judgeGone', () => {
  const gone = { reason: 'Deleted', resourceVersion: '9', nowMs: 7 } as const;
  const judge = (record: ObjectRecord, by: Rules): string => {
    const verdict = judgeGone(record, gone, by);
    return verdict.kind === 'drop' ? verdict.reason : 'pass';
  };

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

describe('An edit while a call has left its mark', () => {
  it('moves a record silently, once updates are not asked for any more', () => {
    const { record, by } = handled();
    reasonOf(record, { rv: 6, generation: 2, spec: { a: 2 } }, by);
    fail(record, begin(record), { attempts: 1, exhausted: false });
    invalidate(record);
    const others = rules({ eventTypes: ['Created', 'Deleted'] });
    assert.equal(reasonOf(record, { rv: 6, generation: 2, spec: { a: 2 } }, others), 'event-type');
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
      assert.equal(verdict.kind === 'drop' ? verdict.reason : 'pass', said);
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

describe('generationTells and versionRule', () => {
  const KINDS = [
    { group: 'example.com', kind: 'Application', tells: true },
    { group: 'apps', kind: 'Deployment', tells: true },
    { group: 'example.com', kind: 'Pod', tells: true },
    { group: '', kind: 'Pod', tells: false },
    { group: 'scheduling.k8s.io', kind: 'PriorityClass', tells: false },
  ];
  for (const { group, kind, tells } of KINDS) {
    it(`${tells ? 'trusts' : 'does not trust'} the generation of ${kind} in group "${group}"`, () => {
      assert.equal(generationTells({ group, kind }), tells);
    });
  }

  const watch = { apiVersion: 'example.com/v1', kind: 'Application', owns: [] };
  const NAMES = [
    {
      reason: 'only the spec counts and nothing but the kind selects',
      watch,
      recipe: changes('Spec'),
      tells: true,
      by: 'generation',
    },
    {
      reason: 'fields of the spec count',
      watch,
      recipe: fields('spec.a', 'data["b"]'),
      tells: true,
      by: 'generation',
    },
    {
      reason: 'labels count too',
      watch,
      recipe: changes('Spec', 'Labels'),
      tells: true,
      by: 'resourceVersion',
    },
    {
      reason: 'fields outside the spec count',
      watch,
      recipe: fields('spec.a', 'status.b'),
      tells: true,
      by: 'resourceVersion',
    },
    {
      reason: 'labels select',
      watch: { ...watch, labelSelector: 'a=b' },
      recipe: changes('Spec'),
      tells: true,
      by: 'resourceVersion',
    },
    {
      reason: 'fields select',
      watch: { ...watch, fieldSelector: 'spec.a=b' },
      recipe: changes('Spec'),
      tells: true,
      by: 'resourceVersion',
    },
    {
      reason: 'the generation tells nothing',
      watch,
      recipe: changes('Spec'),
      tells: false,
      by: 'resourceVersion',
    },
  ];
  for (const { reason, watch: selection, recipe, tells, by } of NAMES) {
    it(`states are named by ${by} where ${reason}`, () => {
      assert.equal(versionRule({ watch: selection }, recipe, tells), by);
    });
  }
});
