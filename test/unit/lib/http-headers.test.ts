import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { headerProblem } from '../../../forwarder/lib/http-headers.ts';

describe('headerProblem', () => {
  for (const [name, value] of [
    ['x-team', 'shop'],
    ['Authorization', 'Basic eA=='],
    ['x-empty', ''],
    ['x-tab', 'a\tb'],
    ['x-latin', 'é'],
  ] as const) {
    it(`lets a trigger set ${name}`, () => assert.equal(headerProblem(name, value), undefined));
  }

  const refused: readonly (readonly [reason: string, name: string, value: string])[] = [
    ['an empty name', '', 'secret'],
    ['a space in the name', 'x y', 'secret'],
    ['a line break in the name', 'x\r\ny', 'secret'],
    ['a line break in the value', 'x-a', 'secret\r\nhost: b'],
    ['a character beyond Latin-1', 'x-a', 'secret ☃'],
    ['the host', 'Host', 'secret'],
    ['the length', 'Content-Length', 'secret'],
    ['an attribute of the event', 'CE-Id', 'secret'],
    ['the key by which the receiver knows repeats', 'Idempotency-Key', 'secret'],
  ];
  for (const [reason, name, value] of refused) {
    it(`refuses ${reason} without repeating the value`, () => {
      const problem = headerProblem(name, value);
      assert.equal(typeof problem, 'string');
      assert.ok(!problem?.includes('secret') && !problem?.includes('\n'), problem);
    });
  }
});
