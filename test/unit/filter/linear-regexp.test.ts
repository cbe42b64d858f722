import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { LinearRegExp } from '../../../forwarder/filter/linear-regexp.ts';

const ROWS: readonly (readonly [pattern: string, text: string, matches: boolean, reason: string])[] = [
  ['b', 'abc', true, 'a match may be anywhere'],
  ['', '', true, 'nothing matches everywhere'],
  ['^b', 'abc', false, '^ is the start of the text'],
  ['^b', 'a\nb', false, '^ is not the start of a line'],
  ['b$', 'ab\n', false, '$ is the end of the text, not before a newline'],
  ['^a|b$', 'xb', true, 'alternatives reach as far as they can'],
  ['^(a|b)$', 'xb', false, 'groups bound alternatives'],
  ['^a.c$', 'a\nc', false, '. is no newline'],
  ['^a.c$', 'a😀c', true, '. is a code point, not a UTF-16 unit'],
  ['^[😀]$', '😀', true, 'classes hold code points'],
  ['^a{2,3}$', 'aaaa', false, 'repetition has a maximum'],
  ['^a{2,}$', 'aaaa', true, 'repetition without a maximum'],
  ['^a{2}$', 'aa', true, 'repetition by an exact number'],
  ['^a{,2}$', 'a{,2}', true, 'a brace that begins no repetition is itself'],
  ['^a{$', 'a{', true, 'an open brace is itself'],
  ['^(?:ab)+?$', 'abab', true, 'lazy quantifiers match the same texts'],
  ['^()*$', '', true, 'an empty group may repeat'],
  ['^(a*)*b$', 'aaab', true, 'repetition of repetition'],
  ['^[a-c-]+$', 'a-c', true, 'a hyphen at the end is itself'],
  ['^[]a]$', ']', true, 'a bracket at the start is itself'],
  ['^[^a]$', 'b', true, 'a negated class'],
  ['^[^a]$', '\n', true, 'a negated class has the newline'],
  ['^[\\d\\-]+$', '1-2', true, 'escapes in classes'],
  ['^[^\\D]$', '7', true, 'negated escapes in negated classes'],
  ['^[\\D]$', '7', false, 'negated escapes in classes'],
  ['^[[:alpha:]_]+$', 'ab_', true, 'POSIX classes'],
  ['^[[:^digit:]]$', '7', false, 'negated POSIX classes'],
  ['\\bweb\\b', 'a web-1', true, 'word boundaries'],
  ['\\Beb', 'web', true, 'no word boundary'],
  ['^\\w+$', 'ä', false, 'words are ASCII'],
  ['^\\s$', '\u000b', false, 'the vertical tab is no space in RE2'],
  ['^\\s$', '\u00a0', false, 'spaces are ASCII'],
  ['^\\x41\\x{1F600}$', 'A😀', true, 'hexadecimal escapes'],
  ['^\\.\\*\\/$', '.*/', true, 'escaped punctuation'],
  ['^\\Aab\\z$', 'ab', true, 'other names for start and end'],
];

describe('LinearRegExp', () => {
  for (const [pattern, text, matches, reason] of ROWS) {
    it(`${reason}: ${JSON.stringify(pattern)} on ${JSON.stringify(text)}`, () => {
      assert.equal(new LinearRegExp(pattern).test(text), matches);
    });
  }

  const BAD = [
    '(',
    ')',
    'a)',
    '[',
    '[a',
    '*',
    '+a',
    'a**',
    'a+*',
    'a{2}{3}',
    '[b-a]',
    '[[:nope:]]',
    '[\\d-z]',
    'a{1001}',
    '(?i)a',
    '(?P<n>a)',
    '(?=a)',
    '(?<!a)',
    '\\1',
    '\\pL',
    '\\Q',
    '\\',
    '\\x4',
    'a{3,2}',
    '\\é',
    '[[:alpha',
  ];
  for (const pattern of BAD) {
    it(`refuses ${JSON.stringify(pattern)}`, () => {
      assert.throws(() => new LinearRegExp(pattern), SyntaxError);
    });
  }

  it('refuses patterns that are too large or too deep', () => {
    assert.throws(() => new LinearRegExp('((a{99}){99}){99}'), SyntaxError);
    assert.throws(() => new LinearRegExp('('.repeat(10_000)), SyntaxError);
  });

  it('refuses a text that is too long for the pattern', () => {
    assert.throws(() => new LinearRegExp('a{1000}').test('b'.repeat(1_000_000)), RangeError);
  });

  it('can be used again and again', () => {
    const pattern = new LinearRegExp('^a+$');
    assert.deepEqual(
      ['aa', 'b', 'aa', '', 'a'].map((text) => pattern.test(text)),
      [true, false, true, false, true],
    );
  });

  it('needs few steps where other engines need exponentially many', () => {
    for (const pattern of ['^(a+)+$', '^(a|aa)+$', '^(a|a?)+$', '^(.*a){20}$', '^(a*)*(a*)*b$']) {
      assert.equal(new LinearRegExp(pattern).test(`${'a'.repeat(5000)}!`), false);
    }
  });

  it('agrees with the engine of JavaScript', () => {
    const char = fc.constantFrom('a', 'b', '-', '1', ' ', '\n', '_');
    const atom = fc.oneof(
      char.map((one) => (one === '-' ? '\\-' : one)),
      fc.constantFrom(
        '.',
        '\\d',
        '\\D',
        '\\w',
        '\\W',
        '\\s',
        '\\S',
        '[ab]',
        '[^ab]',
        '[a-z1]',
        '[^\\d]',
        '[-_]',
        '^',
        '$',
        '\\b',
        '\\B',
      ),
    );
    const { pattern } = fc.letrec<{ pattern: string; piece: string }>((tie) => ({
      piece: fc.oneof(
        { maxDepth: 3 },
        atom,
        tie('pattern').map((inner) => `(${inner})`),
        fc
          .tuple(tie('pattern'), fc.constantFrom('*', '+', '?', '{2}', '{1,2}', '{0,}', '*?', '+?'))
          .map(([inner, quantifier]) => `(?:${inner})${quantifier}`),
      ),
      pattern: fc
        .array(
          fc.array(tie('piece'), { maxLength: 3 }).map((pieces) => pieces.join('')),
          { minLength: 1, maxLength: 2 },
        )
        .map((options) => options.join('|')),
    }));
    const text = fc.string({ unit: char, maxLength: 8 });
    fc.assert(
      fc.property(pattern, fc.array(text, { minLength: 1, maxLength: 5 }), (source, texts) => {
        const ours = new LinearRegExp(source);
        const theirs = new RegExp(source.replaceAll('\\-', '-'));
        for (const one of texts)
          assert.equal(ours.test(one), theirs.test(one), `${source} on ${JSON.stringify(one)}`);
      }),
      { numRuns: 1000 },
    );
  });
});
