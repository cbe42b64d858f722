import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Delta, ObjectHead } from '../../../forwarder/model/delta.ts';
import { objectKey } from '../../../forwarder/model/kube-object.ts';
import { ObjectIndex } from '../../../forwarder/source/object-index.ts';

function head(uid: string, resourceVersion: string): ObjectHead {
  return { key: objectKey(uid), uid, namespace: 'shop', name: 'web', resourceVersion, deleting: false };
}

function told(deltas: Iterable<Delta>): string[] {
  return Array.from(
    deltas,
    ({ type, head: { uid, resourceVersion } }) => `${type} ${uid} ${resourceVersion}`,
  );
}

describe('The index of a source', () => {
  it('tells the end of an object whose name has a new uid before the beginning of the new one', () => {
    const index = new ObjectIndex();
    index.put('Added', head('first', '101'), '{}');
    assert.deepEqual(told(index.put('Listed', head('second', '104'), '{}')), [
      'Deleted first 104',
      'Listed second 104',
    ]);
  });

  it('tells nothing of an earlier life of a name, which a watch shows that lags behind a list', () => {
    const index = new ObjectIndex();
    index.put('Listed', head('second', '104'), '{}');
    assert.deepEqual(told(index.put('Added', head('first', '101'), '{}')), []);
    assert.deepEqual(told(index.delete(head('first', '102'), '{}')), []);
    assert.deepEqual(told(index.put('Added', head('second', '103'), '{}')), []);
    assert.deepEqual(told(index.put('Modified', head('second', '104'), '{}')), ['Modified second 104']);
    assert.equal(index.size, 1);
  });

  it('tells nothing of what was before a read that found the object gone', () => {
    const index = new ObjectIndex();
    index.put('Added', head('first', '101'), '{}');
    assert.deepEqual(told(index.lose('first', '104')), ['Deleted first 104']);
    assert.deepEqual(told(index.put('Modified', head('first', '102'), '{}')), []);
    assert.deepEqual(told(index.delete(head('first', '103'), '{}')), []);
    assert.equal(index.size, 0);
  });

  it('tells of an object that is selected again after a read found it gone', () => {
    const index = new ObjectIndex();
    index.put('Added', head('first', '101'), '{}');
    index.lose('first', '104');
    assert.deepEqual(told(index.put('Added', head('first', '105'), '{}')), ['Added first 105']);
  });
});
