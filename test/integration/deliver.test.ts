/** What is sent when: the plain path through the whole forwarder. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually, quietFor } from '../support/eventually.ts';
import { startBench } from '../support/widgets.ts';

describe('the forwarder', () => {
  it('sends created, updated and deleted, each once', async (t) => {
    const bench = await startBench(t);
    await bench.trigger();
    await bench.widgets({ name: 'one', spec: { size: 1 } });
    await eventually('created', () => bench.host.calls.length === 1);
    await bench.patch('one', { spec: { size: 2 } });
    await eventually('updated', () => bench.host.calls.length === 2);
    await bench.remove('one');
    await eventually('deleted', () => bench.host.calls.length === 3);
    await quietFor(300);
    assert.deepEqual(
      bench.host.calls.map(({ type }) => type),
      ['created', 'updated', 'deleted'],
    );
  });
});
