/** The DeadLetter CRD as a document. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { load } from 'js-yaml';
import type { Schema } from '../../../forwarder/config/schema.ts';

const { spec } = load(readFileSync('deploy/crds/deadletter.yaml', 'utf8')) as {
  readonly spec: {
    readonly names: Readonly<Record<string, unknown>>;
    readonly versions: readonly {
      readonly schema: { readonly openAPIV3Schema: Schema };
      readonly additionalPrinterColumns: readonly { readonly name: string }[];
    }[];
  };
};
const [version] = spec.versions;
assert.ok(version);

function* nodes(schema: Schema, path: string): Generator<readonly [path: string, schema: Schema]> {
  yield [path, schema];
  for (const [name, property] of Object.entries(schema.properties ?? {}))
    yield* nodes(property, `${path}.${name}`);
}

const all = [...nodes(version.schema.openAPIV3Schema, '')];

describe('the DeadLetter CRD', () => {
  it('has the names that users type', () => {
    const { kind, plural, shortNames, categories } = spec.names;
    assert.deepEqual(
      [kind, plural, shortNames, categories],
      ['DeadLetter', 'deadletters', ['dl'], ['statewire']],
    );
  });

  it('prints the columns in their order', () => {
    assert.deepEqual(
      version.additionalPrinterColumns.map(({ name }) => name),
      ['trigger', 'kind', 'object', 'code', 'attempts', 'last failed', 'age'],
    );
  });

  it('has no property and no word that YAML 1.1 reads as a boolean', () => {
    const words = all.flatMap(([, { properties = {}, enum: values = [] }]) => [
      ...Object.keys(properties),
      ...values.map(String),
    ]);
    assert.ok(words.length > 20);
    assert.deepEqual(
      words.filter((word) => /^(y|yes|n|no|true|false|on|off)$/i.test(word)),
      [],
    );
  });

  it('describes every field of spec and status, and bounds every text', () => {
    const ours = all.filter(([path]) => /^\.(spec|status)/.test(path));
    assert.deepEqual(
      ours.filter(([, { description = '' }]) => description === '').map(([path]) => path),
      [],
    );
    const unbounded = ours.filter(
      ([, { type, maxLength, enum: values, format }]) =>
        type === 'string' && maxLength === undefined && values === undefined && format === undefined,
    );
    assert.deepEqual(unbounded, []);
  });
});
