import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { Fifo } from '../../../forwarder/lib/fifo.ts';

describe('Fifo, whatever the order of calls', () => {
  const call = fc.oneof(
    { weight: 3, arbitrary: fc.record({ do: fc.constant('push' as const), times: fc.nat(3000) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('shift' as const), times: fc.nat(3000) }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant('retain' as const), times: fc.integer({ min: 2, max: 5 }) }),
    },
  );

  it('is an array', () => {
    fc.assert(
      fc.property(fc.array(call, { maxLength: 12, size: 'max' }), (calls) => {
        const fifo = new Fifo<number>();
        let model: number[] = [];
        let next = 0;
        for (const { do: action, times } of calls) {
          if (action === 'retain') {
            fifo.retain((item) => item % times !== 0);
            model = model.filter((item) => item % times !== 0);
          } else if (action === 'push') {
            for (const item of Array.from({ length: times }, () => next++)) {
              fifo.push(item);
              model.push(item);
            }
          } else {
            for (let time = 0; time < times; time++) assert.equal(fifo.shift(), model.shift());
          }
          assert.equal(fifo.length, model.length);
        }
        while (model.length > 0) assert.equal(fifo.shift(), model.shift());
        assert.equal(fifo.shift(), undefined);
      }),
      { numRuns: 50 },
    );
  });
});
