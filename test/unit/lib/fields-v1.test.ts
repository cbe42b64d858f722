import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { equalJson } from '../../../forwarder/lib/equal-json.ts';
import { parseExact } from '../../../forwarder/lib/exact-json.ts';
import { FieldSet, keyElement, ownedBy, removeOwned } from '../../../forwarder/lib/fields-v1.ts';

const TREE = {
  'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } },
  'f:status': {
    'f:phase': {},
    'f:addresses': {},
    'f:conditions': { 'k:{"type":"Ready"}': { '.': {}, 'f:status': {}, 'f:type': {} } },
    'f:tags': { 'v:"a"': {} },
  },
};

describe('FieldSet', () => {
  const set = FieldSet.of(TREE);

  for (const { reason, path, expected } of [
    { reason: 'a field', path: ['f:status', 'f:phase'], expected: true },
    { reason: 'a map that is owned itself', path: ['f:metadata', 'f:labels'], expected: true },
    { reason: 'a map of which only fields are owned', path: ['f:status'], expected: false },
    { reason: 'a list item', path: ['f:status', 'f:conditions', 'k:{ "type": "Ready" }'], expected: true },
    { reason: 'a set item', path: ['f:status', 'f:tags', 'v:"a"'], expected: true },
    { reason: 'a field nobody named', path: ['f:status', 'f:other'], expected: false },
  ]) {
    it(`knows whether it holds ${reason}`, () => {
      assert.equal(set.has(path), expected);
    });
  }

  it('names key fields in one order', () => {
    const one = FieldSet.of({ 'k:{"protocol":"TCP","port":80}': {} });
    assert.equal(one.has([keyElement({ port: 80, protocol: 'TCP' })]), true);
  });

  it('is the union of the entries that were asked for', () => {
    const entries = [
      { manager: 'a', fieldsV1: { 'f:x': {} } },
      { manager: 'a', fieldsV1: { 'f:y': { 'f:z': {} } } },
      { manager: 'b', fieldsV1: { 'f:w': {} } },
      { manager: 'a' },
    ];
    assert.deepEqual(ownedBy(entries, ({ manager }) => manager === 'a').paths(), [['f:x'], ['f:y', 'f:z']]);
    assert.equal(ownedBy(undefined, () => true).isEmpty, true);
  });
});

describe('removeOwned', () => {
  const owned = FieldSet.of(TREE);

  it('leaves what others own', () => {
    const value = {
      metadata: { name: 'x', labels: { app: 'web', team: 'a' } },
      status: {
        phase: 'Ready',
        replicas: 2,
        addresses: ['x'],
        tags: ['a', 'b'],
        conditions: [
          { type: 'Theirs', status: 'True' },
          { type: 'Ready', status: 'True' },
        ],
      },
    };
    const before = structuredClone(value);
    assert.deepEqual(removeOwned(value, owned), {
      metadata: { name: 'x', labels: { team: 'a' } },
      status: { replicas: 2, tags: ['b'], conditions: [{ type: 'Theirs', status: 'True' }] },
    });
    assert.deepEqual(value, before);
  });

  it('leaves no trace of a parent that it empties', () => {
    assert.deepEqual(removeOwned({ spec: {}, status: { phase: 'Ready' } }, owned), { spec: {} });
    assert.equal(removeOwned({ status: { phase: 'Ready' } }, owned), undefined);
  });

  it('leaves fields of others in a list item that is shared', () => {
    const conditions = [{ type: 'Ready', status: 'True', extra: 'theirs' }];
    assert.deepEqual(removeOwned({ status: { conditions } }, owned), {
      status: { conditions: [{ extra: 'theirs' }] },
    });
  });

  it('leaves what others put into a map that was owned as an empty one', () => {
    const empty = FieldSet.of({ 'f:status': {} });
    const others = FieldSet.of({ 'f:status': { 'f:replicas': {} } });
    const value = { status: { replicas: 2 } };
    assert.deepEqual(removeOwned(value, empty, others), value);
    assert.equal(removeOwned(value, empty), undefined);
  });

  it('takes a number that is kept as text for a value', () => {
    const value = parseExact('{"status":{"phase":1.0,"big":9007199254740993}}');
    assert.equal(JSON.stringify(removeOwned(value, owned)), '{"status":{"big":9007199254740993}}');
  });

  it('takes no name of the prototype for a key field', () => {
    const tricky = FieldSet.of({ 'f:list': { 'k:{"toString":"a"}': {} } });
    assert.deepEqual(removeOwned({ list: [{ name: 'x' }] }, tricky), { list: [{ name: 'x' }] });
  });

  it('looks at each item once, however long the list', () => {
    const keys = Array.from({ length: 20_000 }, (_, index) => ({ name: `n${index}` }));
    const tree = Object.fromEntries(keys.map((key) => [keyElement(key), {}]));
    assert.equal(removeOwned({ list: keys }, FieldSet.of({ 'f:list': tree })), undefined);
  });

  it('removes all that it is told to own, and nothing that it is not, whatever the value', () => {
    const leaf = fc.oneof(fc.string(), fc.integer(), fc.boolean());
    const tree = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.dictionary(fc.string(), tie('value'), { minKeys: 1, maxKeys: 4 }),
      ),
    })).value;
    fc.assert(
      fc.property(fc.dictionary(fc.string(), tree, { minKeys: 1 }), tree, (ours, theirs) => {
        const left = removeOwned({ ours, theirs }, FieldSet.of({ 'f:ours': fieldsOf(ours) }));
        assert.equal(equalJson(left, { theirs }), true);
      }),
    );
  });
});

function fieldsOf(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [`f:${key}`, fieldsOf(item)]));
}

describe('equalJson', () => {
  for (const { a, b, expected, reason } of [
    { reason: 'fields in another order', a: '{"x":1,"y":[2]}', b: '{"y":[2],"x":1}', expected: true },
    { reason: 'another number of fields', a: '{"x":1}', b: '{"x":1,"y":null}', expected: false },
    {
      reason: 'equal texts of large numbers',
      a: '[9007199254740993]',
      b: '[9007199254740993]',
      expected: true,
    },
    {
      reason: 'large numbers that are one as doubles',
      a: '[9007199254740993]',
      b: '[9007199254740992]',
      expected: false,
    },
    { reason: 'a list and a map', a: '[]', b: '{}', expected: false },
    { reason: 'null and nothing in it', a: 'null', b: '{}', expected: false },
  ]) {
    it(`is ${expected} for ${reason}`, () => {
      assert.equal(equalJson(parseExact(a), parseExact(b)), expected);
      assert.equal(equalJson(parseExact(b), parseExact(a)), expected);
    });
  }
});
