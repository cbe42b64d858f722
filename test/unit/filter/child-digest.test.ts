import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { childDigest } from '../../../forwarder/filter/child-digest.ts';
import type { KubeObject } from '../../../forwarder/model/kube-object.ts';
import { type Draft, MANAGER, object } from './objects.ts';

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
