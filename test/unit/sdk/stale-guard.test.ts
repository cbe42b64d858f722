import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as z from 'zod';
import { customResource } from '../../../functions/sdk/custom-resource.ts';
import { defineFunction, type StatewireFunction } from '../../../functions/sdk/define-function.ts';
import { run, type RunOptions } from '../../../functions/sdk/run.ts';
import { functionEvent, widget, type EventSketch } from '../../support/function-events.ts';

const Widget = customResource({
  group: 'example.com',
  version: 'v1',
  kind: 'Widget',
  spec: z.object({ size: z.number() }),
});
const quiet: RunOptions = { writeLog: () => undefined };

/** A function that remembers which sizes it was called for, and fails for size 0. */
function counting(): { fn: StatewireFunction; sizes: number[] } {
  const sizes: number[] = [];
  const seen = (size: number | undefined): void => {
    if (size === 0) throw new Error('boom');
    sizes.push(size ?? -1);
  };
  const fn = defineFunction(Widget, {
    created: ({ object }) => seen(object.spec.size),
    updated: ({ object }) => seen(object.spec.size),
    deleted: ({ object }) => seen(object.spec?.size),
  });
  return { fn, sizes };
}

/** The state of version `size`, sent at a second of its own. */
function state(size: number, sentS: number, sketch: EventSketch = {}) {
  return functionEvent({
    type: 'Updated',
    object: widget({ size }),
    ...sketch,
    attributes: {
      sequence: String(size).padStart(20, '0'),
      statewiredeadline: new Date(Date.UTC(2026, 0, 1, 0, 0, sentS)).toISOString(),
      ...sketch.attributes,
    },
  });
}

describe('a late event', () => {
  it('is done without a call where a newer state was handled that was sent after it', async () => {
    const { fn, sizes } = counting();
    for (const event of [state(2, 20), state(1, 10)]) {
      assert.equal((await run(fn, event, {}, quiet)).result.error, undefined);
    }
    assert.deepEqual(sizes, [2]);
  });

  it('is handled where the newer state was not handled', async () => {
    const { fn, sizes } = counting();
    const failing = { ...state(2, 20), data: { ...state(2, 20).data, object: widget({ size: 0 }) } };
    for (const event of [failing, state(1, 10)]) await run(fn, event, {}, quiet);
    assert.deepEqual(sizes, [1]);
  });

  it('is handled where it was sent later: versions go back when a backup is restored', async () => {
    const { fn, sizes } = counting();
    for (const event of [state(2, 20), state(1, 30)]) await run(fn, event, {}, quiet);
    assert.deepEqual(sizes, [2, 1]);
  });

  it('is handled where it is a deletion', async () => {
    const { fn, sizes } = counting();
    for (const event of [state(2, 20), state(1, 10, { type: 'Deleted' })]) await run(fn, event, {}, quiet);
    assert.deepEqual(sizes, [2, 1]);
  });

  it('is handled for another object, and for another trigger', async () => {
    const { fn, sizes } = counting();
    const other = widget({ size: 1 }, { metadata: { name: 'b', uid: 'uid-2' } });
    await run(fn, state(2, 20), {}, quiet);
    await run(fn, state(1, 10, { object: other }), {}, quiet);
    await run(fn, state(1, 10, { attributes: { source: 'statewire://cluster-1/demo/others' } }), {}, quiet);
    assert.deepEqual(sizes, [2, 1, 1]);
  });

  it('is handled again where it is the same state', async () => {
    const { fn, sizes } = counting();
    for (const event of [state(2, 20), state(2, 10)]) await run(fn, event, {}, quiet);
    assert.deepEqual(sizes, [2, 2]);
  });

  it('is handled where it does not say how old it is, or the author wants it', async () => {
    const { fn, sizes } = counting();
    const { sequence: _, ...plain } = state(1, 10);
    await run(fn, state(2, 20), {}, quiet);
    await run(fn, plain, {}, quiet);
    await run(fn, state(1, 10), {}, { ...quiet, skipStale: false });
    assert.deepEqual(sizes, [2, 1, 1]);
  });

  it('is compared by number, whatever the length', async () => {
    const { fn, sizes } = counting();
    await run(fn, state(10, 20, { attributes: { sequence: '10' } }), {}, quiet);
    await run(fn, state(9, 10, { attributes: { sequence: '9' } }), {}, quiet);
    assert.deepEqual(sizes, [10]);
  });

  it('is handled once its object was forgotten, after ten thousand others', async () => {
    const { fn, sizes } = counting();
    await run(fn, state(2, 20), {}, quiet);
    for (let n = 0; n < 10_000; n++) {
      await run(
        fn,
        state(3, 20, { object: widget({ size: 3 }, { metadata: { name: 'n', uid: `n-${n}` } }) }),
        {},
        quiet,
      );
    }
    await run(fn, state(1, 10), {}, quiet);
    assert.equal(sizes.at(-1), 1);
  });
});
