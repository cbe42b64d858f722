import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { childDigest } from '../../../forwarder/filter/child-digest.ts';
import { changedClasses, digestOf, projectDigest } from '../../../forwarder/filter/digest.ts';
import { countedFieldProblem, type Recipe, recipeOf } from '../../../forwarder/filter/recipe.ts';
import { parseExact } from '../../../forwarder/lib/exact-json.ts';
import { parseFieldPath } from '../../../forwarder/lib/field-path.ts';
import type { KubeObject } from '../../../forwarder/model/kube-object.ts';
import { changes, type Draft, fields, MANAGER, object } from './objects.ts';

const ALL = changes('Spec', 'Status', 'Labels', 'Annotations');

const BASE: Draft = {
  rv: 1,
  generation: 1,
  spec: { replicas: 1, containers: [{ name: 'a', image: 'x' }] },
  status: { phase: 'Ready' },
  metadata: { labels: { l: '1' }, annotations: { a: '1' } },
};

function changed(recipe: Recipe, to: Draft, from: Draft = BASE): unknown {
  return changedClasses(digestOf(object(from), recipe), digestOf(object({ ...from, ...to }), recipe), recipe);
}

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

describe('Own writes', () => {
  const own = (fieldsV1: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> => ({
    manager: MANAGER,
    operation: 'Apply',
    fieldsV1,
  });
  const other = (fieldsV1: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> => ({
    manager: 'kubectl',
    operation: 'Update',
    fieldsV1,
  });
  const condition = (type: string, status: string): object => ({ type, status });
  const ready = { 'k:{"type":"Ready"}': { '.': {}, 'f:type': {}, 'f:status': {} } };
  const ROWS: readonly { reason: string; from: Draft; to: Draft; classes: readonly string[] }[] = [
    {
      reason: 'do not count',
      from: { ...BASE, status: undefined },
      to: {
        status: { phase: 'Ready' },
        metadata: { ...BASE.metadata, managedFields: [own({ 'f:status': { 'f:phase': {} } })] },
      },
      classes: [],
    },
    {
      reason: 'do not count beside what others state',
      from: { ...BASE, status: { theirs: 1 } },
      to: {
        status: { theirs: 1, ours: 2 },
        metadata: {
          ...BASE.metadata,
          managedFields: [other({ 'f:status': { 'f:theirs': {} } }), own({ 'f:status': { 'f:ours': {} } })],
        },
      },
      classes: [],
    },
    {
      reason: 'do not hide what others change',
      from: { ...BASE, status: { theirs: 1 } },
      to: {
        status: { theirs: 2, ours: 2 },
        metadata: {
          ...BASE.metadata,
          managedFields: [other({ 'f:status': { 'f:theirs': {} } }), own({ 'f:status': { 'f:ours': {} } })],
        },
      },
      classes: ['Status'],
    },
    {
      reason: 'do not count where another manager owns the field too',
      from: { ...BASE, status: undefined },
      to: {
        metadata: {
          ...BASE.metadata,
          managedFields: [own({ 'f:status': { 'f:phase': {} } }), other({ 'f:status': { 'f:phase': {} } })],
        },
      },
      classes: [],
    },
    {
      reason: 'count once somebody else has taken the field',
      from: { ...BASE, status: undefined },
      to: {
        status: { phase: 'Theirs' },
        metadata: {
          ...BASE.metadata,
          managedFields: [own({ 'f:status': {} }), other({ 'f:status': { 'f:phase': {} } })],
        },
      },
      classes: ['Status'],
    },
    {
      reason: 'do not count in a list by key, beside items of others',
      from: { ...BASE, status: { conditions: [condition('Theirs', 'True')] } },
      to: {
        status: { conditions: [condition('Ready', 'True'), condition('Theirs', 'True')] },
        metadata: {
          ...BASE.metadata,
          managedFields: [
            own({ 'f:status': { 'f:conditions': ready } }),
            other({
              'f:status': {
                'f:conditions': { 'k:{"type":"Theirs"}': { '.': {}, 'f:type': {}, 'f:status': {} } },
              },
            }),
          ],
        },
      },
      classes: [],
    },
    {
      reason: 'do not count among labels and annotations',
      from: { ...BASE, metadata: {} },
      to: {
        metadata: {
          labels: { ours: '1' },
          annotations: { ours: '1' },
          managedFields: [
            own({ 'f:metadata': { 'f:labels': { 'f:ours': {} }, 'f:annotations': { 'f:ours': {} } } }),
          ],
        },
      },
      classes: [],
    },
    {
      reason: 'do not count in the spec',
      from: { ...BASE, spec: { replicas: 1 } },
      to: {
        spec: { replicas: 1, paused: true },
        metadata: { ...BASE.metadata, managedFields: [own({ 'f:spec': { 'f:paused': {} } })] },
      },
      classes: [],
    },
    {
      reason: 'count where another trigger made them',
      from: { ...BASE, status: undefined },
      to: {
        metadata: {
          ...BASE.metadata,
          managedFields: [{ ...own({ 'f:status': { 'f:phase': {} } }), manager: 'statewire/other' }],
        },
      },
      classes: ['Status'],
    },
  ];
  for (const { reason, from, to, classes } of ROWS) {
    it(reason, () => assert.deepEqual(changed(ALL, { ...BASE, ...to }, from), classes));
  }

  it('do not count among single fields', () => {
    const managedFields = [own({ 'f:status': { 'f:phase': {} } })];
    assert.deepEqual(
      changed(fields('status.phase'), { metadata: { managedFields } }, { ...BASE, status: undefined }),
      [],
    );
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

describe('recipeOf', () => {
  it('has an id that changes with what counts, and with nothing else', () => {
    const ids = [
      changes('Spec'),
      changes('Spec', 'Labels'),
      fields('spec.a'),
      fields('spec.b'),
      recipeOf({ kind: 'changes', classes: ['Spec'] }, 'statewire/x'),
    ].map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    assert.equal(changes('Labels', 'Spec', 'Spec').id, changes('Spec', 'Labels').id);
    assert.equal(fields('spec.b', 'spec["a"]').id, fields('spec.a', 'spec.b').id);
  });

  it('makes equal digests where the id is equal', () => {
    const [a, b] = [fields('spec.replicas', 'spec.containers'), fields('spec.containers', 'spec.replicas')];
    assert.equal(a.id, b.id);
    assert.equal(digestOf(object(BASE), a), digestOf(object(BASE), b));
  });

  it('knows when nothing but the spec counts', () => {
    assert.deepEqual(
      [
        changes('Spec'),
        fields('spec.a', 'data'),
        changes('Spec', 'Status'),
        fields('spec.a', 'metadata.labels'),
      ].map(({ onlySpec }) => onlySpec),
      [true, true, false, false],
    );
  });

  for (const [text, fine] of [
    ['spec.a', true],
    ['metadata.labels', true],
    ['metadata.annotations["a"]', true],
    ['metadata.finalizers', true],
    ['metadata.resourceVersion', false],
    ['metadata.managedFields', false],
    ['metadata.generation', false],
    ['metadata', false],
    ['metadata[0]', false],
  ] as const) {
    it(`${fine ? 'counts' : 'cannot count'} ${text}`, () => {
      const path = parseFieldPath(text);
      assert.ok(!('problem' in path));
      assert.equal(countedFieldProblem(path) === undefined, fine);
    });
  }
});

describe('childDigest', () => {
  const child = (over: Draft = {}, more: object = {}): KubeObject => ({
    ...object({ spec: { replicas: 1 }, ...over }),
    ...more,
  });

  it('ignores what every write changes', () => {
    const managedFields = [{ manager: 'kubectl', fieldsV1: { 'f:spec': { 'f:replicas': {} } } }];
    assert.equal(
      childDigest(child({ rv: 9, generation: 9, metadata: { managedFields } }), MANAGER),
      childDigest(child(), MANAGER),
    );
  });

  it('ignores what this trigger applied', () => {
    const managedFields = [
      {
        manager: MANAGER,
        fieldsV1: {
          'f:spec': { 'f:replicas': {} },
          'f:metadata': { 'f:labels': { 'f:statewire.dev/trigger': {} } },
        },
      },
    ];
    const applied = (replicas: number): string =>
      childDigest(
        child({
          spec: { replicas, template: 1 },
          metadata: { labels: { 'statewire.dev/trigger': 'x' }, managedFields },
        }),
        MANAGER,
      );
    assert.equal(applied(1), applied(2));
    assert.notEqual(applied(1), childDigest(child({ spec: { replicas: 1, template: 2 } }), MANAGER));
  });

  for (const [what, over] of [
    ['status', { status: { availableReplicas: 1 } }],
    ['spec', { spec: { replicas: 2 } }],
    ['labels', { metadata: { labels: { a: 'b' } } }],
    ['deletion', { deleting: true }],
  ] as const) {
    it(`sees that somebody changed its ${what}`, () => {
      assert.notEqual(childDigest(child(over), MANAGER), childDigest(child(), MANAGER));
    });
  }
});
