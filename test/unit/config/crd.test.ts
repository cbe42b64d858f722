/** The CRD as a document: what a reader of it relies on, and that the forwarder checks all it says. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { load } from 'js-yaml';
import { readTrigger } from '../../../forwarder/config/read-trigger.ts';
import type { Schema } from '../../../forwarder/config/schema.ts';
import { TRIGGER_RULES } from '../../../forwarder/config/trigger-rules.ts';
import { TRIGGER_CRD } from '../../../forwarder/config/trigger-schema.ts';

interface Version {
  readonly schema: { readonly openAPIV3Schema: Schema };
  readonly additionalPrinterColumns: readonly { readonly name: string }[];
}

const crd = load(readFileSync(TRIGGER_CRD, 'utf8')) as {
  readonly spec: { readonly names: Readonly<Record<string, unknown>>; readonly versions: readonly Version[] };
};
const version = crd.spec.versions[0];
assert.ok(version);
const root = version.schema.openAPIV3Schema;

/** What readBySchema knows, and what only describes. */
const KEYWORDS = new Set(
  `type description format default enum pattern minLength maxLength minimum maximum minItems maxItems minProperties
   maxProperties required properties additionalProperties items x-kubernetes-list-type x-kubernetes-list-map-keys
   x-kubernetes-map-type x-kubernetes-validations`.split(/\s+/),
);

const YAML_1_1_BOOLEAN = /^(y|yes|n|no|true|false|on|off)$/i;

function* nodes(schema: Schema, path: string): Generator<readonly [path: string, schema: Schema]> {
  yield [path, schema];
  for (const [name, property] of Object.entries(schema.properties ?? {}))
    yield* nodes(property, `${path}.${name}`);
  if (schema.items !== undefined) yield* nodes(schema.items, `${path}[]`);
  if (schema.additionalProperties !== undefined) yield* nodes(schema.additionalProperties, `${path}.*`);
}

const all = [...nodes(root, '')];

describe('the FunctionTrigger CRD', () => {
  it('has the names that users type', () => {
    const { kind, plural, shortNames, categories } = crd.spec.names;
    assert.deepEqual(
      [kind, plural, shortNames, categories],
      ['FunctionTrigger', 'functiontriggers', ['ft'], ['statewire']],
    );
  });

  it('prints the columns in their order', () => {
    assert.deepEqual(
      version.additionalPrinterColumns.map(({ name }) => name),
      ['kind', 'target', 'watched', 'pending', 'failing', 'ready', 'age'],
    );
  });

  it('has no property and no word that YAML 1.1 reads as a boolean', () => {
    const words = all.flatMap(([, { properties = {}, enum: values = [] }]) => [
      ...Object.keys(properties),
      ...values,
    ]);
    assert.ok(words.length > 100);
    assert.deepEqual(
      words.filter((word) => YAML_1_1_BOOLEAN.test(word)),
      [],
    );
  });

  it('describes every field of spec and status in a sentence', () => {
    const plain = all.filter(([path]) => /^\.(spec|status)(\.|$)/.test(path) && !/(\[\]|\*)$/.test(path));
    assert.deepEqual(
      plain.filter(([, { description = '' }]) => !/^[A-Z`{].*\.$/.test(description)).map(([path]) => path),
      [],
    );
  });

  it('uses no keyword that the forwarder does not check', () => {
    const unknown = all.flatMap(([path, schema]) =>
      Object.keys(schema)
        .filter((keyword) => !KEYWORDS.has(keyword))
        .map((keyword) => `${path}: ${keyword}`),
    );
    assert.deepEqual(unknown, []);
  });

  it('has a check in the forwarder for each of its rules, and none is left over', () => {
    const messages = all.flatMap(([, schema]) =>
      (schema['x-kubernetes-validations'] ?? []).map(({ message }) => message),
    );
    assert.deepEqual(new Set(Object.keys(TRIGGER_RULES)), new Set(messages));
  });

  it('bounds every text and list of the spec, so that the cost of its rules is bounded', () => {
    const unbounded = all.filter(
      ([path, { type, maxLength, maxItems, enum: values, items }]) =>
        path.startsWith('.spec') &&
        ((type === 'string' && maxLength === undefined && values === undefined) ||
          (type === 'array' && maxItems === undefined && items?.enum === undefined)),
    );
    assert.deepEqual(
      unbounded.map(([path]) => path),
      [],
    );
  });
});

describe('readTrigger, against each limit of the schema', () => {
  const leaves = all.filter(([path]) => path.startsWith('.spec.') && !/\[\]|\*/.test(path));
  for (const [path, schema] of leaves) {
    for (const [limit, value] of violations(schema)) {
      const field = path.slice(1);
      it(`refuses ${field} beyond its ${limit}`, () => {
        const read = readTrigger(place(field.split('.'), value), { source: 'file' });
        assert.ok('problems' in read);
        assert.ok(
          read.problems.some((one) => one.field === field),
          JSON.stringify(read.problems),
        );
      });
    }
  }
});

function violations(schema: Schema): readonly (readonly [limit: string, value: unknown])[] {
  const { type, maxLength, minLength = 0, minimum, maximum, minItems = 0, maxItems, enum: values } = schema;
  const list: (readonly [string, unknown])[] = [['type', type === 'object' ? 7 : {}]];
  if (maxLength !== undefined) list.push(['maxLength', 'a'.repeat(maxLength + 1)]);
  if (minLength > 0) list.push(['minLength', '']);
  if (schema.pattern !== undefined) list.push(['pattern', '\u0007']);
  if (values !== undefined) list.push(['enum', 'Nonsense']);
  if (minimum !== undefined) list.push(['minimum', minimum - 1]);
  if (maximum !== undefined) list.push(['maximum', maximum + 1]);
  if (minItems > 0) list.push(['minItems', []]);
  if (maxItems !== undefined)
    list.push(['maxItems', Array.from({ length: maxItems + 1 }, (_, at) => `a${at}`)]);
  return list;
}

/** A trigger that holds nothing but the value at its path. */
function place([name = '', ...rest]: readonly string[], value: unknown): object {
  return { [name]: rest.length === 0 ? value : place(rest, value) };
}
