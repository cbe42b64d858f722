import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { eventId, idempotencyKey, type IdSuffix } from '../../../forwarder/dispatch/ids.ts';

const uid = '0d2f3a4b-1111-4222-8333-944445555666';

function eightHex(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}

describe('eventId', () => {
  const rows: readonly {
    readonly reason: string;
    readonly eventType: 'Created' | 'Updated' | 'Deleted';
    readonly version: string;
    readonly suffix: IdSuffix;
    readonly expected: string;
  }[] = [
    {
      reason: 'the generation names the state where only the spec counts',
      eventType: 'Created',
      version: 'g5',
      suffix: { kind: 'none' },
      expected: `${uid}:g5`,
    },
    {
      reason: 'a resourceVersion names it elsewhere',
      eventType: 'Updated',
      version: '1042',
      suffix: { kind: 'none' },
      expected: `${uid}:1042`,
    },
    {
      reason: 'an object is deleted once, whatever version it had',
      eventType: 'Deleted',
      version: '1042',
      suffix: { kind: 'none' },
      expected: `${uid}:deleted`,
    },
    {
      reason: 'an object may leave the selector more than once',
      eventType: 'Deleted',
      version: 'g5',
      suffix: { kind: 'left', resourceVersion: '77' },
      expected: `${uid}:left:77`,
    },
    {
      reason: 'a deletion under a finalizer may be asked for again',
      eventType: 'Deleted',
      version: 'g5',
      suffix: { kind: 'timed', dueUnixSeconds: 1_770_000_000 },
      expected: `${uid}:deleted:t1770000000`,
    },
    {
      reason: 'a timed event is named by when it was due, in whole seconds',
      eventType: 'Updated',
      version: 'g5',
      suffix: { kind: 'timed', dueUnixSeconds: 1_770_000_000.9 },
      expected: `${uid}:g5:t1770000000`,
    },
    {
      reason: 'a redelivery is named by the annotation that asked for it',
      eventType: 'Updated',
      version: 'g5',
      suffix: { kind: 'redeliver', value: 'Thursday' },
      expected: `${uid}:g5:r${eightHex('Thursday')}`,
    },
    {
      reason: 'a Child event is named by what its children are',
      eventType: 'Updated',
      version: 'g5',
      suffix: {
        kind: 'child',
        children: [
          { uid: 'b', resourceVersion: '2' },
          { uid: 'a', resourceVersion: '10' },
        ],
      },
      expected: `${uid}:g5:c${eightHex('a/10\nb/2')}`,
    },
    {
      reason: 'the last child gone is a state of its own',
      eventType: 'Updated',
      version: 'g5',
      suffix: { kind: 'child', children: [] },
      expected: `${uid}:g5:c${eightHex('')}`,
    },
  ];
  for (const { reason, expected, ...occurrence } of rows) {
    it(reason, () => assert.equal(eventId({ uid, ...occurrence }), expected));
  }

  it('does not depend on the order in which children are read', () => {
    const child = fc.record({ uid: fc.uuid(), resourceVersion: fc.nat().map(String) });
    fc.assert(
      fc.property(fc.uniqueArray(child, { selector: (one) => one.uid }), (children) => {
        const id = (list: typeof children): string =>
          eventId({ uid, eventType: 'Updated', version: 'g1', suffix: { kind: 'child', children: list } });
        assert.equal(id(children), id(children.toReversed()));
      }),
    );
  });
});

describe('idempotencyKey', () => {
  it('differs between triggers that send the same event id', () => {
    assert.match(idempotencyKey('trigger-1', `${uid}:g1`), /^[0-9a-f]{64}$/);
    assert.notEqual(idempotencyKey('trigger-1', `${uid}:g1`), idempotencyKey('trigger-2', `${uid}:g1`));
    assert.equal(idempotencyKey('t', 'e'), createHash('sha256').update('t/e').digest('hex'));
  });
});
