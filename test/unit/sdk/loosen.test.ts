import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import * as z from 'zod';
import * as mini from 'zod/mini';
import { safeParse, type $ZodType } from 'zod/v4/core';
import { loosen } from '../../../functions/sdk/loosen.ts';

interface Tree {
  readonly name: string;
  readonly children: readonly Tree[];
}
const tree: z.ZodType<Tree> = z.object({
  name: z.string(),
  get children() {
    return z.array(tree);
  },
});
const lazyTree: z.ZodType = z.lazy(() => z.object({ next: lazyTree.optional() }));

describe('loosen', () => {
  const rows: readonly { reason: string; schema: $ZodType; given: unknown; expected?: unknown }[] = [
    { reason: 'an object', schema: z.object({ a: z.number() }), given: { a: 1, x: 2 } },
    {
      reason: 'an object in an object',
      schema: z.object({ a: z.object({ b: z.number() }) }),
      given: { a: { b: 1, x: 2 } },
    },
    {
      reason: 'objects in an array, each its own',
      schema: z.array(z.object({ a: z.number() })),
      given: [{ a: 1, x: 1 }, { a: 2 }],
    },
    { reason: 'an optional object', schema: z.object({ a: z.number() }).optional(), given: { a: 1, x: 2 } },
    { reason: 'a nullable object', schema: z.object({ a: z.number() }).nullable(), given: { a: 1, x: 2 } },
    { reason: 'a partial object', schema: z.object({ a: z.number() }).partial(), given: { x: 2 } },
    { reason: 'a readonly object', schema: z.object({ a: z.number() }).readonly(), given: { a: 1, x: 2 } },
    {
      reason: 'an object with a default inside',
      schema: z.object({ a: z.number().default(7) }),
      given: { x: 2 },
      expected: { a: 7, x: 2 },
    },
    {
      reason: 'a union',
      schema: z.union([z.object({ a: z.number() }), z.object({ b: z.number() })]),
      given: { b: 1, x: 2 },
    },
    {
      reason: 'a discriminated union',
      schema: z.discriminatedUnion('t', [
        z.object({ t: z.literal('a'), a: z.number() }),
        z.object({ t: z.literal('b') }),
      ]),
      given: { t: 'b', x: 2 },
    },
    {
      reason: 'an intersection',
      schema: z.intersection(z.object({ a: z.number() }), z.object({ b: z.number() })),
      given: { a: 1, b: 2, x: 3 },
    },
    {
      reason: 'values of a record',
      schema: z.record(z.string(), z.object({ a: z.number() })),
      given: { k: { a: 1, x: 2 } },
    },
    {
      reason: 'parts of a tuple and its rest',
      schema: z.tuple([z.object({ a: z.number() })], z.object({ b: z.number() })),
      given: [
        { a: 1, x: 2 },
        { b: 1, x: 2 },
      ],
    },
    {
      reason: 'an object before a transform',
      schema: z.object({ a: z.number() }).transform((value) => Object.keys(value)),
      given: { a: 1, x: 2 },
      expected: ['a', 'x'],
    },
    {
      reason: 'a tree by a getter',
      schema: tree,
      given: { name: 'a', x: 1, children: [{ name: 'b', y: 2, children: [] }] },
    },
    { reason: 'a tree by z.lazy', schema: lazyTree, given: { x: 1, next: { y: 2, next: {} } } },
    { reason: 'a zod/mini object', schema: mini.object({ a: mini.number() }), given: { a: 1, x: 2 } },
  ];
  for (const { reason, schema, given, expected } of rows) {
    it(`keeps unknown fields of ${reason}`, () => {
      const result = safeParse(loosen(schema), given);
      assert.deepEqual(result, { success: true, data: expected ?? given });
    });
  }

  it('leaves the schema it was given as it is', () => {
    const schema = z.object({ a: z.object({ b: z.number() }) });
    loosen(schema);
    assert.deepEqual(schema.parse({ a: { b: 1, x: 2 }, y: 3 }), { a: { b: 1 } });
  });

  it('keeps refinements, and their messages', () => {
    const schema = loosen(z.object({ a: z.number() }).refine(({ a }) => a > 1, 'a is small'));
    const result = safeParse(schema, { a: 1 });
    assert.equal(result.error?.issues[0]?.message, 'a is small');
  });

  it('lets a strict object forbid what it does not name', () => {
    assert.equal(safeParse(loosen(z.strictObject({ a: z.number() })), { a: 1, x: 2 }).success, false);
  });

  it('gives back any JSON object whole when the schema names a part of it', () => {
    const schema = loosen(z.object({ size: z.number(), labels: z.object({}).optional() }));
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.integer(), (rest, size) => {
        // A plain JSON round trip: what an event can hold.
        const { labels: _labels, ...others } = rest;
        const given = JSON.parse(JSON.stringify({ ...others, size })) as Record<string, unknown>;
        delete given['__proto__'];
        assert.deepEqual(safeParse(schema, given).data, given);
      }),
    );
  });
});
