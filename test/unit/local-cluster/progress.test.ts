import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import {
  type BuildSoFar,
  estimateLeftMs,
  type ProgressEvent,
  progressLine,
} from '../../../local-cluster/progress.ts';
import { renderProgress } from '../../../local-cluster/render-progress.ts';

const atStart: BuildSoFar = {
  done: [],
  current: { estimateMs: 100_000, elapsedMs: 0 },
  rest: [50_000],
  cores: 2,
};

describe('estimateLeftMs', () => {
  for (const { reason, given, expected } of [
    { reason: 'is what was measured, on two cores', given: atStart, expected: 150_000 },
    { reason: 'is half of it on four cores', given: { ...atStart, cores: 4 }, expected: 75_000 },
    {
      reason: 'falls while the first step runs',
      given: { ...atStart, current: { estimateMs: 100_000, elapsedMs: 40_000 } },
      expected: 110_000,
    },
    {
      reason: 'follows the pace of what is done, whatever the cores',
      given: { ...atStart, cores: 64, done: [{ estimateMs: 10_000, tookMs: 20_000 }] },
      expected: 300_000,
    },
    {
      reason: 'grows again where a step outruns its estimate',
      given: { ...atStart, current: { estimateMs: 100_000, elapsedMs: 200_000 } },
      expected: 70_000,
    },
  ]) {
    it(reason, () => assert.equal(estimateLeftMs(given), expected));
  }

  it('is never negative and never less than what comes after', () => {
    const ms = fc.nat(1_000_000);
    const build = fc.record({
      done: fc.array(fc.record({ estimateMs: ms, tookMs: ms })),
      current: fc.record({ estimateMs: ms, elapsedMs: ms }),
      rest: fc.array(ms),
      cores: fc.integer({ min: 1, max: 64 }),
    });
    fc.assert(
      fc.property(build, (soFar) => {
        const left = estimateLeftMs(soFar);
        assert.ok(left >= 0);
        assert.ok(left + 1 >= estimateLeftMs({ ...soFar, current: { estimateMs: 0, elapsedMs: 0 } }));
      }),
    );
  });
});

const building: ProgressEvent = {
  kind: 'building',
  name: 'etcd',
  index: 2,
  total: 7,
  elapsedMs: 245_400,
  leftMs: 171_000,
  diskBytes: 425e6,
  goCacheBytes: 4.8e9,
  folder: '/cache',
};

describe('progressLine', () => {
  it('tells what is built, how long is left and the disk it takes', () => {
    assert.equal(
      progressLine(building),
      "building etcd (2 of 7), 4:05 elapsed, about 3 min left; takes 425 MB in /cache, up to 4.8 GB in Go's caches",
    );
  });

  it('names the process that is waited for', () => {
    const line = progressLine({ kind: 'waiting', pid: 42, folder: '/cache', elapsedMs: 61_000 });
    assert.equal(line, 'waiting for process 42, which builds the control plane in /cache, 1:01 elapsed');
  });
});

describe('renderProgress', () => {
  const events: readonly ProgressEvent[] = [
    building,
    { ...building, elapsedMs: 246_000 },
    { ...building, kind: 'built' },
    { ...building, name: 'kubectl', index: 3 },
  ];
  const rendered = (isTTY: boolean): string => {
    let text = '';
    const show = renderProgress({ isTTY, columns: 40, write: (more) => (text += more) });
    for (const event of events) show(event);
    return text;
  };

  it('writes one line for each change into a pipe', () => {
    const lines = rendered(false).trimEnd().split('\n');
    assert.deepEqual(
      lines.map((line) => line.split(' (')[0]),
      ['building etcd', 'built etcd', 'building kubectl'],
    );
  });

  it('overwrites its line on a terminal, and never lets it wrap', () => {
    const lines = rendered(true).split('\r\u001B[2K').slice(1);
    assert.equal(lines.length, events.length);
    assert.ok(lines.every((line) => line.trimEnd().length < 40));
    assert.deepEqual(
      lines.map((line) => line.endsWith('\n')),
      [false, false, true, false],
    );
  });
});
