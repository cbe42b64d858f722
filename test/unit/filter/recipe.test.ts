import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { digestOf } from '../../../forwarder/filter/digest.ts';
import { countedFieldProblem, recipeOf } from '../../../forwarder/filter/recipe.ts';
import { parseFieldPath } from '../../../forwarder/lib/field-path.ts';
import { changes, fields, object } from './objects.ts';
import { BASE } from './digests.ts';

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
