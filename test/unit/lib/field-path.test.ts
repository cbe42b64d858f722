import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { parseExact } from '../../../forwarder/lib/exact-json.ts';
import {
  type FieldPath,
  parseFieldPath,
  removeFieldPath,
  valuesAt,
} from '../../../forwarder/lib/field-path.ts';

function path(text: string): FieldPath {
  const parsed = parseFieldPath(text);
  if ('problem' in parsed) assert.fail(parsed.problem);
  return parsed;
}

const OBJECT = {
  metadata: { labels: { 'a.b/c': 'x', plain: 'y' } },
  spec: {
    replicas: 3,
    list: [10, 20],
    nested: [[1, 2], [3]],
    containers: [{ image: 'a' }, { name: 'none' }, { image: 'b' }],
  },
};

describe('parseFieldPath', () => {
  const BAD = [
    { reason: 'empty', text: '' },
    { reason: 'a dot in front', text: '.spec' },
    { reason: 'a dot at the end', text: 'spec.' },
    { reason: 'two dots', text: 'spec..a' },
    { reason: 'an item of nothing', text: '[0]' },
    { reason: 'an open bracket', text: 'spec[0' },
    { reason: 'an open quote', text: 'spec["a]' },
    { reason: 'an empty name', text: 'spec[""]' },
    { reason: 'a negative index', text: 'spec[-1]' },
    { reason: 'a bare name in brackets', text: 'spec[a]' },
    { reason: 'a star without brackets', text: 'spec.*' },
    { reason: 'a space', text: 'spec. a' },
    { reason: 'a name straight after a bracket', text: 'spec[0]a' },
    { reason: 'too long', text: 'a'.repeat(600) },
  ];
  for (const { reason, text } of BAD) {
    it(`refuses ${reason}`, () => {
      const parsed = parseFieldPath(text);
      assert.ok('problem' in parsed);
      assert.match(parsed.problem, /^[^\n]+$/);
    });
  }

  it('never throws, and reads again what it has read', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', 'b', '.', '[', ']', '"', "'", '*', '0', '1', ' ', '-') }),
        (text) => {
          const parsed = parseFieldPath(text);
          if ('problem' in parsed) return;
          const written = parsed.steps
            .map((step) =>
              step.kind === 'every'
                ? '[*]'
                : step.kind === 'index'
                  ? `[${step.index}]`
                  : step.name.includes('"')
                    ? `['${step.name}']`
                    : `["${step.name}"]`,
            )
            .join('');
          const first = parsed.steps[0];
          const again = path(
            first?.kind === 'field' ? `${first.name}${written.slice(first.name.length + 4)}` : written,
          );
          assert.deepEqual(again.steps, parsed.steps);
        },
      ),
    );
  });
});

describe('valuesAt', () => {
  const ROWS = [
    { text: 'spec.replicas', values: [3] },
    { text: 'spec', values: [OBJECT.spec] },
    { text: 'metadata.labels["a.b/c"]', values: ['x'] },
    { text: "metadata.labels['a.b/c']", values: ['x'] },
    { text: 'metadata.labels.plain', values: ['y'] },
    { text: 'spec.list', values: [[10, 20]] },
    { text: 'spec.list[1]', values: [20] },
    { text: 'spec.list[2]', values: [] },
    { text: 'spec.list[*]', values: [10, 20] },
    { text: 'spec.nested[*]', values: [[1, 2], [3]] },
    { text: 'spec.nested[*][0]', values: [1, 3] },
    { text: 'spec.containers[*].image', values: ['a', 'b'] },
    { text: 'spec.replicas.more', values: [] },
    { text: 'spec.replicas[*]', values: [] },
    { text: 'status.phase', values: [] },
    { text: 'spec.constructor', values: [] },
    { text: 'spec.list.length', values: [] },
    { text: '__proto__.toString', values: [] },
  ];
  for (const { text, values } of ROWS) {
    it(`finds ${values.length} at ${text}`, () => {
      assert.deepEqual(valuesAt(OBJECT, path(text)), values);
    });
  }

  it('does not look into a number that is kept as text', () => {
    assert.deepEqual(valuesAt(parseExact('{"n":1.0}'), path('n.rawJSON')), []);
  });
});

describe('removeFieldPath', () => {
  const ROWS: readonly { text: string; left: unknown }[] = [
    { text: 'spec', left: { metadata: OBJECT.metadata } },
    { text: 'metadata.labels["a.b/c"]', left: { ...OBJECT, metadata: { labels: { plain: 'y' } } } },
    { text: 'spec.list[0]', left: { ...OBJECT, spec: { ...OBJECT.spec, list: [20] } } },
    { text: 'spec.list[*]', left: { ...OBJECT, spec: { ...OBJECT.spec, list: [] } } },
    { text: 'spec.nested[*][0]', left: { ...OBJECT, spec: { ...OBJECT.spec, nested: [[2], []] } } },
    {
      text: 'spec.containers[*].image',
      left: { ...OBJECT, spec: { ...OBJECT.spec, containers: [{}, { name: 'none' }, {}] } },
    },
  ];
  for (const { text, left } of ROWS) {
    it(`takes away ${text}, and leaves the object as it is`, () => {
      const before = JSON.stringify(OBJECT);
      assert.deepEqual(removeFieldPath(OBJECT, path(text)), left);
      assert.equal(JSON.stringify(OBJECT), before);
    });
  }

  for (const text of [
    'status',
    'spec.list[9]',
    'spec.replicas.more',
    'spec.containers[*].command',
    'spec.toString',
  ]) {
    it(`gives the same object where there is nothing at ${text}`, () => {
      assert.equal(removeFieldPath(OBJECT, path(text)), OBJECT);
    });
  }

  it('copies only what lies on the way', () => {
    const left = removeFieldPath(OBJECT, path('spec.list'));
    assert.equal(left.metadata, OBJECT.metadata);
    assert.equal(left.spec.containers, OBJECT.spec.containers);
  });

  it('keeps a field named __proto__ a field', () => {
    const object = JSON.parse('{"__proto__":{"a":1,"b":2},"c":3}') as object;
    const left = removeFieldPath(object, path('__proto__.a'));
    assert.equal(JSON.stringify(left), '{"__proto__":{"b":2},"c":3}');
    assert.equal(Object.getPrototypeOf(left), Object.prototype);
  });

  it('leaves no value at the path, and every other one', () => {
    const texts = fc.constantFrom('a', 'a.b', 'a[*]', 'a[0]', 'a[*].b', 'a.b[*].a', 'b', 'b[0][*]');
    const json = fc.object({
      key: fc.constantFrom('a', 'b', 'c'),
      maxDepth: 4,
      withNullPrototype: false,
      values: [fc.integer(), fc.constant(null)],
    });
    fc.assert(
      fc.property(texts, json, (text, object) => {
        const [first, ...rest] = [path(text)];
        assert.equal(rest.length, 0);
        const left = removeFieldPath(object, first);
        // What an index names moves up, so that one is looked at by how much is left.
        const found = valuesAt(left, first).length;
        assert.ok(text.endsWith(']') && !text.endsWith('[*]') ? found <= 1 : found === 0);
        assert.deepEqual((left as { c?: unknown }).c, (object as { c?: unknown }).c);
      }),
    );
  });
});
