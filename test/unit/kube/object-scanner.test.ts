import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { JsonCursorError } from '../../../forwarder/kube/json-cursor.ts';
import { headOf, ownerUids, scanEvent, scanObject } from '../../../forwarder/kube/object-scanner.ts';

function scan(text: string) {
  const scanned = scanObject(Buffer.from(text));
  return scanned && headOf(scanned);
}

const METADATA = '"metadata":{"name":"a","namespace":"n","uid":"u","resourceVersion":"7","generation":2}';
const HEAD = {
  key: 'u',
  uid: 'u',
  namespace: 'n',
  name: 'a',
  resourceVersion: '7',
  generation: 2,
  deleting: false,
};

const HEADS: readonly { readonly reason: string; readonly given: string; readonly expected: unknown }[] = [
  { reason: 'as the API server writes it', given: `{"kind":"A",${METADATA},"spec":{}}`, expected: HEAD },
  {
    reason: 'metadata behind a spec that has metadata too',
    given: `{"spec":{"metadata":{"name":"x","uid":"x"}},${METADATA}}`,
    expected: HEAD,
  },
  {
    reason: 'white space everywhere',
    given: ` {\n"metadata" :\t{ ${METADATA.slice(12, -1)} } \r\n} `,
    expected: HEAD,
  },
  {
    reason: 'an escaped key',
    given: `{${METADATA.replace('"metadata"', '"met\\u0061data"')}}`,
    expected: HEAD,
  },
  {
    reason: 'an escaped value',
    given: `{${METADATA.replace('"a"', '"\\u0061"')}}`,
    expected: HEAD,
  },
  {
    reason: 'brackets and quotes in strings',
    given: `{"spec":"}]\\"{[\\\\",${METADATA}}`,
    expected: HEAD,
  },
  {
    reason: 'the last of two metadata',
    given: `{"metadata":{"name":"x","deletionTimestamp":"t"},${METADATA}}`,
    expected: HEAD,
  },
  {
    reason: 'the last of two names',
    given: `{${METADATA.replace('"name":"a"', '"name":"x","name":"a"')}}`,
    expected: HEAD,
  },
  {
    reason: 'a deletionTimestamp',
    given: `{${METADATA.replace('{"name"', '{"deletionTimestamp":"2026-01-01T00:00:00Z","name"')}}`,
    expected: { ...HEAD, deleting: true },
  },
  {
    reason: 'a deletionTimestamp that is null',
    given: `{${METADATA.replace('{"name"', '{"deletionTimestamp":null,"name"')}}`,
    expected: HEAD,
  },
  { reason: 'no uid', given: `{${METADATA.replace('"uid":"u",', '')}}`, expected: undefined },
  { reason: 'a name that is a number', given: `{${METADATA.replace('"a"', '3')}}`, expected: undefined },
  { reason: 'metadata that is a list', given: '{"metadata":["name","a"]}', expected: undefined },
  { reason: 'a list instead of an object', given: `[{${METADATA}}]`, expected: undefined },
];

describe('scanObject', () => {
  for (const { reason, given, expected } of HEADS) {
    it(`reads the head of an object with ${reason}`, () => {
      assert.deepEqual(scan(given), expected);
    });
  }

  it('reads past 8,000 levels of nesting', () => {
    const deep = `${'['.repeat(8000)}${']'.repeat(8000)}`;
    assert.deepEqual(scan(`{"spec":${deep},${METADATA}}`), HEAD);
  });

  for (const text of ['{"metadata":', '{"metadata":{"name":"a', '{"a":[}', '{"a" 1}', '{1:2}']) {
    it(`refuses ${text}`, () => {
      assert.throws(() => scanObject(Buffer.from(text)), JsonCursorError);
    });
  }
});

describe('scanEvent', () => {
  it('finds type and object in either order', () => {
    for (const text of [
      `{"type":"ADDED","object":{${METADATA}}}`,
      `{"object":{${METADATA}} ,"type":"ADDED"}`,
    ]) {
      const bytes = Buffer.from(text);
      const event = scanEvent(bytes);
      assert.equal(event.type, 'ADDED');
      assert.deepEqual(event.object && headOf(event.object), HEAD);
      assert.equal(bytes.toString('utf8', event.objectStart, event.objectEnd), `{${METADATA}}`);
    }
  });

  it('tells the bookmark that ends the initial events from others', () => {
    const ends = (annotations: string): boolean | undefined =>
      scanEvent(
        Buffer.from(
          `{"type":"BOOKMARK","object":{"metadata":{"annotations":${annotations},"resourceVersion":"9"}}}`,
        ),
      ).object?.metadata.endsInitialEvents;
    assert.equal(ends('{"k8s.io/initial-events-end":"true"}'), true);
    assert.equal(ends('{"k8s.io/initial-events-end":"false"}'), false);
    assert.equal(ends('{"other":"true"}'), false);
    assert.equal(ends('null'), false);
  });
});

/** Any JSON text: random white space, escapes, key order; members may be named like the ones that are looked for. */
const KEYS = [
  'metadata',
  'name',
  'namespace',
  'uid',
  'resourceVersion',
  'generation',
  'deletionTimestamp',
  'spec',
  'type',
  'object',
  'kind',
  'ownerReferences',
  'annotations',
];
const space = fc.constantFrom('', '', '', ' ', '\n', '\t ', '\r\n');
/** The text as a JSON string, with its ASCII letters as escapes or not. */
const quoted = (text: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.tuple(text, fc.boolean()).map(([value, escape]) => {
    const plain = JSON.stringify(value);
    if (!escape || plain.includes('\\')) return plain;
    return plain.replaceAll(/[a-z]/gi, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
  });
const anyText = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('"', '\\', '}', '{"a":', '𝄞', '\u2028'),
);
const { value: jsonText } = fc.letrec<{ value: string; object: string; list: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, depthIdentifier: 'json' },
    quoted(anyText),
    fc.constantFrom('null', 'true', 'false', '0', '-1.5e+3', '12', '9007199254740993', '"\\ud800"'),
    tie('object'),
    tie('list'),
  ),
  object: fc
    .array(fc.tuple(quoted(fc.oneof(fc.constantFrom(...KEYS), anyText)), tie('value'), space, space), {
      maxLength: 6,
      depthIdentifier: 'json',
    })
    .map(
      (members) => `{${members.map(([key, value, a, b]) => `${a}${key}${b}:${a}${value}${b}`).join(',')}}`,
    ),
  list: fc
    .array(fc.tuple(tie('value'), space), { maxLength: 4, depthIdentifier: 'json' })
    .map((items) => `[${items.map(([value, a]) => `${a}${value}${a}`).join(',')}]`),
}));

type Json = Readonly<Record<string, unknown>>;

function fields(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

describe('scanObject, whatever the JSON', () => {
  const member = (name: string): fc.Arbitrary<string> =>
    fc.tuple(quoted(fc.constant(name)), jsonText).map(([key, value]) => `${key}:${value}`);
  const metadata = fc
    .shuffledSubarray(KEYS, { minLength: 4 })
    .chain((names) => fc.tuple(...names.map(member)))
    .map((members) => `{${members.join(',')}}`);
  const object = fc
    .array(
      fc.oneof(
        metadata.map((value) => `"metadata":${value}`),
        fc.constantFrom(...KEYS).chain(member),
      ),
      { maxLength: 6 },
    )
    .map((members) => `{${members.join(',')}}`);

  it('agrees with JSON.parse', () => {
    fc.assert(
      fc.property(fc.oneof(object, jsonText), (given) => {
        const parsed: unknown = JSON.parse(given);
        const scanned = scanObject(Buffer.from(given));
        if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
          assert.equal(scanned, undefined);
          return;
        }
        const meta = fields(fields(parsed)['metadata']);
        assert.deepEqual(
          {
            uid: scanned?.metadata.uid,
            name: scanned?.metadata.name,
            namespace: scanned?.metadata.namespace,
            resourceVersion: scanned?.metadata.resourceVersion,
            generation: scanned?.metadata.generation,
            deleting: scanned?.metadata.deleting,
            hasKind: scanned?.hasKind,
            hasApiVersion: scanned?.hasApiVersion,
          },
          {
            uid: text(meta['uid']),
            name: text(meta['name']),
            namespace: text(meta['namespace']),
            resourceVersion: text(meta['resourceVersion']),
            generation: typeof meta['generation'] === 'number' ? meta['generation'] : undefined,
            deleting: text(meta['deletionTimestamp']) !== undefined,
            hasKind: Object.hasOwn(parsed, 'kind'),
            hasApiVersion: Object.hasOwn(parsed, 'apiVersion'),
          },
        );
      }),
      { numRuns: 1500 },
    );
  });

  it('finds the same owners as JSON.parse', () => {
    const owners = fc
      .array(fc.tuple(fc.constantFrom('uid', 'name', 'kind'), fc.string()), { maxLength: 3 })
      .map((entries) => Object.fromEntries(entries));
    fc.assert(
      fc.property(fc.array(owners, { maxLength: 4 }), jsonText, (references, spec) => {
        const given = `{"spec":${spec},"metadata":{"ownerReferences":${JSON.stringify(references)}}}`;
        const expected = references.map((reference) => reference['uid']).filter((uid) => uid !== undefined);
        assert.deepEqual(ownerUids(Buffer.from(given)), expected);
      }),
    );
  });

  it('finds the bytes of the object in an event', () => {
    fc.assert(
      fc.property(object, space, fc.boolean(), (given, gap, first) => {
        const members = [`"type"${gap}:"MODIFIED"`, `"object":${gap}${given}`];
        const bytes = Buffer.from(`{${(first ? members : members.toReversed()).join(`${gap},`)}${gap}}`);
        const event = scanEvent(bytes);
        assert.equal(event.type, 'MODIFIED');
        assert.equal(bytes.toString('utf8', event.objectStart, event.objectEnd), given);
      }),
    );
  });
});
