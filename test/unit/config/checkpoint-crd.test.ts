/** The TriggerCheckpoint CRD as a document. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { load } from 'js-yaml';
import type { Schema } from '../../../forwarder/config/schema.ts';

const { spec } = load(readFileSync('deploy/crds/triggercheckpoint.yaml', 'utf8')) as {
  readonly spec: {
    readonly names: Readonly<Record<string, unknown>>;
    readonly versions: readonly { readonly schema: { readonly openAPIV3Schema: Schema } }[];
  };
};
const segment = spec.versions[0]?.schema.openAPIV3Schema.properties?.['spec'];
const fields = Object.entries(segment?.properties ?? {});

describe('the TriggerCheckpoint CRD', () => {
  it('has a short name, and is in no category: it is nothing to look at', () => {
    const { kind, plural, shortNames, categories } = spec.names;
    assert.deepEqual(
      [kind, plural, shortNames, categories],
      ['TriggerCheckpoint', 'triggercheckpoints', ['ftc'], undefined],
    );
  });

  it('has no property and no word that YAML 1.1 reads as a boolean', () => {
    const words = fields.flatMap(([name, { enum: values = [] }]) => [name, ...values.map(String)]);
    assert.ok(words.length > 15);
    assert.deepEqual(
      words.filter((word) => /^(y|yes|n|no|true|false|on|off)$/i.test(word)),
      [],
    );
  });

  it('describes every field in a sentence, and bounds every text', () => {
    const poor = fields.filter(
      ([, { description = '', type, maxLength, enum: values }]) =>
        !/^[A-Z].*\.$/.test(description) ||
        (type === 'string' && maxLength === undefined && values === undefined),
    );
    assert.deepEqual(
      poor.map(([name]) => name),
      [],
    );
  });
});
