import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { isRawNumber, parseExact } from '../../../forwarder/lib/exact-json.ts';

/** Any number text that JSON allows. */
const numberText = fc
  .tuple(
    fc.constantFrom('', '-'),
    fc.oneof(fc.constant('0'), fc.bigInt({ min: 1n, max: 10n ** 30n }).map(String)),
    fc.oneof(
      fc.constant(''),
      fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 25 }).map((d) => `.${d.join('')}`),
    ),
    fc.oneof(
      fc.constant(''),
      fc
        .tuple(fc.constantFrom('e', 'E'), fc.constantFrom('', '+', '-'), fc.integer({ min: 0, max: 400 }))
        .map((e) => e.join('')),
    ),
  )
  .map((parts) => parts.join(''));

const space = fc.constantFrom('', ' ', '\n\t');

/** JSON text with any spacing, and every scalar as it stands in it. */
const jsonText: fc.Arbitrary<string> = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    numberText,
    fc.string().map((text) => JSON.stringify(text)),
    fc.constantFrom('true', 'false', 'null', '"1e400"', '"9007199254740993"', '": -0.0"'),
    fc.array(tie('value'), { maxLength: 4 }).map((items) => `[${items.join(',')}]`),
    fc
      .array(fc.tuple(fc.string(), space, tie('value'), space), { maxLength: 4 })
      .map(
        (fields) =>
          `{${fields.map(([key, a, item, b], i) => `${JSON.stringify(`f${i}${key}`)}${a}:${b}${item}`).join(',')}}`,
      ),
  ),
})).value;

describe('parseExact', () => {
  const KEPT = [
    { reason: 'an integer beyond 2^53', text: '9007199254740993' },
    { reason: 'the largest 64-bit integer', text: '-9223372036854775808' },
    { reason: 'a decimal that says it is one', text: '1.0' },
    { reason: 'negative zero', text: '-0' },
    { reason: 'an exponent', text: '1E5' },
    { reason: 'more than a double can hold', text: '1e400' },
    { reason: 'more digits than a double has', text: '0.1000000000000000055511151231257827' },
    { reason: 'a 16-digit integer that a double holds', text: '1000000000000000' },
  ];
  for (const { reason, text } of KEPT) {
    it(`keeps ${reason}`, () => {
      assert.equal(JSON.stringify(parseExact(text)), text);
      assert.equal(JSON.stringify(parseExact(`{"a":[${text}, ${text}]}`)), `{"a":[${text},${text}]}`);
    });
  }

  it('keeps every number text, wherever it stands', () => {
    fc.assert(
      fc.property(jsonText, (text) => {
        const numbers = (json: string): string[] =>
          json.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""').match(/-?\d[\d.eE+-]*/g) ?? [];
        assert.deepEqual(numbers(JSON.stringify(parseExact(text))), numbers(text));
      }),
    );
  });

  it('gives the same values as JSON.parse', () => {
    const plain = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(plain);
      if (typeof value !== 'object' || value === null) return value;
      if (isRawNumber(value)) return Number(value.rawJSON);
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
    };
    fc.assert(fc.property(jsonText, (text) => assert.deepEqual(plain(parseExact(text)), JSON.parse(text))));
  });

  it('gives plain numbers where they are exact, also beside others', () => {
    assert.deepEqual(parseExact('{"a":1,"b":-20.5}'), { a: 1, b: -20.5 });
    const { a, b } = parseExact('{"a":15,"b":1.0}') as Readonly<Record<string, unknown>>;
    assert.equal(a, 15);
    assert.ok(isRawNumber(b));
  });

  it('tells numbers from what looks like them in strings', () => {
    for (const string of ['\\', '"', ':1.0', '\\",1.0', '[1e400', '\\\\",[2.0', '\u0000', '\u00001.0']) {
      const text = `{${JSON.stringify(`f${string}`)}:[${JSON.stringify(string)},1.0]}`;
      const parsed = parseExact(text);
      assert.equal(JSON.stringify(parsed), text);
      const [first, second] = Object.values(parsed as Readonly<Record<string, unknown[]>>)[0] ?? [];
      assert.equal(first, string);
      assert.ok(isRawNumber(second));
    }
  });

  it('keeps a field named __proto__ a field', () => {
    const parsed = parseExact('{"__proto__":{"polluted":1.0},"n":1.0}') as object;
    assert.equal(Object.getPrototypeOf(parsed), Object.prototype);
    assert.equal(JSON.stringify(parsed), '{"__proto__":{"polluted":1.0},"n":1.0}');
  });

  it('throws SyntaxError for what is no JSON', () => {
    for (const text of [
      '',
      '{',
      '01',
      '1.',
      '[01.5]',
      '[1.0.0]',
      '{"a":1.0,}',
      '{"a":1,1.0:2}',
      '["a,1.0]',
      'NaN',
    ]) {
      assert.throws(() => parseExact(text), SyntaxError);
    }
  });

  it('takes time in proportion to the text', () => {
    // A pattern that looked for numbers with backtracking would need minutes for this.
    const text = `["${' '.repeat(200_000)}",${'1'.repeat(15)},"${',:['.repeat(100_000)}",1.0]`;
    assert.equal(JSON.stringify(parseExact(text)), text);
  });
});
