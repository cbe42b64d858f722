/** What every SegmentStore keeps to: it stores a segment once, whole, and as it was. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { CheckpointFencedError } from '../../forwarder/checkpoint/fenced-error.ts';
import type { DamagedSegment, Segment } from '../../forwarder/checkpoint/segment.ts';
import type { SegmentStore } from '../../forwarder/checkpoint/segment-store.ts';
import { sampleHeader, sampleSegment } from '../support/segments.ts';

export interface StoredCheckpoint {
  /** One more store over the same segments, as another process has it. */
  open(): SegmentStore;
  /** Of another trigger, beside it. */
  openOther(): SegmentStore;
  /** Changes one character of the stored records. */
  damage(seq: number): Promise<void>;
}

export interface SegmentStoreSuite {
  readonly name: string;
  checkpoint(t: TestContext): Promise<StoredCheckpoint>;
}

async function all(store: SegmentStore): Promise<(Segment | DamagedSegment)[]> {
  return await Array.fromAsync(store.list());
}

export function segmentStoreContract(suite: SegmentStoreSuite): void {
  const { name } = suite;
  const checkpoint = (t: TestContext): Promise<StoredCheckpoint> => suite.checkpoint(t);
  describe(`${name}, as a segment store`, () => {
    it('has nothing at first', async (t) => {
      const store = (await checkpoint(t)).open();
      assert.deepEqual(await all(store), []);
      assert.equal(await store.read(1), undefined);
    });

    it('tells every process what was stored, in the order of numbers', async (t) => {
      const stored = await checkpoint(t);
      const store = stored.open();
      const segments = [10, 9, 11, 2, 100].map((seq) => sampleSegment(seq));
      for (const segment of segments) await store.create(segment);
      const ordered = segments.toSorted((a, b) => a.seq - b.seq);
      assert.deepEqual(await all(store), ordered);
      assert.deepEqual(await all(stored.open()), ordered);
      assert.deepEqual(await stored.open().read(9), sampleSegment(9));
    });

    it('gives back every field as it was', async (t) => {
      const stored = await checkpoint(t);
      const segment: Segment = {
        ...sampleSegment(12),
        type: 'Merge',
        from: 3,
        to: 8,
        after: 2,
        run: 11,
        part: 2,
        last: false,
        writer: 'ffffffffffff',
        header: sampleHeader({
          epoch: 7,
          clean: true,
          redeliverAt: 'é "quoted"\n',
          recipes: [{ z: 1, a: 9_007_199_254_740_993n.toString() }, null, 1.5, 'x'],
        }),
        records: 'u1\t["é😀","\\u0000"]\nu2\t-\n',
      };
      await stored.open().create(segment);
      assert.deepEqual(await all(stored.open()), [segment]);
    });

    it('stores a segment of the greatest size, and one without records', async (t) => {
      const stored = await checkpoint(t);
      const records = 'u\t["x"]\n'.repeat(25_000);
      const segments = [sampleSegment(1, { records }), sampleSegment(2, { records: '', type: 'Claim' })];
      for (const segment of segments) await stored.open().create(segment);
      assert.deepEqual(await all(stored.open()), segments);
    });

    it('refuses a number that is taken, and leaves what is there', async (t) => {
      const stored = await checkpoint(t);
      await stored.open().create(sampleSegment(1));
      const late = sampleSegment(1, { writer: 'b2' });
      await assert.rejects(stored.open().create(late), (error) => {
        assert.ok(error instanceof CheckpointFencedError);
        assert.equal(error.seq, 1);
        return true;
      });
      assert.deepEqual(await all(stored.open()), [sampleSegment(1)]);
    });

    it('lets one of many win who create the same number at once', async (t) => {
      const stored = await checkpoint(t);
      const writers = Array.from({ length: 8 }, (_, index) => sampleSegment(1, { writer: `w${index}` }));
      const results = await Promise.allSettled(writers.map((segment) => stored.open().create(segment)));
      const winners = writers.filter((_, index) => results[index]?.status === 'fulfilled');
      assert.deepEqual(await all(stored.open()), winners);
      assert.equal(winners.length, 1);
      for (const result of results) {
        assert.ok(result.status === 'fulfilled' || result.reason instanceof CheckpointFencedError);
      }
    });

    it('removes one, also one that is not there', async (t) => {
      const stored = await checkpoint(t);
      const store = stored.open();
      for (const seq of [1, 2]) await store.create(sampleSegment(seq));
      await store.remove(1);
      await store.remove(1);
      await stored.open().remove(77);
      assert.deepEqual(await all(stored.open()), [sampleSegment(2)]);
    });

    it('removes all, and begins anew', async (t) => {
      const stored = await checkpoint(t);
      const store = stored.open();
      await store.clear();
      for (const seq of [1, 2, 3]) await store.create(sampleSegment(seq));
      await store.clear();
      assert.deepEqual(await all(store), []);
      await store.create(sampleSegment(1));
      assert.deepEqual(await all(stored.open()), [sampleSegment(1)]);
    });

    it('keeps triggers apart', async (t) => {
      const stored = await checkpoint(t);
      await stored.open().create(sampleSegment(1));
      const other = stored.openOther();
      assert.deepEqual(await all(other), []);
      await other.create(sampleSegment(1, { writer: 'b2' }));
      await other.clear();
      assert.deepEqual(await all(stored.open()), [sampleSegment(1)]);
    });

    it('names a damaged segment, and tells the others', async (t) => {
      const stored = await checkpoint(t);
      for (const seq of [1, 2, 3]) await stored.open().create(sampleSegment(seq));
      await stored.damage(2);
      const damaged = { seq: 2, damaged: 'segment 2: the checksum does not match' };
      assert.deepEqual(await all(stored.open()), [sampleSegment(1), damaged, sampleSegment(3)]);
      assert.deepEqual(await stored.open().read(2), damaged);
      // Its number is taken all the same.
      await assert.rejects(stored.open().create(sampleSegment(2)), CheckpointFencedError);
      await stored.open().remove(2);
      assert.equal(await stored.open().read(2), undefined);
    });

    it('stops listing when asked to', async (t) => {
      const stored = await checkpoint(t);
      await stored.open().create(sampleSegment(1));
      const signal = AbortSignal.abort(new Error('enough'));
      await assert.rejects(Array.fromAsync(stored.open().list(signal)), /enough/);
    });
  });
}
