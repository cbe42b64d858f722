import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { generationTells, versionRule } from '../../../forwarder/filter/rules.ts';
import { changes, fields } from './objects.ts';

describe('generationTells and versionRule', () => {
  const KINDS = [
    { group: 'example.com', kind: 'Application', tells: true },
    { group: 'apps', kind: 'Deployment', tells: true },
    { group: 'example.com', kind: 'Pod', tells: true },
    { group: '', kind: 'Pod', tells: false },
    { group: 'scheduling.k8s.io', kind: 'PriorityClass', tells: false },
  ];
  for (const { group, kind, tells } of KINDS) {
    it(`${tells ? 'trusts' : 'does not trust'} the generation of ${kind} in group "${group}"`, () => {
      assert.equal(generationTells({ group, kind }), tells);
    });
  }

  const watch = { apiVersion: 'example.com/v1', kind: 'Application', owns: [] };
  const NAMES = [
    {
      reason: 'only the spec counts and nothing but the kind selects',
      watch,
      recipe: changes('Spec'),
      tells: true,
      by: 'generation',
    },
    {
      reason: 'fields of the spec count',
      watch,
      recipe: fields('spec.a', 'data["b"]'),
      tells: true,
      by: 'generation',
    },
    {
      reason: 'labels count too',
      watch,
      recipe: changes('Spec', 'Labels'),
      tells: true,
      by: 'resourceVersion',
    },
    {
      reason: 'fields outside the spec count',
      watch,
      recipe: fields('spec.a', 'status.b'),
      tells: true,
      by: 'resourceVersion',
    },
    {
      reason: 'labels select',
      watch: { ...watch, labelSelector: 'a=b' },
      recipe: changes('Spec'),
      tells: true,
      by: 'resourceVersion',
    },
    {
      reason: 'fields select',
      watch: { ...watch, fieldSelector: 'spec.a=b' },
      recipe: changes('Spec'),
      tells: true,
      by: 'resourceVersion',
    },
    {
      reason: 'the generation tells nothing',
      watch,
      recipe: changes('Spec'),
      tells: false,
      by: 'resourceVersion',
    },
  ];
  for (const { reason, watch: selection, recipe, tells, by } of NAMES) {
    it(`states are named by ${by} where ${reason}`, () => {
      assert.equal(versionRule({ watch: selection }, recipe, tells), by);
    });
  }
});
