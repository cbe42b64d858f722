import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MemorySegmentStore } from '../../../forwarder/checkpoint/memory-segment-store.ts';
import { sampleHeader } from '../../support/segments.ts';
import { append, claimed, writer } from '../../support/checkpoint-writer.ts';

describe('CheckpointLog, where stored data is damaged', () => {
  /** Ten runs with an object each. */
  async function tenRuns(): Promise<MemorySegmentStore> {
    const store = new MemorySegmentStore();
    const process = await claimed(store);
    process.log.stop();
    for (let index = 0; index < 10; index++) await append(process, { [`u${index}`]: `["${index}"]` });
    return store;
  }

  function damage(store: MemorySegmentStore, seq: number): void {
    const document = store.documents.get(seq);
    assert.ok(document);
    store.documents.set(seq, { ...document, records: `${document.records}x` });
  }

  it('names what is damaged, and tells the rest', async () => {
    const store = await tenRuns();
    damage(store, 5);
    const { records, damaged } = await writer(store).log.load();
    assert.deepEqual(damaged, ['segment 5: the checksum does not match']);
    assert.equal(records.size, 9);
    assert.equal(records.has('u3'), false);
  });

  it('says where a segment is missing', async () => {
    for (const seq of [1, 5, 10]) {
      const store = await tenRuns();
      store.documents.delete(seq);
      const { damaged } = await writer(store).log.load();
      assert.deepEqual(damaged, [`segments between positions ${seq - 1} and ${seq + 1} are missing`]);
    }
  });

  it('gives a greater epoch, whichever segment is damaged', async () => {
    for (let seq = 1; seq <= 11; seq++) {
      const store = await tenRuns();
      damage(store, seq);
      const { epoch } = await writer(store).log.claim(() => sampleHeader());
      assert.ok(epoch > 1);
    }
  });

  it('writes all anew with the next append, and is whole again', async () => {
    for (let seq = 1; seq <= 11; seq++) {
      const store = await tenRuns();
      damage(store, seq);
      const process = await claimed(store);
      await append(process, { healed: '["x"]' });
      await process.log.idle();
      const { records, damaged, header } = await writer(store).log.load();
      assert.deepEqual(damaged, []);
      assert.deepEqual(new Map(records), process.lines);
      assert.equal(header?.completeUpTo, '["x"]');
      // Also once that is merged with what comes later.
      for (let later = 0; later < 10; later++) await append(process, { healed: `["${later}"]` });
      await process.log.idle();
      assert.deepEqual((await writer(store).log.load()).damaged, []);
    }
  });

  it('uses what is left of a merge where a part of it is damaged', async () => {
    const store = new MemorySegmentStore();
    const first = await claimed(store, { maxSegmentBytes: 8192 });
    for (let round = 0; round < 8; round++) {
      const changes = Array.from({ length: 60 }, (_, index) => [`u${round}-${index}`, `["${round}"]`]);
      await append(first, Object.fromEntries(changes) as Record<string, string>);
    }
    await first.log.idle();
    const merged = [...store.documents.values()].filter(({ type }) => type === 'Merge');
    assert.ok(merged.length > 1);
    const [lost] = merged;
    assert.ok(lost);
    damage(store, lost.sequence);
    const { records, damaged } = await writer(store).log.load();
    assert.deepEqual(damaged, [`segment ${lost.sequence}: the checksum does not match`]);
    assert.equal(records.size, first.lines.size - lost.count);
  });

  it('starts anew where nothing can be read', async () => {
    const store = await tenRuns();
    for (const seq of store.documents.keys()) damage(store, seq);
    const process = writer(store);
    const { header, records, damaged } = await process.log.claim(() => sampleHeader());
    assert.deepEqual([header, records.size, damaged.length], [undefined, 0, 11]);
    await append(process, { a: '["x"]' });
    await process.log.idle();
    const healed = await writer(store).log.load();
    assert.deepEqual([[...healed.records], healed.damaged], [[['a', '["x"]']], []]);
  });
});
