/** Bursts collapse, nothing is sent twice, and never two calls at a time for one object. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually, quietFor } from '../support/eventually.ts';
import { startBench } from '../support/widgets.ts';

describe('a burst of edits', () => {
  it('of 100 within a second makes at most 2 invocations, the last with the newest state', async (t) => {
    const bench = await startBench(t);
    await bench.trigger({ spec: { debounce: { quiet: '500ms', maxWait: '2s' } } });
    await bench.widgets({ name: 'hot', spec: { size: 0 } });
    await eventually('created', () => bench.host.calls.length === 1);
    const startMs = performance.now();
    await bench.editFast('hot', 100);
    const tookMs = performance.now() - startMs;
    await eventually('the newest state', () =>
      bench.host.calls.some(({ data }) => sizeOf(data.object) === 100),
    );
    await quietFor(800);
    const updates = bench.host.calls.slice(1);
    // A machine that took longer for its edits may have left gaps between them.
    const most = tookMs <= 1000 ? 2 : 1 + Math.ceil(tookMs / 500);
    assert.ok(updates.length <= most, `${updates.length} invocations for edits of ${tookMs} ms`);
    assert.equal(sizeOf(updates.at(-1)?.data.object), 100);
    assert.equal(bench.host.overlap, 1);
  });
});

describe('1,000 objects', () => {
  it('are each invoked exactly once, never two at a time for one of them', async (t) => {
    const bench = await startBench(t);
    await bench.trigger({ spec: { delivery: { concurrency: 50 } } });
    const names = Array.from({ length: 1000 }, (_, index) => `w-${index}`);
    await bench.createMany(names);
    await eventually('all', () => bench.host.calls.length >= 1000, { withinMs: 60_000 });
    await quietFor(1000);
    assert.equal(bench.host.calls.length, 1000);
    assert.equal(new Set(bench.host.calls.map(({ id }) => id)).size, 1000);
    assert.equal(bench.host.overlap, 1);
  });
});

function sizeOf(object: unknown): number | undefined {
  return (object as { spec?: { size?: number } } | undefined)?.spec?.size;
}
