import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { DocumentReader } from '../../../forwarder/kube/document-reader.ts';
import type { FrameReader } from '../../../forwarder/kube/frame-reader.ts';
import { ListReader } from '../../../forwarder/kube/list-reader.ts';

/** Pushes the bytes in pieces of the given sizes, over and over, and returns every frame as text. */
function read(reader: FrameReader, text: string, sizes: readonly number[]): string[] {
  const bytes = Buffer.from(text);
  const frames: string[] = [];
  for (let at = 0, piece = 0; at < bytes.length; piece++) {
    const size = sizes[piece % sizes.length] ?? bytes.length;
    reader.push(bytes.subarray(at, at + size));
    at += size;
    for (let frame = reader.next(); frame !== undefined; frame = reader.next())
      frames.push(frame.toString('utf8'));
  }
  return frames;
}

const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 });
const gap = fc.constantFrom('', '\n', '\r\n', ' ', '\n\n');
const object = fc
  .dictionary(fc.string({ unit: 'binary', maxLength: 8 }), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 4 })
  .map((value) => JSON.stringify(value));

describe('DocumentReader', () => {
  it('cuts a stream into its documents wherever chunks end and whatever is between them', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(object, gap)), sizes, (documents, sizes) => {
        const reader = new DocumentReader();
        const frames = read(reader, documents.flat().join(''), sizes);
        assert.deepEqual(
          frames,
          documents.map(([document]) => document),
        );
        assert.equal(reader.complete, true);
      }),
    );
  });

  it('takes line separators and bare carriage returns in strings for what they are', () => {
    const documents = ['{"a":"\u2028\u2029"}', '{"b":"{}\\"\\\\"}'];
    assert.deepEqual(read(new DocumentReader(), documents.join(''), [3]), documents);
  });

  it('knows when the stream ended within a document', () => {
    const reader = new DocumentReader();
    assert.deepEqual(read(reader, '{"a":1}{"b":"', [100]), ['{"a":1}']);
    assert.equal(reader.complete, false);
  });

  for (const text of ['x', '{"a":1}null', '[{"a":1}]', '{"a":1}}']) {
    it(`refuses ${text}`, () => {
      assert.throws(() => read(new DocumentReader(), text, [1]), { name: 'ApiError', code: 'API_PROTOCOL' });
    });
  }
});

describe('ListReader', () => {
  it('finds the items and what is around them in any order of keys', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(object, gap)),
        fc.shuffledSubarray(['kind', 'metadata', 'items', 'apiVersion', 'extra'], { minLength: 5 }),
        fc.jsonValue({ maxDepth: 4 }),
        fc.boolean(),
        sizes,
        (items, order, extra, escaped, sizes) => {
          const metadata = { resourceVersion: '42', continue: 'c', remainingItemCount: 3 };
          const values: Readonly<Record<string, string>> = {
            kind: '"FooList"',
            apiVersion: '"v1"',
            metadata: JSON.stringify(metadata),
            items: `[${items.map(([item, gap]) => `${gap}${item}${gap}`).join(',')}]`,
            extra: JSON.stringify({ items: extra }),
          };
          const key = (name: string): string =>
            escaped && name === 'items' ? '"it\\u0065ms"' : JSON.stringify(name);
          const text = `{${order.map((name) => `${key(name)}: ${values[name]}`).join(',')}}\n`;
          const reader = new ListReader();
          assert.deepEqual(
            read(reader, text, sizes),
            items.map(([item]) => item),
          );
          assert.deepEqual(reader.envelope(), { kind: 'FooList', resourceVersion: '42', continue: 'c' });
        },
      ),
    );
  });

  it('takes null for no items', () => {
    const reader = new ListReader();
    assert.deepEqual(
      read(reader, '{"kind":"PodList","metadata":{"resourceVersion":"3"},"items":null}', [7]),
      [],
    );
    assert.deepEqual(reader.envelope(), { kind: 'PodList', resourceVersion: '3', continue: '' });
  });

  const FAULTY: readonly { readonly reason: string; readonly given: string; readonly code: string }[] = [
    { reason: 'nothing', given: '', code: 'API_UNAVAILABLE' },
    { reason: 'half of the body', given: '{"kind":"FooList","items":[{"a":1},', code: 'API_UNAVAILABLE' },
    {
      reason: 'a table',
      given: '{"kind":"Table","metadata":{"resourceVersion":"1"},"rows":[]}',
      code: 'API_PROTOCOL',
    },
    {
      reason: 'a list without version',
      given: '{"kind":"FooList","metadata":{},"items":[]}',
      code: 'API_PROTOCOL',
    },
    { reason: 'numbers as items', given: '{"kind":"FooList","items":[1,2]}', code: 'API_PROTOCOL' },
    { reason: 'no JSON', given: '<html></html>', code: 'API_PROTOCOL' },
  ];
  for (const { reason, given, code } of FAULTY) {
    it(`refuses ${reason}`, () => {
      assert.throws(
        () => {
          const reader = new ListReader();
          read(reader, given, [10]);
          reader.envelope();
        },
        { name: 'ApiError', code },
      );
    });
  }
});
