import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import {
  completeConditions,
  type Condition,
  type ConditionChange,
  readConditions,
  setCondition,
  timestamp,
  TRIGGER_CONDITIONS,
} from '../../../forwarder/status/conditions.ts';

/** Shown once somebody has spoken of them, and no part of Ready. */
const OPTIONAL: ReadonlySet<string> = new Set(['CheckpointHealthy', 'ObjectsReleased']);

const T0 = Date.UTC(2026, 0, 1);
const LATER = T0 + 60_000;

const change = (
  type: ConditionChange['type'],
  status: Condition['status'],
  message = '',
  observedGeneration = 1,
): ConditionChange & { readonly observedGeneration: number } => ({
  type,
  status,
  reason: `Because${status}`,
  message,
  observedGeneration,
});

describe('setCondition', () => {
  it('moves lastTransitionTime with the status only', () => {
    const first = setCondition([], change('Accepted', 'True'), T0);
    const reworded = setCondition(first, change('Accepted', 'True', 'all well', 2), LATER);
    assert.deepEqual(reworded, [
      {
        type: 'Accepted',
        status: 'True',
        observedGeneration: 2,
        lastTransitionTime: '2026-01-01T00:00:00Z',
        reason: 'BecauseTrue',
        message: 'all well',
      },
    ]);
    const turned = setCondition(reworded, change('Accepted', 'False'), LATER);
    assert.equal(turned[0]?.lastTransitionTime, '2026-01-01T00:01:00Z');
  });

  it('gives the same list back where nothing changed', () => {
    const list = setCondition([], change('Accepted', 'False', 'spec.a: bad'), T0);
    assert.equal(setCondition(list, change('Accepted', 'False', 'spec.a: bad'), LATER), list);
  });

  it('keeps the order whatever comes first', () => {
    const types = TRIGGER_CONDITIONS.filter((type) => type !== 'Ready');
    let list: readonly Condition[] = [];
    for (const type of types.toReversed()) list = setCondition(list, change(type, 'True'), T0);
    assert.deepEqual(
      list.map(({ type }) => type),
      types,
    );
  });

  it('keeps messages in one bounded line', () => {
    const [condition] = setCondition([], change('Accepted', 'False', `a\n\tb ${'c'.repeat(5000)}`), T0);
    assert.ok(condition?.message.startsWith('a b c'));
    assert.equal(condition?.message.length, 1024);
  });
});

describe('completeConditions', () => {
  const cases: readonly {
    readonly reason: string;
    readonly given: readonly (readonly [ConditionChange['type'], Condition['status']])[];
    readonly ready: Condition['status'];
    readonly because: string;
  }[] = [
    { reason: 'nothing is known yet', given: [], ready: 'Unknown', because: 'Pending' },
    {
      reason: 'it is accepted and not yet synced',
      given: [['Accepted', 'True']],
      ready: 'Unknown',
      because: 'Pending',
    },
    {
      reason: 'it is synced and has not been tried',
      given: [
        ['Accepted', 'True'],
        ['SourceSynced', 'True'],
      ],
      ready: 'True',
      because: 'Ready',
    },
    {
      reason: 'the target cannot be reached',
      given: [
        ['Accepted', 'True'],
        ['SourceSynced', 'True'],
        ['TargetReachable', 'False'],
      ],
      ready: 'False',
      because: 'BecauseFalse',
    },
    {
      reason: 'something is wrong before all is known',
      given: [['SufficientPermissions', 'False']],
      ready: 'False',
      because: 'BecauseFalse',
    },
  ];
  for (const { reason, given, ready, because } of cases) {
    it(`says Ready=${ready} when ${reason}`, () => {
      let list: readonly Condition[] = [];
      for (const [type, status] of given) list = setCondition(list, change(type, status), T0);
      const all = completeConditions(list, 1, T0);
      assert.deepEqual(
        all.map(({ type }) => type),
        TRIGGER_CONDITIONS.filter((type) => !OPTIONAL.has(type)),
      );
      assert.deepEqual([all.at(-1)?.status, all.at(-1)?.reason], [ready, because]);
    });
  }

  it('shows what is optional once somebody has spoken of it, and leaves Ready alone', () => {
    const ready = (['Accepted', 'SourceSynced'] as const).map((type) => change(type, 'True'));
    const said = [...ready, change('CheckpointHealthy', 'False', 'no rights')];
    const list = said.reduce<readonly Condition[]>((all, one) => setCondition(all, one, T0), []);
    const all = completeConditions(list, 1, T0);
    assert.equal(all.find(({ type }) => type === 'CheckpointHealthy')?.message, 'no rights');
    assert.equal(all.at(-1)?.status, 'True');
  });

  it('takes reason and message of Ready from the first that is wrong', () => {
    let list = setCondition([], change('TargetReachable', 'False', 'second'), T0);
    list = setCondition(list, change('SourceSynced', 'False', 'first'), T0);
    assert.equal(completeConditions(list, 1, T0).at(-1)?.message, 'first');
  });

  it('says of every condition which generation it is about', () => {
    const all = completeConditions(setCondition([], change('Accepted', 'True'), T0), 7, LATER);
    assert.ok(all.every(({ observedGeneration }) => observedGeneration === 7));
    assert.equal(all[0]?.lastTransitionTime, timestamp(T0));
  });
});

describe('completeConditions, whatever was said', () => {
  const said = fc.array(
    fc.record({
      type: fc.constantFrom(...TRIGGER_CONDITIONS.filter((type) => type !== 'Ready')),
      status: fc.constantFrom('True' as const, 'False' as const, 'Unknown' as const),
      message: fc.string(),
    }),
  );

  it('is never Ready while something is wrong, and changes nothing when asked again', () => {
    fc.assert(
      fc.property(said, (changes) => {
        let list: readonly Condition[] = [];
        for (const { type, status, message } of changes) {
          list = setCondition(list, change(type, status, message), T0);
        }
        const all = completeConditions(list, 1, T0);
        const wrong = all.slice(0, -1).some(({ type, status }) => !OPTIONAL.has(type) && status === 'False');
        assert.equal(all.at(-1)?.status === 'False', wrong);
        assert.equal(completeConditions(all, 1, LATER), all);
        assert.deepEqual(readConditions(JSON.parse(JSON.stringify({ conditions: all }))), all);
      }),
    );
  });
});

describe('readConditions', () => {
  for (const status of [
    undefined,
    null,
    {},
    { conditions: 'x' },
    { conditions: [null, 7, {}, { type: 'Other' }] },
  ]) {
    it(`finds none in ${JSON.stringify(status)}`, () => assert.deepEqual(readConditions(status), []));
  }
});
