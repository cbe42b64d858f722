import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { encodeHeaderValue, requestHeaders } from '../../../forwarder/target/request-headers.ts';
import { invocationAt } from '../../support/invocations.ts';
import { ManualClock } from '../../support/manual-clock.ts';

describe('encodeHeaderValue', () => {
  for (const { reason, given, expected } of [
    {
      reason: 'leaves printable ASCII as it is',
      given: "/apis/x!#$&'()*+,;=~",
      expected: "/apis/x!#$&'()*+,;=~",
    },
    { reason: 'encodes space, quote and percent', given: 'a "b" 100%', expected: 'a%20%22b%22%20100%25' },
    // The example of the CloudEvents HTTP binding, 3.1.3.2.
    {
      reason: 'encodes what is beyond ASCII as UTF-8',
      given: 'Euro € 😀',
      expected: 'Euro%20%E2%82%AC%20%F0%9F%98%80',
    },
    { reason: 'encodes line ends, so no header can be smuggled in', given: 'a\r\nb', expected: 'a%0D%0Ab' },
    {
      reason: 'makes half a surrogate pair the replacement character',
      given: '\uD83D',
      expected: '%EF%BF%BD',
    },
  ]) {
    it(reason, () => assert.equal(encodeHeaderValue(given), expected));
  }

  it('is undone by percent-decoding, and holds nothing but printable ASCII', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const encoded = encodeHeaderValue(text);
        assert.match(encoded, /^[!#-~]*$/);
        assert.equal(decodeURIComponent(encoded), text.toWellFormed());
      }),
    );
  });
});

describe('requestHeaders', () => {
  it('lets a trigger replace accept and user-agent, in any spelling', () => {
    const headers = requestHeaders(invocationAt(new ManualClock()), {
      Accept: '*/*',
      'User-Agent': 'mine',
      'X-Own': '1',
    });
    assert.partialDeepStrictEqual(headers, { accept: '*/*', 'user-agent': 'mine', 'x-own': '1' });
    assert.equal(headers['Accept'], undefined);
  });

  it('lets nothing replace what names the event', () => {
    const invocation = invocationAt(new ManualClock());
    const headers = requestHeaders(invocation, {
      'ce-id': 'forged',
      'Idempotency-Key': 'forged',
      traceparent: 'forged',
    });
    assert.equal(headers['ce-id'], invocation.attributes.id);
    assert.equal(headers['idempotency-key'], invocation.idempotencyKey);
    assert.equal(headers['traceparent'], invocation.attributes.traceparent);
  });
});
