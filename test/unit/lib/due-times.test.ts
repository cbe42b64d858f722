import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { DueTimes } from '../../../forwarder/lib/due-times.ts';

describe('DueTimes', () => {
  it('hands out what is due, the earliest first, and equal times in the order in which they were set', () => {
    const times = new DueTimes<string>();
    times.set('late', 30);
    times.set('b', 10);
    times.set('a', 10);
    assert.equal(times.nextMs, 10);
    assert.deepEqual([times.pop(20), times.pop(20), times.pop(20)], ['b', 'a', undefined]);
    assert.equal(times.nextMs, 30);
    assert.equal(times.size, 1);
  });

  it('moves a key that is set again', () => {
    const times = new DueTimes<string>();
    times.set('a', 10);
    times.set('b', 20);
    times.set('a', 30);
    assert.equal(times.get('a'), 30);
    assert.deepEqual(times.keys(), ['b', 'a']);
  });

  it('finds the first key that passes a filter', () => {
    const times = new DueTimes<string>();
    for (const [key, atMs] of [
      ['c', 3],
      ['a', 1],
      ['b', 2],
    ] as const)
      times.set(key, atMs);
    assert.equal(
      times.first((key) => key !== 'a'),
      'b',
    );
    assert.equal(
      times.first(() => false),
      undefined,
    );
    assert.equal(times.size, 3);
  });

  it('is empty once cleared, and takes the same keys again', () => {
    const times = new DueTimes<string>();
    times.set('a', 1);
    times.clear();
    assert.deepEqual([times.size, times.has('a'), times.nextMs], [0, false, undefined]);
    times.set('a', 2);
    assert.deepEqual(times.keys(), ['a']);
  });
});

describe('DueTimes, whatever the order of calls', () => {
  const call = fc.oneof(
    fc.record({ do: fc.constant('set' as const), key: fc.nat(30), atMs: fc.nat(9) }),
    fc.record({ do: fc.constant('delete' as const), key: fc.nat(30) }),
    fc.record({ do: fc.constant('pop' as const), atMs: fc.nat(9) }),
  );

  it('is a sorted list', () => {
    fc.assert(
      fc.property(fc.array(call, { maxLength: 200, size: 'max' }), (calls) => {
        const times = new DueTimes<number>();
        let model: { key: number; atMs: number }[] = [];
        for (const step of calls) {
          if (step.do === 'set') {
            times.set(step.key, step.atMs);
            model = [...model.filter(({ key }) => key !== step.key), { key: step.key, atMs: step.atMs }];
            model = model.toSorted((a, b) => a.atMs - b.atMs);
          } else if (step.do === 'delete') {
            assert.equal(
              times.delete(step.key),
              model.some(({ key }) => key === step.key),
            );
            model = model.filter(({ key }) => key !== step.key);
          } else {
            const due = model[0] !== undefined && model[0].atMs <= step.atMs ? model.shift() : undefined;
            assert.equal(times.pop(step.atMs), due?.key);
          }
          assert.deepEqual(
            times.keys(),
            model.map(({ key }) => key),
          );
          assert.equal(times.nextMs, model[0]?.atMs);
        }
      }),
    );
  });
});
