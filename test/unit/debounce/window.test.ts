import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { extend, releaseAtMs, type Window } from '../../../forwarder/debounce/window.ts';

const ROWS: readonly {
  reason: string;
  changesMs: readonly number[];
  quietMs: number;
  maxWaitMs: number;
  expected: number;
}[] = [
  {
    reason: 'a single change waits for quiet',
    changesMs: [1000],
    quietMs: 100,
    maxWaitMs: 2000,
    expected: 1100,
  },
  {
    reason: 'each change begins the quiet anew',
    changesMs: [0, 90, 180],
    quietMs: 100,
    maxWaitMs: 2000,
    expected: 280,
  },
  {
    reason: 'the longest wait bounds it',
    changesMs: [0, 90, 180, 240],
    quietMs: 100,
    maxWaitMs: 250,
    expected: 250,
  },
  { reason: 'quiet 0 releases with the change', changesMs: [7], quietMs: 0, maxWaitMs: 2000, expected: 7 },
  {
    reason: 'equal limits are one fixed window',
    changesMs: [0, 99],
    quietMs: 100,
    maxWaitMs: 100,
    expected: 100,
  },
  { reason: 'a longest wait below quiet wins', changesMs: [5], quietMs: 100, maxWaitMs: 50, expected: 55 },
];

describe('releaseAtMs', () => {
  for (const { reason, changesMs, quietMs, maxWaitMs, expected } of ROWS) {
    it(reason, () => {
      let window: Window | undefined;
      for (const nowMs of changesMs) window = extend(window, nowMs);
      assert.equal(releaseAtMs(window ?? assert.fail(), { quietMs, maxWaitMs }), expected);
    });
  }
});
