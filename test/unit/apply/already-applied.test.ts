import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { alreadyApplied } from '../../../forwarder/apply/already-applied.ts';
import { FieldSet } from '../../../forwarder/lib/fields-v1.ts';
import { Harness, OBJECT_PATH } from '../../support/apply-harness.ts';

const PORTS = FieldSet.of({
  'f:ports': {
    'k:{"port":80,"protocol":"TCP"}': { '.': {}, 'f:port': {} },
    'k:{"port":53,"protocol":"UDP"}': { '.': {}, 'f:port': {}, 'f:protocol': {} },
  },
});
const LIVE = {
  ports: [
    { port: 80, protocol: 'TCP' },
    { port: 53, protocol: 'UDP' },
  ],
};

describe('alreadyApplied', () => {
  for (const { reason, stated, live = LIVE, owned = PORTS, expected } of [
    {
      reason: 'items in another order, a key field left to its default',
      stated: { ports: [{ port: 53, protocol: 'UDP' }, { port: 80 }] },
      expected: true,
    },
    {
      reason: 'an item that is owned and no longer stated',
      stated: { ports: [{ port: 80 }] },
      expected: false,
    },
    {
      reason: 'an item that is stated and not yet there',
      stated: { ports: [...LIVE.ports, { port: 81 }] },
      expected: false,
    },
    { reason: 'an item that somebody deleted', stated: LIVE, live: { ports: [] }, expected: false },
    { reason: 'nothing stated and nothing owned', stated: {}, owned: FieldSet.of({}), expected: true },
    { reason: 'nothing stated, something owned', stated: {}, expected: false },
    {
      reason: 'an atomic list in another order',
      stated: { a: [2, 1] },
      live: { a: [1, 2] },
      owned: FieldSet.of({ 'f:a': {} }),
      expected: false,
    },
    {
      reason: 'an atomic map',
      stated: { a: { b: 1 } },
      live: { a: { b: 1 } },
      owned: FieldSet.of({ 'f:a': {} }),
      expected: true,
    },
    {
      reason: 'an empty map in which others wrote since',
      stated: { a: {} },
      live: { a: { b: 1 } },
      owned: FieldSet.of({ 'f:a': {} }),
      expected: true,
    },
    {
      reason: 'an equal value that is not ours',
      stated: { a: 1 },
      live: { a: 1 },
      owned: FieldSet.of({}),
      expected: false,
    },
    {
      reason: 'a name of the prototype',
      stated: { toString: 1 },
      live: {},
      owned: FieldSet.of({ 'f:toString': {} }),
      expected: false,
    },
  ]) {
    it(`is ${expected} for ${reason}`, () => {
      assert.equal(alreadyApplied(stated, live, owned), expected);
    });
  }
});

describe('A status, whatever is in it', () => {
  const leaf = fc.oneof(fc.string(), fc.integer(), fc.boolean());
  const tree = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      leaf,
      fc.array(leaf, { maxLength: 3 }),
      fc.dictionary(fc.string({ minLength: 1 }), tie('value'), { maxKeys: 3 }),
    ),
  })).value;
  const status = fc.dictionary(fc.string({ minLength: 1 }), tree, { minKeys: 1, maxKeys: 4 });

  it('is stated once, and a later one leaves nothing of it behind', async () => {
    await fc.assert(
      fc.asyncProperty(status, status, async (first, second) => {
        fc.pre(!('conditions' in first) && !('conditions' in second));
        const harness = new Harness({ status: { type: 'object', preserveUnknownFields: true } });
        for (const stated of [first, second, second]) await harness.apply({ status: stated });
        const asText = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
        assert.deepEqual(asText(harness.object['status']), asText(second));
        assert.equal(harness.server.writes.length <= 2, true);
        assert.equal(
          harness.server.writes.every((write) => write === `PATCH ${OBJECT_PATH}/status`),
          true,
        );
        harness.server.requests.length = 0;
        await harness.apply({ status: second });
        assert.deepEqual(harness.server.requests, []);
      }),
    );
  });
});
