import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fieldSelectorProblem } from '../../../forwarder/config/field-selector.ts';
import { selectorProblems, selectorQuery } from '../../../forwarder/config/label-selector.ts';

describe('selectorQuery', () => {
  it('writes every operator', () => {
    const query = selectorQuery({
      matchLabels: { b: '2', a: '' },
      matchExpressions: [
        { key: 'x', operator: 'Exists' },
        { key: 'y', operator: 'DoesNotExist' },
        { key: 'z', operator: 'NotIn', values: ['q', 'p'] },
        { key: 'c.d/e', operator: 'In', values: ['v'] },
      ],
    });
    assert.equal(query, 'a=,b=2,!y,c.d/e in (v),x,z notin (p,q)');
  });

  it('is the same for the same selector in another order', () => {
    assert.equal(
      selectorQuery({ matchLabels: { a: '1', b: '2' } }),
      selectorQuery({ matchLabels: { b: '2', a: '1' } }),
    );
  });

  it('is empty for a selector of everything', () => assert.equal(selectorQuery({ matchLabels: {} }), ''));
});

describe('selectorProblems', () => {
  const labels: readonly (readonly [key: string, value: string, good: boolean])[] = [
    ['app', 'web', true],
    ['a.b/c', '', true],
    ['a'.repeat(63), 'v'.repeat(63), true],
    ['a'.repeat(64), 'v', false],
    ['a', 'v'.repeat(64), false],
    ['/a', 'v', false],
    ['A.b/c', 'v', false],
    ['a/b/c', 'v', false],
    ['a', 'b,c=d', false],
    ['a', '-b', false],
    ['', 'v', false],
  ];
  for (const [key, value, good] of labels) {
    it(`${good ? 'takes' : 'refuses'} ${JSON.stringify(key)}=${JSON.stringify(value)}`, () => {
      assert.equal(selectorProblems({ matchLabels: { [key]: value } }, 'p').length === 0, good);
      const expression = { key, operator: 'In', values: [value] } as const;
      assert.equal(selectorProblems({ matchExpressions: [expression] }, 'p').length === 0, good);
    });
  }
});

describe('fieldSelectorProblem', () => {
  for (const text of ['spec.tier=gold', 'metadata.name!=a,spec.b==c', 'spec.a=', 'spec.a=b\\,c']) {
    it(`takes ${text}`, () => assert.equal(fieldSelectorProblem(text), undefined));
  }
  for (const text of ['spec.tier', '=gold', 'spec.a=b,', 'spec.a in (b)', 'a=b=c']) {
    it(`refuses ${text}`, () => assert.notEqual(fieldSelectorProblem(text), undefined));
  }
});
