import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { childrenOf } from '../../../functions/sdk/children.ts';
import { permanent, retryAfter } from '../../../functions/sdk/errors.ts';
import { done, requeue } from '../../../functions/sdk/results.ts';

const stamp = { apiVersion: 'statewire.dev/v1alpha1', kind: 'FunctionResult' };

describe('done and requeue', () => {
  it('stamp what they are given', () => {
    assert.deepEqual(done({ status: { a: 1 } }), { ...stamp, status: { a: 1 } });
    assert.deepEqual(requeue('1m30s', { status: { a: 1 } }), {
      ...stamp,
      status: { a: 1 },
      requeueAfter: '1m30s',
    });
  });
});

describe('durations in the code of a function', () => {
  for (const text of ['', '30', '30 s', '-1s', '1.5s', '1d', '123456s']) {
    it(`${JSON.stringify(text)} is refused where it stands, not when the result leaves`, () => {
      assert.throws(() => requeue(text), { name: 'TypeError', message: /is not a duration/ });
      assert.throws(() => retryAfter(text), { name: 'TypeError', message: /is not a duration/ });
    });
  }
});

describe('retryAfter and permanent', () => {
  it('keep the cause, for whoever catches them', () => {
    const cause = new Error('quota');
    assert.equal(retryAfter('30s', cause).cause, cause);
    assert.equal(permanent('bad spec', cause).cause, cause);
  });

  it('say one line of at most 256 characters', () => {
    assert.equal(permanent('a\n  b').message, 'a b');
    assert.equal(permanent('x'.repeat(300)).message.length, 256);
  });
});

describe('childrenOf', () => {
  const children = { 'Deployment.apps/v1': { web: { kind: 'Deployment' } }, 'ConfigMap.v1': {} };

  it('gives the children of a kind by name', () => {
    assert.deepEqual(childrenOf(children, 'Deployment.apps/v1'), { web: { kind: 'Deployment' } });
  });

  it('tells none from not known', () => {
    assert.deepEqual(childrenOf(children, 'ConfigMap.v1'), {});
    assert.equal(childrenOf(children, 'Service.v1'), undefined);
  });
});
