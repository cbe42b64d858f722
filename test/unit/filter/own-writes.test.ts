/** Fields that the trigger itself has written do not count as changes. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Draft, fields, MANAGER } from './objects.ts';
import { ALL, BASE, changed } from './digests.ts';

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
