/** Schemas that use all that CRDs may, and values that fit them more or less. */
import * as fc from 'fast-check';
import type { CrdSchema } from '../../cli/types/crd.ts';

export interface SchemaCase {
  readonly name: string;
  readonly spec: CrdSchema;
  /** What the API server refuses, zod refuses: nothing is left to CEL, formats or patterns of another dialect. */
  readonly exact: boolean;
}

const text: CrdSchema = { type: 'string' };
const object = (properties: Record<string, CrdSchema>, rest: CrdSchema = {}): CrdSchema => ({
  type: 'object',
  properties,
  ...rest,
});

export const SCHEMAS: readonly SchemaCase[] = [
  {
    name: 'Plain',
    exact: true,
    spec: object(
      {
        text: { type: 'string', minLength: 2, maxLength: 3 },
        whole: { type: 'integer', minimum: 0, maximum: 10, exclusiveMaximum: true },
        small: { type: 'integer', format: 'int32' },
        large: { type: 'integer', format: 'int64', minimum: -1 },
        number: { type: 'number', minimum: -1, exclusiveMinimum: true },
        single: { type: 'number', format: 'float' },
        flag: { type: 'boolean' },
        'odd-name': { ...text, description: 'A comment with */ in it.' },
      },
      { required: ['text', 'flag'] },
    ),
  },
  {
    name: 'Listed',
    exact: true,
    spec: object({
      word: { type: 'string', enum: ['a', 'ab', "it's"] },
      count: { type: 'integer', enum: [1, 2, 10] },
      maybe: { type: 'string', nullable: true, enum: ['a', null] },
      never: { type: 'string', nullable: true, enum: ['a'] },
      yes: { type: 'boolean', enum: [true] },
      list: { type: 'array', items: text, minItems: 1, maxItems: 2 },
      set: { type: 'array', items: text, 'x-kubernetes-list-type': 'set' },
      map: {
        type: 'array',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name', 'port'],
        items: object(
          { name: text, port: { type: 'integer', default: 1 }, free: { type: 'number' } },
          { required: ['name'] },
        ),
      },
    }),
  },
  {
    name: 'Defaulted',
    exact: true,
    spec: object(
      {
        count: { type: 'integer', default: 1 },
        text: { type: 'string', default: "it's", nullable: true },
        list: { type: 'array', items: text, default: ['a', 'b'] },
        inner: object(
          { deep: { type: 'integer', default: 5 }, other: text, more: object({ flag: { type: 'boolean' } }) },
          { default: {} },
        ),
        nullable: object({ deep: { type: 'integer', default: 5 } }, { nullable: true }),
        word: { type: 'string', enum: ['a', 'ab'], default: 'ab' },
      },
      { required: ['inner'] },
    ),
  },
  {
    name: 'Maps',
    exact: true,
    spec: object({
      texts: { type: 'object', additionalProperties: { type: 'string', maxLength: 2 } },
      nested: {
        type: 'object',
        minProperties: 1,
        maxProperties: 2,
        additionalProperties: object({ value: { type: 'integer' } }, { required: ['value'] }),
      },
      any: { type: 'object', additionalProperties: { 'x-kubernetes-preserve-unknown-fields': true } },
      open: object(
        { known: { type: 'integer' } },
        { 'x-kubernetes-preserve-unknown-fields': true, required: ['known'] },
      ),
      anything: { 'x-kubernetes-preserve-unknown-fields': true },
      nothing: { type: 'object' },
      quantity: {
        'x-kubernetes-int-or-string': true,
        anyOf: [{ type: 'integer' }, { type: 'string' }],
        maximum: 5,
        maxLength: 2,
      },
    }),
  },
  {
    name: 'Limited',
    exact: true,
    spec: object(
      { a: { type: 'integer' }, b: { type: 'string' }, c: { type: 'array', items: { type: 'integer' } } },
      {
        oneOf: [{ required: ['a'] }, { required: ['b'] }],
        anyOf: [
          { properties: { a: { minimum: 2 }, c: { minItems: 1, items: { minimum: 1 } } } },
          { properties: { b: { enum: ['ab'] } }, required: ['b'] },
        ],
        allOf: [{ properties: { a: { maximum: 10 } } }],
        not: { required: ['a', 'c'] },
      },
    ),
  },
  {
    name: 'Texts',
    exact: false,
    spec: object({
      pattern: { type: 'string', pattern: '^[a-z]([-a-z0-9]*[a-z0-9])?$' },
      spaced: { type: 'string', pattern: String.raw`^\S.\s?[[:alpha:]\]]*\z` },
      flagged: { type: 'string', pattern: '(?i)^AB' },
      time: { type: 'string', format: 'date-time' },
      date: { type: 'string', format: 'date' },
      address: { type: 'string', format: 'ipv4' },
      address6: { type: 'string', format: 'ipv6' },
      network: { type: 'string', format: 'cidr' },
      hardware: { type: 'string', format: 'mac' },
      mail: { type: 'string', format: 'email' },
      id: { type: 'string', format: 'uuid' },
      bytes: { type: 'string', format: 'byte' },
      link: { type: 'string', format: 'uri' },
      later: { type: 'string', format: 'duration' },
      multiple: { type: 'number', multipleOf: 0.5 },
    }),
  },
  {
    name: 'Ruled',
    exact: false,
    spec: object(
      {
        min: { type: 'integer', 'x-kubernetes-validations': [{ rule: 'self != 1', message: 'not one' }] },
        embedded: {
          type: 'object',
          'x-kubernetes-embedded-resource': true,
          'x-kubernetes-preserve-unknown-fields': true,
        },
        template: {
          type: 'object',
          'x-kubernetes-embedded-resource': true,
          properties: { kind: { type: 'string', enum: ['a', 'ab'] }, spec: object({ a: text }) },
        },
        unless: { type: 'string', not: { pattern: '(?i)^ab' }, oneOf: [{ maxLength: 2 }, { enum: ['abc'] }] },
      },
      { 'x-kubernetes-validations': [{ rule: '!has(self.min) || self.min < 11' }] },
    ),
  },
];

const TEXTS = [
  '',
  'a',
  'ab',
  'abc',
  'AB',
  'a-1',
  'a b',
  'a\n',
  'a\u00A0b',
  'a]',
  '😀',
  '😀😀😀',
  "it's",
  '10',
  '5',

  '2020-02-29',
  '2020-02-29T10:00:00Z',
  '2020-02-29t10:00:00.123456789+01:00',
  '2020-02-30',
  '2020-02-29 10:00',

  '10.0.0.1',
  '010.0.0.1',
  '::1',
  '::ffff:1.2.3.4',
  '10.0.0.0/8',
  '::/0',
  '00:00:5e:00:53:01',
  '0000.5e00.5301',
  'a@b',
  'a b <a@b.c>',
  '90fd8c091c3d45749b09fb03aa1fe58b',
  '90FD8C09-1c3d-4574-9b09-fb03aa1fe58b',
  'YQ==',
  'YQ',
  'https://example.com',
  '/x',
  '1 day',
  '30s',
];
const NUMBERS = [-2, -1, 0, 1, 2, 3, 5, 9, 10, 11, 0.5, 1.5, 2 ** 31, 2 ** 53, 2 ** 60, 1e19, 1e300];

const texts = fc.constantFrom(...TEXTS);
const wholes = fc.constantFrom(...NUMBERS.filter((one) => Number.isInteger(one)));
const anything = fc.oneof(texts, fc.constantFrom(...NUMBERS), fc.boolean(), fc.constant({}), fc.constant([]));

/** Values of the right types nearly always, within the limits often. */
export function valuesOf(schema: CrdSchema): fc.Arbitrary<unknown> {
  const weighted: fc.WeightedArbitrary<unknown>[] = [{ weight: 25, arbitrary: typed(schema) }];
  // The API server takes an empty list for some formats, and nobody means that.
  const other = schema.format === undefined ? anything : anything.filter((value) => !Array.isArray(value));
  weighted.push({ weight: 1, arbitrary: other });
  if (schema.nullable === true) weighted.push({ weight: 3, arbitrary: fc.constant(null) });
  const values = schema.enum;
  if (values !== undefined) weighted.push({ weight: 25, arbitrary: fc.constantFrom(...values) });
  return fc.oneof(...weighted);
}

function typed(schema: CrdSchema): fc.Arbitrary<unknown> {
  if (schema['x-kubernetes-int-or-string'] === true) return fc.oneof(wholes, texts);
  switch (schema.type) {
    case 'string':
      return texts;
    case 'integer':
      return fc.oneof({ weight: 9, arbitrary: wholes }, { weight: 1, arbitrary: fc.constant(1.5) });
    case 'number':
      return fc.constantFrom(...NUMBERS);
    case 'boolean':
      return fc.boolean();
    case 'array':
      return fc.array(valuesOf(schema.items ?? {}), { maxLength: 3 });
    case 'object':
      return objects(schema);
    default:
      return anything;
  }
}

function objects(schema: CrdSchema): fc.Arbitrary<unknown> {
  const { properties = {}, required = [], additionalProperties } = schema;
  if (typeof additionalProperties === 'object') {
    return fc.dictionary(fc.constantFrom('a', 'b', 'c'), valuesOf(additionalProperties), { maxKeys: 3 });
  }
  const embedded =
    schema['x-kubernetes-embedded-resource'] === true ? { apiVersion: texts, kind: texts } : {};
  const fields = {
    ...embedded,
    ...Object.fromEntries(Object.entries(properties).map(([name, inner]) => [name, valuesOf(inner)])),
  };
  const all = fc.record(fields);
  const needed = [...required, ...Object.keys(embedded)];
  const open = schema['x-kubernetes-preserve-unknown-fields'] === true;
  // A few at a time: of many fields there would nearly always be one that is wrong.
  const some = fc.subarray(Object.keys(fields), { maxLength: Math.min(3, Object.keys(fields).length) });
  return fc.tuple(all, some, fc.integer({ min: 0, max: 9 })).map(([value, names, dice]) => {
    const kept = new Set(dice === 0 ? names : [...needed, ...names]);
    const entries = Object.entries(value).filter(([name]) => kept.has(name));
    return { ...Object.fromEntries(entries), ...(open && dice > 4 && { extra: 1 }) };
  });
}
