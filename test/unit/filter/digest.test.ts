import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { changedClasses, digestOf, projectDigest } from '../../../forwarder/filter/digest.ts';
import { recipeOf } from '../../../forwarder/filter/recipe.ts';
import { parseExact } from '../../../forwarder/lib/exact-json.ts';
import type { KubeObject } from '../../../forwarder/model/kube-object.ts';
import { changes, type Draft, fields, object } from './objects.ts';
import { ALL, BASE, changed } from './digests.ts';

describe('digestOf', () => {
  const ROWS: readonly { reason: string; to: Draft; classes: readonly string[] }[] = [
    { reason: 'nothing', to: {}, classes: [] },
    { reason: 'resourceVersion and generation', to: { rv: 2, generation: 2 }, classes: [] },
    { reason: 'the spec', to: { spec: { replicas: 2 } }, classes: ['Spec'] },
    { reason: 'the status', to: { status: { phase: 'Failed' } }, classes: ['Status'] },
    {
      reason: 'a label',
      to: { metadata: { labels: { l: '2' }, annotations: { a: '1' } } },
      classes: ['Labels'],
    },
    {
      reason: 'an annotation',
      to: { metadata: { labels: { l: '1' }, annotations: { a: '2' } } },
      classes: ['Annotations'],
    },
    {
      reason: 'annotations of kubectl and of our own',
      to: {
        metadata: {
          labels: { l: '1' },
          annotations: {
            a: '1',
            'kubectl.kubernetes.io/last-applied-configuration': '{}',
            'statewire.dev/redeliver-at': 'x',
          },
        },
      },
      classes: [],
    },
    {
      reason: 'finalizers and owners',
      to: { metadata: { ...BASE.metadata, finalizers: ['f'], ownerReferences: [] } },
      classes: [],
    },
    {
      reason: 'everything',
      to: { spec: 1, status: 1, metadata: {} },
      classes: ['Spec', 'Status', 'Labels', 'Annotations'],
    },
    {
      reason: 'the order of items of a list',
      to: { spec: { ...(BASE.spec as object), containers: [{ image: 'x', name: 'a' }, {}] } },
      classes: ['Spec'],
    },
  ];
  for (const { reason, to, classes } of ROWS) {
    it(`sees a change of ${reason} in ${classes.length === 0 ? 'no class' : classes.join(', ')}`, () => {
      assert.deepEqual(changed(ALL, to), classes);
    });
  }

  it('counts everything outside metadata and status as spec', () => {
    const secret = (value: string): KubeObject => ({ ...object(), data: { a: value }, type: 'Opaque' });
    const recipe = changes('Spec');
    assert.notEqual(digestOf(secret('x'), recipe), digestOf(secret('y'), recipe));
    assert.equal(
      digestOf({ ...secret('x'), apiVersion: 'example.com/v2', kind: 'Other' }, recipe),
      digestOf(secret('x'), recipe),
    );
  });

  it('takes no labels, empty labels and no annotation that counts for the same', () => {
    const bare = digestOf(object({ ...BASE, metadata: {} }), ALL);
    assert.equal(digestOf(object({ ...BASE, metadata: { labels: {}, annotations: {} } }), ALL), bare);
    assert.equal(
      digestOf(object({ ...BASE, metadata: { annotations: { 'statewire.dev/x': '1' } } }), ALL),
      bare,
    );
  });

  it('has 22 characters for each class', () => {
    assert.match(digestOf(object(BASE), ALL), /^[\w-]{88}$/);
  });

  it('tells numbers apart that a double cannot', () => {
    const withNumber = (text: string): KubeObject => ({ ...object(), spec: parseExact(`{"n":${text}}`) });
    const digests = ['9007199254740993', '9007199254740992', '1', '1.0', '-0', '0'].map((text) =>
      digestOf(withNumber(text), ALL),
    );
    assert.equal(new Set(digests).size, digests.length);
  });

  it('does not depend on the order of fields', () => {
    const json = fc.jsonValue({ maxDepth: 4 });
    const reversed = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(reversed);
      if (typeof value !== 'object' || value === null) return value;
      return Object.fromEntries(
        Object.entries(value)
          .toReversed()
          .map(([key, item]) => [key, reversed(item)]),
      );
    };
    fc.assert(
      fc.property(json, (spec) => {
        assert.equal(digestOf(object({ spec }), ALL), digestOf(object({ spec: reversed(spec) }), ALL));
      }),
    );
  });

  it('differs wherever the JSON does', () => {
    const json = fc.jsonValue({ maxDepth: 3 });
    const canonical = (value: unknown): string =>
      JSON.stringify(value, (_key, item: unknown) =>
        typeof item === 'object' && item !== null && !Array.isArray(item)
          ? Object.fromEntries(Object.entries(item).toSorted(([a], [b]) => (a < b ? -1 : 1)))
          : item,
      );
    fc.assert(
      fc.property(json, json, (a, b) => {
        const same = digestOf(object({ spec: a }), ALL) === digestOf(object({ spec: b }), ALL);
        assert.equal(same, canonical(a) === canonical(b));
      }),
    );
  });

  it('takes objects that are nested as deep as V8 itself can read and write them', () => {
    let spec: unknown = 1;
    for (let depth = 0; depth < 2000; depth++) spec = { d: spec };
    assert.equal(digestOf(object({ spec }), ALL).length, 88);
  });
});

describe('digestOf, of single fields', () => {
  const recipe = fields('spec.replicas', 'metadata.labels["l"]', 'spec.containers[*].image');
  const ROWS: readonly { reason: string; to: Draft; classes: readonly string[] }[] = [
    {
      reason: 'sees a field that counts',
      to: { spec: { ...(BASE.spec as object), replicas: 2 } },
      classes: ['Spec'],
    },
    {
      reason: 'does not see a field that does not',
      to: { spec: { ...(BASE.spec as object), other: 2 } },
      classes: [],
    },
    {
      reason: 'sees a field of an item',
      to: { spec: { replicas: 1, containers: [{ name: 'b', image: 'y' }] } },
      classes: ['Spec'],
    },
    {
      reason: 'does not see another field of an item',
      to: { spec: { replicas: 1, containers: [{ name: 'b', image: 'x' }] } },
      classes: [],
    },
    {
      reason: 'sees a field that is gone',
      to: { spec: { containers: [{ image: 'x' }] } },
      classes: ['Spec'],
    },
    {
      reason: 'tells in which class the field lies',
      to: { metadata: { labels: { l: '2' } } },
      classes: ['Labels'],
    },
  ];
  for (const { reason, to, classes } of ROWS)
    it(reason, () => assert.deepEqual(changed(recipe, to), classes));

  it('counts an annotation of ours only where it is named', () => {
    const to: Draft = { metadata: { ...BASE.metadata, annotations: { a: '1', 'statewire.dev/x': '2' } } };
    assert.deepEqual(changed(fields('metadata.annotations'), to), []);
    assert.deepEqual(changed(fields('metadata.annotations["statewire.dev/x"]'), to), ['Annotations']);
  });

  it('counts other metadata, in no class', () => {
    const finalizers = fields('metadata.finalizers');
    const to: Draft = { metadata: { finalizers: ['f'] } };
    assert.notEqual(digestOf(object({ ...BASE, ...to }), finalizers), digestOf(object(BASE), finalizers));
    assert.deepEqual(changed(finalizers, to), []);
  });
});

describe('changedClasses and projectDigest', () => {
  it('know nothing of an unknown digest', () => {
    assert.equal(changedClasses('', digestOf(object(BASE), ALL), ALL), undefined);
    assert.equal(projectDigest('', ALL, changes('Spec')), undefined);
  });

  it('projects to a recipe that counts less, and to no other', () => {
    const digest = digestOf(object(BASE), ALL);
    assert.equal(
      projectDigest(digest, ALL, changes('Status', 'Spec')),
      digestOf(object(BASE), changes('Spec', 'Status')),
    );
    assert.equal(projectDigest(digestOf(object(BASE), changes('Spec')), changes('Spec'), ALL), undefined);
    assert.equal(projectDigest(digest, ALL, fields('spec.replicas')), undefined);
    assert.equal(
      projectDigest(digest, ALL, recipeOf({ kind: 'changes', classes: ['Spec'] }, 'statewire/other')),
      undefined,
    );
  });
});
