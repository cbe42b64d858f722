import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { webhookHeaders } from '../../../forwarder/target/webhook-signature.ts';

describe('webhookHeaders', () => {
  it('signs as the example of the specification says', () => {
    // github.com/standard-webhooks/standard-webhooks, the test vector of its reference libraries
    const secret = Buffer.from('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
    const message = {
      id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      nowMs: 1_614_265_330_999,
      body: '{"test": 2432232314}',
    };
    assert.deepEqual(webhookHeaders(secret, message), {
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  it('signs with each of several keys, as during a rotation', () => {
    const message = { id: 'a', nowMs: 0, body: '{}' };
    const [old, next] = ['whsec_b2xkLWtleQ==', 'whsec_bmV3LWtleQ=='].map(
      (key) => webhookHeaders(Buffer.from(key), message)['webhook-signature'],
    );
    const both = webhookHeaders(Buffer.from('whsec_b2xkLWtleQ==\nwhsec_bmV3LWtleQ==\n'), message);
    assert.equal(both['webhook-signature'], `${old} ${next}`);
  });

  it('takes any other secret as the key itself, byte by byte', () => {
    const message = { id: 'a', nowMs: 0, body: '{}' };
    const key = Buffer.from('old-key');
    assert.equal(
      webhookHeaders(key, message)['webhook-signature'],
      webhookHeaders(Buffer.from('whsec_b2xkLWtleQ=='), message)['webhook-signature'],
    );
  });
});
