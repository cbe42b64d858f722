import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CheckpointFencedError } from '../../../forwarder/checkpoint/fenced-error.ts';
import { MemorySegmentStore } from '../../../forwarder/checkpoint/memory-segment-store.ts';
import { jsonBytes } from '../../../forwarder/checkpoint/record-lines.ts';
import type { Segment } from '../../../forwarder/checkpoint/segment.ts';
import { ApiError } from '../../../forwarder/lib/errors.ts';
import { sampleHeader } from '../../support/segments.ts';
import { append, claimed, writer } from '../../support/checkpoint-writer.ts';

/** Fails the next write of a kind of segment once its effect is there: the answer is lost. */
function loseAnswer(store: MemorySegmentStore, isMeant: (segment: Segment) => boolean): void {
  const create = store.create.bind(store);
  store.create = async (segment) => {
    await create(segment);
    if (!isMeant(segment)) return;
    store.create = create;
    throw new ApiError('API_UNAVAILABLE', 'no answer within 30,000 ms');
  };
}

describe('CheckpointLog', () => {
  it('has nothing at first', async () => {
    const { log } = writer(new MemorySegmentStore());
    const { header, records, damaged } = await log.load();
    assert.deepEqual({ header, records, damaged }, { header: undefined, records: new Map(), damaged: [] });
  });

  it('gives each process an epoch of its own, greater than all before', async () => {
    const store = new MemorySegmentStore();
    for (const expected of [1, 2, 3]) {
      const { log } = writer(store);
      const { epoch } = await log.claim(() => sampleHeader({ epoch: 99 }));
      assert.equal(epoch, expected);
      await log.append(sampleHeader({ epoch: 98 }), []);
      assert.equal((await writer(store).log.load()).header?.epoch, expected);
    }
  });

  it('takes no append before it is claimed', async () => {
    const { log } = writer(new MemorySegmentStore());
    await assert.rejects(log.append(sampleHeader(), []), /must be claimed/);
  });

  it('loads again where another process appends between load and claim', async () => {
    const store = new MemorySegmentStore();
    const old = await claimed(store);
    const next = writer(store);
    assert.equal((await next.log.load()).records.size, 0);
    await append(old, { a: '["late"]' });
    const { records, epoch } = await next.log.claim(({ header }) => header ?? sampleHeader());
    assert.deepEqual([...records], [['a', '["late"]']]);
    assert.equal(epoch, 2);
    await assert.rejects(append(old, { a: '["zombie"]' }), CheckpointFencedError);
  });

  it('gives up claiming where another process never stops appending', async () => {
    const store = new MemorySegmentStore();
    const other = await claimed(store);
    const create = store.create.bind(store);
    let claims = 0;
    store.create = async (segment) => {
      if (segment.type === 'Claim') {
        claims += 1;
        await append(other, { a: '["again"]' });
      }
      await create(segment);
    };
    const claim = writer(store).log.claim(() => sampleHeader());
    await assert.rejects(claim, CheckpointFencedError);
    assert.equal(claims, 5);
  });

  it('goes on where the answer to an append was lost', async () => {
    const store = new MemorySegmentStore();
    const process = await claimed(store);
    loseAnswer(store, ({ type }) => type === 'Append');
    await assert.rejects(append(process, { a: '["one"]' }), ApiError);
    await append(process, { a: '["one"]' });
    assert.deepEqual([...(await writer(store).log.load()).records], [['a', '["one"]']]);
  });

  it('never takes a segment of another process for its own, even with the same content', async () => {
    const store = new MemorySegmentStore();
    const one = writer(store);
    const other = writer(store);
    await Promise.all([one.log.load(), other.log.load()]);
    const claims = [one, other].map(({ log }) => log.claim(() => sampleHeader()));
    const epochs = (await Promise.all(claims)).map(({ epoch }) => epoch);
    assert.deepEqual(new Set(epochs), new Set([1, 2]));
  });

  it('refuses a process that slept while its successor merged everything', async () => {
    const store = new MemorySegmentStore();
    const zombie = await claimed(store);
    await append(zombie, { a: '["before"]' });
    const successor = await claimed(store, { spareLines: 4 });
    for (let count = 0; count < 100; count++) await append(successor, { a: `["${count}"]` });
    await successor.log.idle();
    await assert.rejects(append(zombie, { a: '["zombie"]' }), CheckpointFencedError);
    assert.deepEqual([...(await writer(store).log.load()).records], [['a', '["99"]']]);
  });

  it('keeps a merge whose answer was lost: a process that takes over relies on it', async () => {
    const store = new MemorySegmentStore();
    const zombie = await claimed(store);
    loseAnswer(store, ({ type }) => type === 'Merge');
    for (let count = 0; count < 7; count++) await append(zombie, { [`u${count}`]: '["x"]' });
    await zombie.log.idle();
    const successor = await claimed(store);
    // Removes what the merge stands for.
    await append(successor, { new: '["x"]' });
    await successor.log.idle();
    // Finds that its merge is there, and that it is not asked any more.
    await assert.rejects(append(zombie, { zombie: '["x"]' }), CheckpointFencedError);
    await zombie.log.idle();
    const { records, damaged } = await writer(store).log.load();
    assert.deepEqual(damaged, []);
    assert.deepEqual([...records.keys()].toSorted(), ['new', 'u0', 'u1', 'u2', 'u3', 'u4', 'u5', 'u6']);
  });

  it('tells of a new header only when all that it vouches for is stored', async () => {
    const store = new MemorySegmentStore();
    const process = await claimed(store, { maxSegmentBytes: 8192 });
    await process.log.append(sampleHeader({ completeUpTo: 'old' }), []);
    const uids = Array.from({ length: 500 }, (_, index) => `uid-${index}`);
    for (const uid of uids) process.lines.set(uid, JSON.stringify({ of: uid }));
    const seen: (string | undefined)[] = [];
    const create = store.create.bind(store);
    store.create = async (segment) => {
      await create(segment);
      const { header, records } = await writer(store).log.load();
      seen.push(header?.completeUpTo);
      assert.equal(header?.completeUpTo === 'new', records.size === uids.length);
    };
    await process.log.append(sampleHeader({ completeUpTo: 'new' }), uids);
    assert.ok(seen.length > 3);
    assert.deepEqual(new Set(seen.slice(0, -1)), new Set(['old']));
    assert.equal(seen.at(-1), 'new');
  });

  it('makes no segment larger than allowed, whatever has to be escaped', async () => {
    const store = new MemorySegmentStore();
    const maxSegmentBytes = 16_384;
    const process = await claimed(store, { maxSegmentBytes });
    const line = JSON.stringify(['é"\u0001\\', 'name']);
    const uids = Array.from({ length: 2000 }, (_, index) => `uid-${index}`);
    for (const uid of uids) process.lines.set(uid, line);
    await process.log.append(sampleHeader(), uids);
    const sizes = [...store.documents.values()].map((one) => Buffer.byteLength(JSON.stringify(one)));
    assert.ok(Math.max(...sizes) <= maxSegmentBytes, `${Math.max(...sizes)}`);
    assert.ok(sizes.length > 5 && sizes.length < 2 * ((2000 * (jsonBytes(line) + 12)) / maxSegmentBytes));
  });

  it('counts what is stored', async () => {
    const store = new MemorySegmentStore();
    const process = await claimed(store, { spareLines: 10 });
    for (let count = 0; count < 200; count++) {
      await append(process, { [`u${count % 7}`]: `["${count}"]` });
    }
    await process.log.idle();
    const documents = [...store.documents.values()];
    const { segments, storedBytes, storedLines, writtenBytes } = process.log.stats;
    assert.equal(segments, documents.length);
    assert.equal(
      storedLines,
      documents.reduce((sum, { count }) => sum + count, 0),
    );
    const bytes = documents.reduce((sum, one) => sum + Buffer.byteLength(JSON.stringify(one)), 0);
    assert.ok(Math.abs(storedBytes / bytes - 1) < 0.3, `${storedBytes} for ${bytes}`);
    assert.ok(writtenBytes > storedBytes);
  });

  it('writes each line O(log n) times, and keeps few segments', async () => {
    const rewrites: number[] = [];
    for (const count of [500, 4000]) {
      const store = new MemorySegmentStore();
      const process = await claimed(store, { liveCount: () => 1e6 });
      let written = 0;
      const create = store.create.bind(store);
      store.create = async (segment) => {
        written += segment.records.split('\n').length - 1;
        await create(segment);
      };
      for (let index = 0; index < count; index++) await append(process, { [`u${index}`]: '["x"]' });
      await process.log.idle();
      assert.ok(process.log.stats.segments < 40, `${process.log.stats.segments}`);
      rewrites.push(written / count);
    }
    const [few = 0, many = 0] = rewrites;
    // Eight times as many is one tier more.
    assert.ok(few < 5 && many - few < 1.5, rewrites.join(' '));
  });
});
