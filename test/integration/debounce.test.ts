/** Waiting until a change has settled, and objects that never do. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually, quietFor } from '../support/eventually.ts';
import type { Call } from '../support/function-host.ts';
import { result, useStage } from '../support/stage.ts';

const sizeOf = ({ data }: Call): unknown => (data.object as { spec?: { size?: number } }).spec?.size;

describe('A change that settles', () => {
  const stage = useStage();

  /** Edits the size again and again, until that holds or 500 times; returns how often. */
  const editUntil = async (name: string, holds: (size: number) => boolean): Promise<number> => {
    let size = 0;
    do {
      await stage.merge(name, { spec: { size: ++size } });
      await quietFor(20);
    } while (size < 500 && !holds(size));
    return size;
  };

  it('is sent once after quiet, with the newest state', async (t) => {
    const scene = await stage.scene(t, { spec: { debounce: { quiet: '700ms', maxWait: '60s' } } });
    const { metadata } = await stage.create('one', { spec: { size: 0 } });
    await scene.calls('one', 1);
    const last = await editUntil('one', (size) => size === 80);
    await scene.calls('one', 2);
    await quietFor(900);
    assert.deepEqual(scene.of('one').map(sizeOf), [0, last]);
    assert.match(scene.of('one')[1]?.id ?? '', new RegExp(`^${metadata.uid}:g`));
    assert.ok((await scene.metric('statewire_coalesced_total')) > 10);
  });

  it('is sent after maxWait at the latest while it goes on, and no more often than that', async (t) => {
    const scene = await stage.scene(t, { spec: { debounce: { quiet: '500ms', maxWait: '600ms' } } });
    await stage.create('one', { spec: { size: 0 } });
    await scene.calls('one', 1);
    const last = await editUntil('one', () => scene.of('one').length > 3);
    assert.ok(scene.of('one').length > 3, 'it is sent while it goes on');
    const coalesced = await scene.metric('statewire_coalesced_total');
    assert.ok(coalesced > 3, `${coalesced} of ${last} edits went with another one`);
    await eventually('the newest', () => scene.of('one').map(sizeOf).at(-1) === last);
  });

  it('is sent at once where nothing is to be waited for', async (t) => {
    const scene = await stage.scene(t, { spec: { debounce: { quiet: '0s', maxWait: '0s' } } });
    await stage.create('one', { spec: { size: 0 } });
    await scene.calls('one', 1);
    await stage.merge('one', { spec: { size: 1 } });
    await scene.calls('one', 2);
  });

  it('does not hold up a deletion', async (t) => {
    const scene = await stage.scene(t, { spec: { debounce: { quiet: '50s', maxWait: '60s' } } });
    await stage.create('slow');
    const quick = await stage.scene(t);
    await quick.calls('slow', 1);
    await stage.remove('slow');
    await quick.calls('slow', 2);
    await quietFor(100);
    assert.deepEqual(scene.types('slow'), [], 'never sent: nobody needs to hear that it is gone');

    await stage.create('known', { spec: { size: 1 } });
    await scene.apply({ spec: { debounce: { quiet: '0s', maxWait: '0s' } } });
    await scene.calls('known', 1);
    await scene.apply({ spec: { debounce: { quiet: '50s', maxWait: '60s' } } });
    await scene.taken();
    await stage.merge('known', { spec: { size: 2 } });
    await stage.remove('known');
    await scene.calls('known', 2);
    assert.deepEqual(scene.types('known'), ['created', 'deleted']);
  });
});

describe('An object that never settles', () => {
  const stage = useStage();

  it('is slowed beyond its burst, alone, and its newest state is kept', async (t) => {
    const scene = await stage.scene(t, {
      spec: {
        debounce: { quiet: '0s', maxWait: '0s' },
        delivery: { perObject: { burst: 3, every: '3s' } },
      },
    });
    await stage.create('storm', { spec: { size: 0 } });
    await scene.calls('storm', 1);
    for (let size = 1; size <= 10; size++) {
      await stage.merge('storm', { spec: { size } });
      await quietFor(50);
    }
    assert.equal(scene.of('storm').length, 3);
    await stage.create('calm', { spec: { size: 0 } });
    await scene.calls('calm', 1);
    assert.equal(scene.of('storm').length, 3, 'others do not wait for it');
    await scene.calls('storm', 4);
    assert.equal(sizeOf(scene.of('storm').at(-1) as Call), 10);
    await quietFor(500);
    assert.equal(scene.of('storm').length, 4);
    assert.ok((await scene.metric('statewire_storm_delays_total')) >= 1);
  });

  it('is slowed as well where two triggers fire each other by their status', async (t) => {
    let count = 0;
    const spec = { changes: ['Any'], delivery: { perObject: { burst: 2, every: '60s' } } };
    const answer = () => result({ status: { count: ++count } });
    const one = await stage.scene(t, { spec, answer });
    const two = await stage.scene(t, { spec, answer: () => result({ status: { phase: `p${++count}` } }) });
    await stage.create('pingpong');
    await one.calls('pingpong', 2);
    await two.calls('pingpong', 2);
    await quietFor(500);
    assert.equal(one.of('pingpong').length, 2);
    assert.equal(two.of('pingpong').length, 2);
  });

  it('may be woken by its function as often as that asks', async (t) => {
    let left = 5;
    const scene = await stage.scene(t, {
      spec: { delivery: { perObject: { burst: 1, every: '60s' } } },
      answer: () => (left-- > 0 ? result({ requeueAfter: '100ms' }) : {}),
    });
    await stage.create('poll');
    await scene.calls('poll', 6);
  });
});
