import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readTargetPolicy } from '../../../forwarder/config/target-policy.ts';

describe('readTargetPolicy', () => {
  it('reads CIDRs of both families', () => {
    assert.deepEqual(readTargetPolicy('deny: [10.0.0.0/8, "fd00::/8", 192.0.2.1/32]'), {
      deny: ['10.0.0.0/8', 'fd00::/8', '192.0.2.1/32'],
    });
  });

  for (const text of [
    '',
    '[]',
    'deny: 10.0.0.0/8',
    'deny: [10.0.0.0]',
    'deny: [10.0.0.0/33]',
    'deny: ["fd00::/129"]',
    'deny: [example.com/8]',
    'deny: [7]',
    'allow: []',
    'deny: [',
  ]) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(() => readTargetPolicy(text), { code: 'CONFIG_INVALID', field: '--target-policy' });
    });
  }
});
