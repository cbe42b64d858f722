import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { Turns } from '../../../forwarder/queue/turns.ts';
import { systemClock } from '../../../forwarder/lib/clock.ts';

/** A trigger with so much to do, which notes each start. */
class Load {
  readonly name: string;
  left: number;
  readonly #started: string[];

  constructor(name: string, left: number, started: string[]) {
    this.name = name;
    this.left = left;
    this.#started = started;
  }

  hasWork(): boolean {
    return this.left > 0;
  }

  start(): boolean {
    this.left--;
    this.#started.push(this.name);
    return true;
  }
}

/** Turns of an event loop that the test owns: `next` is one turn. */
function setUp({ budget = 64 } = {}): { turns: Turns; next: () => Promise<void>; pending: () => number } {
  let later: (() => void)[] = [];
  const turns = new Turns({ clock: { soon: (action) => void later.push(action) }, budget });
  const next = async (): Promise<void> => {
    const now = later;
    later = [];
    for (const action of now) action();
    await microtasks();
  };
  return { turns, next, pending: () => later.length };
}

async function microtasks(): Promise<void> {
  for (let count = 0; count < 10; count++) await Promise.resolve();
}

describe('Turns', () => {
  it('answers a wake in the same turn of the event loop, when the code that caused it is through', async () => {
    const { turns } = setUp();
    const started: string[] = [];
    const turn = turns.register(new Load('a', 1, started));
    turn.wake();
    assert.deepEqual(started, []);
    await microtasks();
    assert.deepEqual(started, ['a']);
  });

  it('gives each trigger one start a round', async () => {
    const { turns } = setUp();
    const started: string[] = [];
    for (const [name, left] of [
      ['a', 4],
      ['b', 2],
      ['c', 1],
    ] as const) {
      turns.register(new Load(name, left, started)).wake();
    }
    await microtasks();
    assert.equal(started.join(''), 'abcabaa');
  });

  it('gives a trigger no more for waking more often', async () => {
    const { turns } = setUp();
    const started: string[] = [];
    const eager = turns.register(new Load('a', 3, started));
    for (let wake = 0; wake < 5; wake++) eager.wake();
    turns.register(new Load('b', 3, started)).wake();
    await microtasks();
    assert.equal(started.join(''), 'ababab');
  });

  it('starts no more than the budget in one turn, and goes on in the next', async () => {
    const { turns, next, pending } = setUp({ budget: 10 });
    const started: string[] = [];
    turns.register(new Load('a', 25, started)).wake();
    await microtasks();
    assert.equal(started.length, 10);
    await next();
    assert.equal(started.length, 20);
    await next();
    assert.equal(started.length, 25);
    await next();
    assert.equal(pending(), 0);
  });

  it('shares one budget between all wakes of a turn', async () => {
    const { turns, next } = setUp({ budget: 10 });
    const started: string[] = [];
    const load = new Load('a', 0, started);
    const turn = turns.register(load);
    for (let wake = 0; wake < 30; wake++) {
      load.left++;
      turn.wake();
      await microtasks();
    }
    assert.equal(started.length, 10);
    await next();
    assert.equal(started.length, 20);
  });

  it('lets a trigger that wakes later in between the starts of a flood', async () => {
    const { turns, next } = setUp({ budget: 10 });
    const started: string[] = [];
    turns.register(new Load('flood', 1000, started)).wake();
    await microtasks();
    turns.register(new Load('small', 1, started)).wake();
    await next();
    assert.ok(started.indexOf('small') <= 11);
  });

  it('does not ask again a trigger that cannot start, until it is woken', async () => {
    const { turns, next } = setUp();
    let asked = 0;
    let open = false;
    const turn = turns.register({
      hasWork: () => true,
      start: () => {
        asked++;
        return open && asked < 5;
      },
    });
    turn.wake();
    await microtasks();
    await next();
    assert.equal(asked, 1);
    open = true;
    turn.wake();
    await microtasks();
    assert.equal(asked, 5);
  });

  it('hears a wake that comes while the trigger starts', async () => {
    const { turns } = setUp();
    const started: number[] = [];
    const turn = turns.register({
      hasWork: () => started.length < 2,
      start: () => {
        started.push(started.length);
        turn.wake();
        return false;
      },
    });
    turn.wake();
    await microtasks();
    assert.deepEqual(started, [0, 1]);
  });

  it('spares the event loop a trigger that wakes itself and never starts', async () => {
    const { turns } = setUp({ budget: 10 });
    let asked = 0;
    const turn = turns.register({
      hasWork: () => true,
      start: () => {
        asked++;
        turn.wake();
        return false;
      },
    });
    turn.wake();
    await microtasks();
    assert.equal(asked, 10);
    turn.unregister();
  });

  it('starts nothing for a trigger that is gone', async () => {
    const { turns } = setUp();
    const started: string[] = [];
    const turn = turns.register(new Load('a', 5, started));
    turn.wake();
    turn.unregister();
    turn.wake();
    await microtasks();
    assert.deepEqual(started, []);
  });

  it('lets I/O callbacks run in between on the real event loop', async () => {
    const turns = new Turns({ clock: systemClock, budget: 5 });
    const started: string[] = [];
    const seen: number[] = [];
    const load = new Load('flood', 100, started);
    turns.register(load).wake();
    while (load.left > 0) {
      await new Promise((resolve) => void setImmediate(resolve));
      seen.push(started.length);
    }
    assert.ok(seen.length >= 19, `the loop turned ${seen.length} times`);
  });
});

describe('Turns, whatever the loads', () => {
  it('keeps any two triggers that have work within one start of each other, and starts everything', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 8, size: 'max' }),
        fc.integer({ min: 1, max: 20 }),
        async (loads, budget) => {
          const { turns, next, pending } = setUp({ budget });
          const started: string[] = [];
          const all = loads.map((left, index) => new Load(`t${index}`, left, started));
          for (const load of all) turns.register(load).wake();
          await microtasks();
          let before = 0;
          for (;;) {
            assert.ok(started.length - before <= budget, 'more than the budget in one turn');
            before = started.length;
            if (pending() === 0) break;
            await next();
          }
          assert.ok(all.every(({ left }) => left === 0));
          const counts = new Map(all.map(({ name }) => [name, 0]));
          const total = new Map(all.map(({ name }, index) => [name, loads[index] ?? 0]));
          for (const name of started) {
            counts.set(name, (counts.get(name) ?? 0) + 1);
            const busy = [...counts].filter(([other, count]) => count < (total.get(other) ?? 0));
            for (const [, count] of busy) assert.ok((counts.get(name) ?? 0) - count <= 1, 'one got ahead');
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});
