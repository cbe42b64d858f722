import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fitData } from '../../../forwarder/dispatch/size-ladder.ts';
import type { InvocationData } from '../../../forwarder/model/invocation.ts';
import { objectOf } from '../../support/objects.ts';

const least: InvocationData = { object: objectOf({ spec: { name: 'ä'.repeat(50) } }), reason: 'Watch' };
const withChildren: InvocationData = { ...least, children: { 'ConfigMap.v1': { a: 'x'.repeat(100) } } };
const whole: InvocationData = { ...withChildren, previous: objectOf({ spec: {} }) };
const bytes = (data: InvocationData): number => Buffer.byteLength(JSON.stringify(data));

describe('fitData', () => {
  for (const { reason, limit, expected } of [
    { reason: 'sends everything where the target names no limit', limit: undefined, expected: whole },
    { reason: 'sends everything that fits to the byte', limit: bytes(whole), expected: whole },
    { reason: 'leaves out previous first', limit: bytes(whole) - 1, expected: withChildren },
    {
      reason: 'keeps children that fit without previous',
      limit: bytes(withChildren),
      expected: withChildren,
    },
    { reason: 'leaves out children next', limit: bytes(withChildren) - 1, expected: least },
    { reason: 'counts bytes, not characters', limit: bytes(least), expected: least },
  ]) {
    it(reason, () => {
      for (const dataref of [false, true]) {
        const { json, isReference } = fitData(whole, limit, { dataref });
        assert.deepEqual([JSON.parse(json), isReference], [expected, false]);
      }
    });
  }

  it('leaves out all of the object but its identity at last, where the trigger says so', () => {
    const limit = bytes(least) - 1;
    const { json, isReference } = fitData({ ...whole, changed: ['Spec'] }, limit, { dataref: true });
    const { apiVersion, kind, metadata } = least.object;
    const { name, namespace, uid } = metadata;
    assert.deepEqual(JSON.parse(json), {
      object: { apiVersion, kind, metadata: { name, namespace, uid } },
      changed: ['Spec'],
      reason: 'Watch',
    });
    assert.ok(isReference);
  });

  it('names the size of the object also where its identity is too large', () => {
    assert.throws(() => fitData(whole, 20, { dataref: true }), {
      code: 'TARGET_TOO_LARGE',
      message: `object of ${bytes(least)} bytes is larger than the 20 bytes the target takes`,
    });
  });

  it('fails for good where the object alone is too large, and names both sizes', () => {
    const limit = bytes(least) - 1;
    assert.throws(() => fitData(whole, limit, { dataref: false }), {
      code: 'TARGET_TOO_LARGE',
      blame: 'delivery',
      permanent: true,
      message: `object of ${bytes(least)} bytes is larger than the ${limit} bytes the target takes`,
    });
  });
});
