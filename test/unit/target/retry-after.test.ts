import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { parseRetryAfter } from '../../../forwarder/target/retry-after.ts';

const now = Date.UTC(2026, 10, 21, 2, 30, 0);

describe('parseRetryAfter', () => {
  for (const { reason, given, expected } of [
    { reason: 'seconds', given: '120', expected: 120_000 },
    { reason: 'seconds with space around', given: ' 7 ', expected: 7000 },
    { reason: 'a date of today’s form', given: 'Sat, 21 Nov 2026 02:31:00 GMT', expected: 60_000 },
    { reason: 'a date of RFC 850', given: 'Saturday, 21-Nov-26 02:31:00 GMT', expected: 60_000 },
    { reason: 'a date of asctime, which is GMT too', given: 'Sat Nov 21 02:31:00 2026', expected: 60_000 },
    { reason: 'more seconds than there are', given: '9'.repeat(400), expected: Number.MAX_SAFE_INTEGER },
  ]) {
    it(`reads ${reason}`, () => assert.equal(parseRetryAfter(given, now), expected));
  }

  for (const { reason, given } of [
    { reason: 'no header', given: undefined },
    { reason: 'an empty one', given: '' },
    { reason: 'zero, which asks for nothing', given: '0' },
    { reason: 'a negative number', given: '-5' },
    { reason: 'a fraction', given: '1.5' },
    { reason: 'a number in another notation', given: '1e9' },
    { reason: 'a word', given: 'soon' },
    { reason: 'a date in the past', given: 'Sat, 21 Nov 2026 02:29:59 GMT' },
    { reason: 'this very moment', given: 'Sat, 21 Nov 2026 02:30:00 GMT' },
    { reason: 'a date that does not exist', given: 'Sat, 99 Nov 2026 02:30:00 GMT' },
    { reason: 'a date of another form', given: '2026-11-21T02:31:00Z' },
    { reason: 'a list', given: '120, 240' },
  ]) {
    it(`ignores ${reason}`, () => assert.equal(parseRetryAfter(given, now), undefined));
  }

  it('is undefined or more than zero, whatever the text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const waitMs = parseRetryAfter(text, now);
        assert.ok(waitMs === undefined || waitMs > 0);
      }),
    );
  });
});
