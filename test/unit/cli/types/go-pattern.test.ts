import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fromGoPattern } from '../../../../cli/types/go-pattern.ts';

describe('a pattern of a CRD', () => {
  for (const { pattern, takes, refuses } of [
    { pattern: '^[a-z]([-a-z0-9]*[a-z0-9])?$', takes: ['a', 'a-1'], refuses: ['', 'A', 'a-', 'a\n'] },
    { pattern: String.raw`\Aa\z`, takes: ['a'], refuses: ['ab', 'a\n'] },
    { pattern: '^.$', takes: ['😀', '\u2028', '\r'], refuses: ['\n', 'ab'] },
    { pattern: String.raw`^\s$`, takes: [' ', '\t'], refuses: ['\u00A0', '\v'] },
    { pattern: String.raw`^\S[\s]$`, takes: ['\u00A0 '], refuses: ['  ', 'a\u00A0'] },
    { pattern: '^[[:alpha:]_]+$', takes: ['aZ_'], refuses: ['1', ':', '['] },
    { pattern: '^[]a]+$', takes: ['a]'], refuses: ['b'] },
    { pattern: '^[^]a]$', takes: ['b'], refuses: [']', 'a'] },
    { pattern: '^[a[]$', takes: ['['], refuses: ['b'] },
    { pattern: String.raw`^\_\-\%[\-\.\/]$`, takes: ['_-%.', '_-%/'], refuses: ['_-%a'] },
    { pattern: '^a{2,3}$', takes: ['aa'], refuses: ['a', 'aaaa'] },
    { pattern: '^{a}]$', takes: ['{a}]'], refuses: ['a'] },
    { pattern: '^(?P<year>[0-9]{4})(?:-(?<month>[0-9]{2}))?$', takes: ['2020-01', '2020'], refuses: ['20'] },
    { pattern: String.raw`^\x41\x{1F600}$`, takes: ['A😀'], refuses: ['A'] },
    { pattern: '/', takes: ['a/b'], refuses: ['ab'] },
  ]) {
    it(`means the same in JavaScript: ${pattern}`, () => {
      const read = fromGoPattern(pattern);
      assert.ok(read !== undefined);
      for (const text of takes) assert.ok(read.test(text), JSON.stringify(text));
      for (const text of refuses) assert.ok(!read.test(text), JSON.stringify(text));
    });
  }

  for (const pattern of [
    '(?i)a',
    '(?s:.)',
    String.raw`\pL`,
    String.raw`\Qa.b\E`,
    String.raw`[\S]`,
    String.raw`\Ca`,
    '[[:graph:]]',
    '(',
  ]) {
    it(`is left to the API server where JavaScript has no such thing: ${pattern}`, () => {
      assert.equal(fromGoPattern(pattern), undefined);
    });
  }
});
