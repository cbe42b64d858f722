import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MemorySegmentStore, MemorySegmentStores } from '../../forwarder/checkpoint/memory-segment-store.ts';
import { sampleSegment } from '../support/segments.ts';
import { segmentStoreContract } from './segment-store.contract.ts';

const trigger = { namespace: 'shop', name: 'app', uid: 'uid-1', generation: 1 };

segmentStoreContract({
  name: 'MemorySegmentStore',
  async checkpoint() {
    const stores = new MemorySegmentStores();
    return {
      open: () => stores.open(trigger),
      openOther: () => stores.open({ ...trigger, uid: 'uid-2' }),
      async damage(seq) {
        const store = stores.open(trigger) as MemorySegmentStore;
        const document = store.documents.get(seq);
        assert.ok(document);
        store.documents.set(seq, { ...document, records: `x${document.records.slice(1)}` });
      },
    };
  },
});

describe('MemorySegmentStores', () => {
  it('forgets triggers that are no more', async () => {
    const stores = new MemorySegmentStores();
    const other = { ...trigger, uid: 'uid-2' };
    for (const one of [trigger, other]) await stores.open(one).create(sampleSegment(1));
    await stores.sweep(['uid-2']);
    assert.equal(await stores.open(trigger).read(1), undefined);
    assert.deepEqual(await stores.open(other).read(1), sampleSegment(1));
  });
});
