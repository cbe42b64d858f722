import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, it } from 'node:test';
import { Slots } from '../../../forwarder/lib/slots.ts';

/** Work that begins when it gets a slot and ends when it is told to. */
function jobs(slots: Slots): {
  readonly running: string[];
  readonly start: (name: string, signal?: AbortSignal) => Promise<string>;
  readonly end: (name: string) => Promise<void>;
} {
  const running: string[] = [];
  const ends = new Map<string, () => void>();
  const work = (name: string) => (): Promise<string> => {
    running.push(name);
    return new Promise((resolve) => ends.set(name, () => resolve(name)));
  };
  return {
    running,
    start: (name, signal) => slots.run(work(name), signal),
    end: async (name) => {
      running.splice(running.indexOf(name), 1);
      ends.get(name)?.();
      for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    },
  };
}

describe('slots', () => {
  it('are given in the order of asking, as many as there are', async () => {
    const { running, start, end } = jobs(new Slots(2));
    for (const name of ['a', 'b', 'c', 'd']) void start(name);
    await Promise.resolve();
    assert.deepEqual(running, ['a', 'b']);
    await end('b');
    assert.deepEqual(running, ['a', 'c']);
    await end('a');
    assert.deepEqual(running, ['c', 'd']);
  });

  it('come back from work that fails', async () => {
    const slots = new Slots(1);
    await assert.rejects(
      slots.run(() => Promise.reject(new Error('broken'))),
      /broken/,
    );
    assert.equal(await slots.run(async () => 'next'), 'next');
  });

  it('are not waited for any longer than the signal allows, and others move up', async () => {
    const { running, start, end } = jobs(new Slots(1));
    const stop = new AbortController();
    void start('a');
    const given = [start('b', stop.signal), start('c', stop.signal)];
    void start('d');
    const refused = Promise.all(given.map((one) => assert.rejects(one, /stopped/)));
    stop.abort(new Error('stopped'));
    await refused;
    await assert.rejects(start('e', stop.signal), /stopped/);
    await end('a');
    assert.deepEqual(running, ['d']);
  });

  it('take one listener of a signal, however many wait under it, and none when nobody does', async () => {
    const { start, end } = jobs(new Slots(1));
    const { signal } = new AbortController();
    void start('a', signal);
    void start('b', signal);
    void start('c', signal);
    await Promise.resolve();
    assert.equal(getEventListeners(signal, 'abort').length, 1);
    await end('a');
    assert.equal(getEventListeners(signal, 'abort').length, 1);
    await end('b');
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });

  it('can be held and given back once, however often that is said', async () => {
    const slots = new Slots(1);
    const giveBack = await slots.take();
    const { running, start } = jobs(slots);
    void start('a');
    void start('b');
    await Promise.resolve();
    assert.deepEqual(running, []);
    giveBack();
    giveBack();
    await new Promise(setImmediate);
    assert.deepEqual(running, ['a']);
  });
});
