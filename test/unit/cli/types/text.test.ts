import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { comment, key, literal, pascal } from '../../../../cli/types/text.ts';

/** What TypeScript makes of an expression. */
function evaluated(expression: string): unknown {
  // eslint-disable-next-line typescript/no-implied-eval -- texts of this test alone
  return new Function(`return (${expression});`)() as unknown;
}

describe('a literal', () => {
  it('is the value that it was made of', () => {
    const json = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown);
    fc.assert(fc.property(json, (value) => assert.deepEqual(evaluated(literal(value)), value)));
  });

  it('sets a field of any name', () => {
    fc.assert(
      fc.property(fc.string(), (name) => {
        assert.deepEqual(Object.keys(evaluated(`{ ${key(name)}: 1 }`) as object), [name]);
      }),
    );
    assert.deepEqual(Object.keys(evaluated(`{ ${key('__proto__')}: 1 }`) as object), ['__proto__']);
  });
});

describe('a comment', () => {
  it('is not ended by what it says', () => {
    const text = comment(['ends */ here', 'and goes on\nfor a while']);
    assert.equal(text.indexOf('*/'), text.length - 3);
    assert.equal(comment(['', ' ']), '');
    assert.equal(comment(['one']), '/** one */\n');
  });
});

describe('a name', () => {
  it('is made of the words of a field', () => {
    assert.deepEqual(['max-size', 'x.y', 'maxSize', '_a'].map(pascal), ['MaxSize', 'XY', 'MaxSize', 'A']);
  });
});
