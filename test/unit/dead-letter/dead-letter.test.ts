/** What a dead letter is called and what it says. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import {
  createBody,
  deadLetterName,
  type LetterBody,
  readLetter,
  statusBody,
} from '../../../forwarder/dead-letter/dead-letter.ts';
import type { KubeObject } from '../../../forwarder/model/kube-object.ts';

const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const TRIGGER = { namespace: 'shop', name: 'app', uid: 't-1', generation: 1 };
const FAILURE: LetterBody['failure'] = {
  eventType: 'Updated',
  resourceVersion: '42',
  attempts: 3,
  error: { code: 'TARGET_FAILED', message: 'answered 500' },
  firstFailedMs: Date.UTC(2026, 0, 1),
  lastFailedMs: Date.UTC(2026, 0, 1, 0, 5),
};
const BODY: LetterBody = {
  name: deadLetterName(TRIGGER, 'o-1'),
  namespace: 'shop',
  subject: { apiVersion: 'example.com/v1', kind: 'Application', namespace: 'shop', name: 'one', uid: 'o-1' },
  trigger: TRIGGER,
  ownable: true,
  failure: FAILURE,
};
const objectOf = (text: string): KubeObject => JSON.parse(text) as KubeObject;

describe('the name of a dead letter', () => {
  it('is the trigger, cut at 40, and 10 hex of both uids', () => {
    const hash = createHash('sha256').update('t-1/o-1').digest('hex').slice(0, 10);
    assert.equal(deadLetterName(TRIGGER, 'o-1'), `app-${hash}`);
    assert.equal(deadLetterName({ ...TRIGGER, name: 'a'.repeat(63) }, 'o-1'), `${'a'.repeat(40)}-${hash}`);
  });

  it('is one that Kubernetes takes, wherever the cut falls', () => {
    const label = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?$/);
    const names = fc
      .array(label, { minLength: 1, maxLength: 6 })
      .map((labels) => labels.join('.').slice(0, 63));
    fc.assert(
      fc.property(
        names.filter((name) => SUBDOMAIN.test(name)),
        fc.uuid(),
        (name, uid) => {
          const made = deadLetterName({ name, uid: 't-1' }, uid);
          assert.match(made, SUBDOMAIN);
          assert.ok(made.length <= 51);
        },
      ),
    );
    assert.match(deadLetterName({ name: `${'a'.repeat(39)}.b`, uid: 't' }, 'o'), /^a{39}-[0-9a-f]{10}$/);
  });

  it('differs for another trigger of the same name and for another life of the object', () => {
    const names = [
      deadLetterName(TRIGGER, 'o-1'),
      deadLetterName({ ...TRIGGER, uid: 't-2' }, 'o-1'),
      deadLetterName(TRIGGER, 'o-2'),
    ];
    assert.equal(new Set(names).size, 3);
  });
});

describe('a dead letter', () => {
  it('says which object of which trigger, and has labels for both', () => {
    const { metadata, spec } = objectOf(createBody(BODY));
    assert.deepEqual(spec, { trigger: 'shop/app', object: BODY.subject });
    assert.deepEqual(metadata.labels, {
      'statewire.dev/trigger': createHash('sha256').update('shop/app').digest('hex').slice(0, 12),
      'statewire.dev/trigger-name': 'app',
      'statewire.dev/kind': 'Application',
    });
  });

  it('is owned by a trigger of the API in its own namespace, and by no other', () => {
    const ownersOf = (body: LetterBody): unknown => objectOf(createBody(body)).metadata.ownerReferences;
    assert.deepEqual(ownersOf(BODY), [
      { apiVersion: 'statewire.dev/v1alpha1', kind: 'FunctionTrigger', name: 'app', uid: 't-1' },
    ]);
    assert.equal(ownersOf({ ...BODY, namespace: 'other' }), undefined);
    assert.equal(ownersOf({ ...BODY, ownable: false }), undefined);
  });

  it('keeps the time of the first failure', () => {
    const status = (first?: string): unknown =>
      (JSON.parse(statusBody(FAILURE, first)) as { readonly status: unknown }).status;
    const { firstFailedMs: _first, lastFailedMs: _last, ...rest } = FAILURE;
    const times = { firstFailedAt: '2026-01-01T00:00:00Z', lastFailedAt: '2026-01-01T00:05:00Z' };
    assert.deepEqual(status(), { ...rest, ...times });
    assert.deepEqual(status('2025-12-24T00:00:00Z'), {
      ...rest,
      ...times,
      firstFailedAt: '2025-12-24T00:00:00Z',
    });
  });

  it('is read back, and what is none is not', () => {
    const made = objectOf(createBody(BODY));
    const object = { ...made, metadata: { ...made.metadata, uid: 'l-1', resourceVersion: '7' } };
    assert.deepEqual(readLetter(object), {
      name: BODY.name,
      namespace: 'shop',
      uid: 'l-1',
      resourceVersion: '7',
      trigger: 'shop/app',
      objectUid: 'o-1',
      owned: true,
      firstFailedAt: undefined,
      replay: undefined,
    });
    for (const spec of [undefined, {}, { trigger: 'shop/app' }, { trigger: 7, object: { uid: 'o-1' } }])
      assert.equal(readLetter({ ...object, spec }), undefined);
  });
});
