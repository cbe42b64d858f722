import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { goDurationMs } from '../../../functions/sdk/go-duration.ts';

describe('goDurationMs', () => {
  for (const [text, ms] of [
    ['10s', 10_000],
    ['1m30s', 90_000],
    ['1.5h', 5_400_000],
    ['29s999ms', 29_999],
    ['250ms', 250],
    ['30', 30_000],
    ['0s', undefined],
    ['0', undefined],
    ['', undefined],
    ['soon', undefined],
    ['-1s', undefined],
    [undefined, undefined],
  ] as const) {
    it(`reads ${JSON.stringify(text)} as ${ms ?? 'no limit'}`, () => {
      assert.equal(goDurationMs(text), ms);
    });
  }

  it('takes no header that came twice', () => {
    assert.equal(goDurationMs(['1s', '2s']), undefined);
  });
});
