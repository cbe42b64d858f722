import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { buildInvocation, type InvocationInput } from '../../../forwarder/dispatch/envelope.ts';
import { parseExact } from '../../../forwarder/lib/exact-json.ts';
import type { KubeObject } from '../../../forwarder/model/kube-object.ts';
import { APPLICATIONS, objectOf } from '../../support/objects.ts';

const identity = { namespace: 'shop', name: 'application', uid: 'trigger-uid', generation: 1 };

function inputWith(overrides: Partial<InvocationInput> = {}): InvocationInput {
  return {
    trigger: payload(false),
    clusterId: 'cluster-1',
    resource: APPLICATIONS,
    object: objectOf({ spec: { replicas: 2 } }),
    eventType: 'Updated',
    reason: 'Watch',
    version: 'g3',
    idSuffix: { kind: 'none' },
    attempt: 1,
    epoch: 0,
    timeMs: Date.UTC(2026, 10, 21, 2, 30, 0, 5),
    deadlineMs: 1000,
    deadlineAtMs: Date.UTC(2026, 10, 21, 2, 31),
    timeoutMs: 30_000,
    random: () => 0.5,
    ...overrides,
  };
}

function payload(previous: boolean, ...redact: string[]): InvocationInput['trigger'] {
  return { identity, spec: { payload: { previous, redact, dataref: false, token: false } } };
}

function dataOf(input: InvocationInput): Record<string, unknown> {
  return JSON.parse(buildInvocation(input).dataJson) as Record<string, unknown>;
}

describe('buildInvocation', () => {
  it('names the occurrence by CloudEvents attributes', () => {
    const { attributes, idempotencyKey, key, deadlineMs, timeoutMs } = buildInvocation(inputWith());
    assert.deepEqual(attributes, {
      specversion: '1.0',
      type: 'dev.statewire.resource.updated',
      source: 'statewire://cluster-1/shop/application',
      subject: '/apis/example.com/v1/namespaces/shop/applications/web',
      id: 'uid-web:g3',
      time: '2026-11-21T02:30:00.005Z',
      datacontenttype: 'application/json',
      apiversion: 'example.com/v1',
      kind: 'Application',
      name: 'web',
      namespace: 'shop',
      generation: '3',
      sequence: '00000000000000000042',
      partitionkey: 'uid-web',
      trigger: 'shop/application',
      traceparent: `00-${idempotencyKey.slice(0, 32)}-8000000080000000-01`,
      statewireattempt: '1',
      statewiredeadline: '2026-11-21T02:31:00.000Z',
      statewireepoch: '0',
    });
    assert.deepEqual({ key, deadlineMs, timeoutMs }, { key: 'uid-web', deadlineMs: 1000, timeoutMs: 30_000 });
  });

  it('says of a created object when it was created', () => {
    const { attributes } = buildInvocation(inputWith({ eventType: 'Created' }));
    assert.equal(attributes.time, '2026-01-01T00:00:00Z');
    assert.equal(attributes.type, 'dev.statewire.resource.created');
  });

  it('orders a deletion by its own resourceVersion', () => {
    const { attributes } = buildInvocation(
      inputWith({ eventType: 'Deleted', reason: 'Deleted', deletionVersion: '18446744073709551615' }),
    );
    assert.equal(attributes.sequence, '18446744073709551615');
    assert.equal(attributes.id, 'uid-web:deleted');
  });

  it('leaves out what cluster-scoped kinds of the core group do not have', () => {
    const { attributes } = buildInvocation(
      inputWith({
        resource: {
          group: '',
          version: 'v1',
          kind: 'Node',
          plural: 'nodes',
          namespaced: false,
          statusSubresource: true,
        },
        object: { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1', uid: 'u', resourceVersion: '7' } },
      }),
    );
    assert.equal(attributes.subject, '/api/v1/nodes/n1');
    assert.equal('namespace' in attributes, false);
    assert.equal('generation' in attributes, false);
  });

  it('sends numbers as the server sent them', () => {
    const object = parseExact(
      '{"apiVersion":"example.com/v1","kind":"Application","metadata":{"name":"web","namespace":"shop","uid":"u","resourceVersion":"1","generation":9007199254740993},"spec":{"big":9007199254740993,"one":1.0,"huge":1e400}}',
    ) as KubeObject;
    const { dataJson, attributes } = buildInvocation(
      inputWith({ object, trigger: payload(false, 'spec.absent', 'spec.deep.er') }),
    );
    assert.match(dataJson, /"spec":\{"big":9007199254740993,"one":1\.0,"huge":1e400\}/);
    assert.equal(attributes.generation, '9007199254740993');
  });

  it('leaves managedFields and the last-applied annotation out, and changes nothing of what it was given', () => {
    const object = objectOf({
      metadata: {
        managedFields: [{ manager: 'kubectl' }],
        annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}', team: 'a' },
      },
    });
    const before = structuredClone(object);
    const { object: sent } = dataOf(inputWith({ object })) as { object: KubeObject };
    assert.deepEqual(sent.metadata.annotations, { team: 'a' });
    assert.equal('managedFields' in sent.metadata, false);
    assert.deepEqual(object, before);
  });

  it('leaves redacted paths out of object and previous', () => {
    const state = {
      metadata: { labels: { 'a.b/c': 'secret', kept: 'yes' } },
      spec: { password: 'secret', containers: [{ image: 'secret', name: 'one' }, { name: 'two' }] },
    };
    const data = dataOf(
      inputWith({
        object: objectOf(state),
        previous: objectOf(state),
        trigger: payload(true, 'spec.password', 'metadata.labels["a.b/c"]', 'spec.containers[*].image'),
      }),
    );
    assert.doesNotMatch(JSON.stringify(data), /secret/);
    assert.deepEqual((data['previous'] as KubeObject)['spec'], {
      containers: [{ name: 'one' }, { name: 'two' }],
    });
    assert.deepEqual((data['object'] as KubeObject).metadata.labels, { kept: 'yes' });
  });

  it('sends previous only where the trigger asks for it', () => {
    const previous = objectOf({ spec: { replicas: 1 } });
    assert.equal('previous' in dataOf(inputWith({ previous })), false);
    assert.deepEqual(dataOf(inputWith({ previous, trigger: payload(true) }))['previous'], previous);
    assert.equal('previous' in dataOf(inputWith({ trigger: payload(true) })), false);
  });

  it('says what changed of updates only', () => {
    assert.deepEqual(dataOf(inputWith({ changed: ['Spec', 'Labels'] }))['changed'], ['Spec', 'Labels']);
    assert.equal('changed' in dataOf(inputWith({ changed: ['Spec'], eventType: 'Created' })), false);
    assert.equal('changed' in dataOf(inputWith()), false);
  });

  it('sends of a watched Secret its metadata alone', () => {
    const secret = {
      ...objectOf({ data: { password: 'aGk=' }, stringData: { password: 'hi' }, type: 'Opaque' }),
      apiVersion: 'v1',
      kind: 'Secret',
    };
    const data = dataOf(inputWith({ object: secret, previous: secret, trigger: payload(true) }));
    for (const sent of [data['object'], data['previous']]) {
      assert.deepEqual(Object.keys(sent as object), ['apiVersion', 'kind', 'metadata']);
    }
  });

  it('sends children by kind and name, those of Secrets without their content', () => {
    const child = (kind: string, name: string, rest: object = {}): KubeObject => ({
      ...objectOf({ metadata: { name, managedFields: [{ manager: 'm' }] }, ...rest }),
      apiVersion: 'v1',
      kind,
    });
    const data = dataOf(
      inputWith({
        children: [
          {
            kind: { apiVersion: 'v1', kind: 'ConfigMap' },
            objects: [child('ConfigMap', 'b'), child('ConfigMap', 'a')],
          },
          {
            kind: { apiVersion: 'v1', kind: 'Secret' },
            objects: [child('Secret', 's', { data: { k: 'aGk=' } })],
          },
          { kind: { apiVersion: 'apps/v1', kind: 'Deployment' }, objects: [] },
        ],
      }),
    );
    const children = data['children'] as Record<string, Record<string, KubeObject>>;
    assert.deepEqual(Object.keys(children), ['ConfigMap.v1', 'Secret.v1', 'Deployment.apps/v1']);
    assert.deepEqual(Object.keys(children['ConfigMap.v1'] ?? {}), ['a', 'b']);
    assert.equal(children['Secret.v1']?.['s']?.metadata.name, 's');
    assert.doesNotMatch(JSON.stringify(children), /aGk=|managedFields/);
  });

  it('names the children of cluster-scoped owners with their namespace', () => {
    const data = dataOf(
      inputWith({
        resource: { ...APPLICATIONS, namespaced: false },
        children: [{ kind: { apiVersion: 'v1', kind: 'ConfigMap' }, objects: [objectOf({})] }],
      }),
    );
    assert.deepEqual(Object.keys((data['children'] as Record<string, object>)['ConfigMap.v1'] ?? {}), [
      'shop/web',
    ]);
  });

  it('sends of an object that went unseen its identity alone', () => {
    const data = dataOf(inputWith({ eventType: 'Deleted', reason: 'GoneWhileAway', final: 'unknown' }));
    assert.deepEqual(data, {
      object: {
        apiVersion: 'example.com/v1',
        kind: 'Application',
        metadata: { name: 'web', namespace: 'shop', uid: 'uid-web' },
      },
      reason: 'GoneWhileAway',
      final: 'unknown',
    });
  });

  it('keeps id, time, data and idempotency key over attempts', () => {
    const first = buildInvocation(inputWith());
    const second = buildInvocation(
      inputWith({ attempt: 2, epoch: 4, deadlineMs: 9, deadlineAtMs: 9, random: () => 0.1 }),
    );
    const lasting = ({ attributes, dataJson, idempotencyKey }: typeof first): unknown => {
      const {
        statewireattempt: _a,
        statewiredeadline: _d,
        statewireepoch: _e,
        traceparent,
        ...rest
      } = attributes;
      return { ...rest, trace: traceparent.slice(0, 36), dataJson, idempotencyKey };
    };
    assert.deepEqual(lasting(second), lasting(first));
    assert.notEqual(second.attributes.traceparent, first.attributes.traceparent);
    assert.equal(second.attributes.statewireattempt, '2');
  });

  it('makes a valid trace context of any random numbers', () => {
    for (const random of [() => 0, () => 1 - Number.EPSILON]) {
      const { traceparent } = buildInvocation(inputWith({ random })).attributes;
      assert.match(traceparent, /^00-[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-01$/);
    }
  });

  it('fails for good where the object does not fit the target', () => {
    assert.throws(() => buildInvocation(inputWith({ maxDataBytes: 10 })), { code: 'TARGET_TOO_LARGE' });
  });

  it('says by dataref where an object is that does not fit', () => {
    const trigger = { identity, spec: { payload: { ...payload(true).spec.payload, dataref: true } } };
    const object = objectOf({ spec: { text: 'x'.repeat(1000) } });
    const { attributes, dataJson, ...rest } = buildInvocation(
      inputWith({ trigger, object, maxDataBytes: 500 }),
    );
    assert.equal(attributes.dataref, '/apis/example.com/v1/namespaces/shop/applications/web');
    assert.equal(attributes.dataref, attributes.subject);
    assert.deepEqual(JSON.parse(dataJson), {
      object: {
        apiVersion: 'example.com/v1',
        kind: 'Application',
        metadata: { name: 'web', namespace: 'shop', uid: 'uid-web' },
      },
      reason: 'Watch',
    });
    const whole = buildInvocation(inputWith({ trigger, object }));
    assert.equal('dataref' in whole.attributes, false);
    assert.deepEqual([whole.attributes.id, whole.idempotencyKey], [attributes.id, rest.idempotencyKey]);
  });
});
