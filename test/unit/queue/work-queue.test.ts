import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { BACKGROUND_EVERY, type Priority, WorkQueue } from '../../../forwarder/queue/work-queue.ts';
import { objectKey, type ObjectKey } from '../../../forwarder/model/kube-object.ts';

const A = objectKey('a');
const B = objectKey('b');
const C = objectKey('c');

/** Takes and finishes everything that waits. */
function drain(queue: WorkQueue): ObjectKey[] {
  const taken: ObjectKey[] = [];
  for (let key = queue.take(); key !== undefined; key = queue.take()) {
    taken.push(key);
    queue.done(key);
  }
  return taken;
}

describe('WorkQueue', () => {
  it('hands keys out in the order in which they were added', () => {
    const queue = new WorkQueue();
    for (const key of [B, A, C]) queue.add(key);
    assert.deepEqual(drain(queue), [B, A, C]);
  });

  it('hands a key out once however often it was added before', () => {
    const queue = new WorkQueue();
    assert.deepEqual([queue.add(A), queue.add(A), queue.add(A)], [true, false, false]);
    assert.equal(queue.depth, 1);
    assert.deepEqual(drain(queue), [A]);
  });

  it('never hands a key out that a worker holds', () => {
    const queue = new WorkQueue();
    queue.add(A);
    queue.take();
    queue.add(A);
    assert.equal(queue.take(), undefined);
    assert.equal(queue.depth, 0);
    assert.ok(queue.isProcessing(A) && queue.isDirty(A));
  });

  it('hands a key out exactly once more when it was added while a worker held it, however often', () => {
    const queue = new WorkQueue();
    queue.add(A);
    queue.take();
    for (let time = 0; time < 5; time++) queue.add(A);
    assert.equal(queue.done(A), true);
    assert.deepEqual(drain(queue), [A]);
  });

  it('puts such a key at the end of the line', () => {
    const queue = new WorkQueue();
    queue.add(A);
    queue.take();
    queue.add(A);
    queue.add(B);
    queue.done(A);
    assert.deepEqual(drain(queue), [B, A]);
  });

  it('hands what is there out after it was shut down, and takes nothing new', () => {
    const queue = new WorkQueue();
    queue.add(A);
    queue.add(B);
    assert.equal(queue.take(), A);
    queue.add(A);
    queue.shutDown();
    assert.equal(queue.add(C), false);
    queue.done(A);
    assert.deepEqual(drain(queue), [B, A]);
  });

  it('ignores done for a key that nobody holds', () => {
    const queue = new WorkQueue();
    queue.add(A);
    assert.equal(queue.done(A), false);
    assert.deepEqual(drain(queue), [A]);
  });

  it('forgets a key that waits', () => {
    const queue = new WorkQueue();
    queue.add(A);
    queue.add(B);
    assert.equal(queue.forget(A), true);
    assert.equal(queue.forget(A), false);
    assert.deepEqual(drain(queue), [B]);
  });

  it('forgets the follow-up of a key that a worker holds', () => {
    const queue = new WorkQueue();
    queue.add(A);
    queue.take();
    queue.add(A);
    queue.forget(A);
    assert.ok(queue.isProcessing(A));
    assert.equal(queue.done(A), false);
    assert.equal(queue.depth, 0);
  });

  it('takes fresh keys before background keys', () => {
    const queue = new WorkQueue();
    queue.add(A, 'background');
    queue.add(B, 'fresh');
    assert.deepEqual(drain(queue), [B, A]);
  });

  it('keeps the higher priority of a key that is added again', () => {
    const queue = new WorkQueue();
    queue.add(A, 'background');
    queue.add(B, 'background');
    queue.add(B, 'fresh');
    queue.add(B, 'background');
    assert.equal(queue.depth, 2);
    assert.deepEqual(drain(queue), [B, A]);
  });

  it('keeps the priority of what is added while a worker holds the key', () => {
    const queue = new WorkQueue();
    queue.add(A);
    queue.take();
    queue.add(A, 'background');
    queue.add(B, 'background');
    queue.add(A, 'fresh');
    queue.done(A);
    assert.deepEqual(drain(queue), [A, B]);
  });

  it('gives the background one turn in eight while fresh keys keep coming', () => {
    const queue = new WorkQueue();
    for (let index = 0; index < 4; index++) queue.add(objectKey(`background-${index}`), 'background');
    const taken: string[] = [];
    for (let index = 0; index < 4 * BACKGROUND_EVERY; index++) {
      queue.add(objectKey(`fresh-${index}`));
      queue.add(objectKey(`more-${index}`));
      taken.push(queue.take() ?? 'nothing');
    }
    const turns = taken.flatMap((key, turn) => (key.startsWith('background') ? [turn + 1] : []));
    assert.deepEqual(turns, [8, 16, 24, 32]);
  });

  it('stays small while keys are added and forgotten and nobody takes', () => {
    const queue = new WorkQueue();
    queue.add(A);
    for (let index = 0; index < 200_000; index++) {
      queue.add(B, index % 2 === 0 ? 'fresh' : 'background');
      queue.forget(B);
    }
    assert.equal(queue.depth, 1);
    assert.deepEqual(drain(queue), [A]);
  });
});

/** What the queue promises, without any cleverness. */
class Model {
  line: { key: ObjectKey; priority: Priority }[] = [];
  followUps = new Map<ObjectKey, Priority>();
  held = new Set<ObjectKey>();
  freshInARow = 0;

  add(key: ObjectKey, priority: Priority): void {
    if (this.held.has(key)) {
      if (this.followUps.get(key) !== 'fresh') this.followUps.set(key, priority);
      return;
    }
    const waiting = this.line.find((place) => place.key === key);
    if (waiting === undefined) this.line.push({ key, priority });
    else if (waiting.priority === 'background' && priority === 'fresh') {
      this.line = [...this.line.filter((place) => place !== waiting), { key, priority }];
    }
  }

  take(): ObjectKey | undefined {
    const fresh = this.line.find(({ priority }) => priority === 'fresh');
    const background = this.line.find(({ priority }) => priority === 'background');
    const next =
      background !== undefined && (fresh === undefined || this.freshInARow === 7) ? background : fresh;
    this.freshInARow = background === undefined || next === background ? 0 : this.freshInARow + 1;
    if (next === undefined) return undefined;
    this.line = this.line.filter((place) => place !== next);
    this.held.add(next.key);
    return next.key;
  }

  done(key: ObjectKey): void {
    if (!this.held.delete(key)) return;
    const priority = this.followUps.get(key);
    this.followUps.delete(key);
    if (priority !== undefined) this.line.push({ key, priority });
  }

  forget(key: ObjectKey): void {
    this.line = this.line.filter((place) => place.key !== key);
    this.followUps.delete(key);
  }
}

describe('WorkQueue, whatever the order of calls', () => {
  const key = fc.nat(40).map((index) => objectKey(`uid-${index}`));
  const priority = fc.constantFrom<Priority>('fresh', 'background');
  interface Real {
    queue: WorkQueue;
  }
  const same = (model: Model, { queue }: Real): void => {
    assert.equal(queue.depth, model.line.length);
    assert.equal(queue.processing, model.held.size);
  };
  const command = (name: string, run: (model: Model, real: Real) => void): fc.Command<Model, Real> => ({
    check: () => true,
    run: (model, real) => {
      run(model, real);
      same(model, real);
    },
    toString: () => name,
  });
  const commands = fc.commands(
    [
      fc.tuple(key, priority).map(([added, level]) =>
        command(`add(${added}, ${level})`, (model, { queue }) => {
          model.add(added, level);
          queue.add(added, level);
        }),
      ),
      fc.constant(
        command('take()', (model, { queue }) => {
          assert.equal(queue.take(), model.take());
        }),
      ),
      key.map((finished) =>
        command(`done(${finished})`, (model, { queue }) => {
          model.done(finished);
          queue.done(finished);
        }),
      ),
      key.map((forgotten) =>
        command(`forget(${forgotten})`, (model, { queue }) => {
          model.forget(forgotten);
          queue.forget(forgotten);
        }),
      ),
    ],
    { maxCommands: 300, size: 'max' },
  );

  it('does what the plain model does', () => {
    fc.assert(
      fc.property(commands, (calls) => {
        fc.modelRun(() => ({ model: new Model(), real: { queue: new WorkQueue() } }), calls);
      }),
      { numRuns: 150 },
    );
  });

  it('makes every add be followed by a take of that key', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(key, priority, fc.boolean()), { maxLength: 200, size: 'max' }),
        (history) => {
          const queue = new WorkQueue();
          const addedAt = new Map<ObjectKey, number>();
          const takenAt = new Map<ObjectKey, number>();
          let time = 0;
          const take = (): ObjectKey | undefined => {
            const taken = queue.take();
            if (taken !== undefined) takenAt.set(taken, time++);
            return taken;
          };
          for (const [added, level, takes] of history) {
            queue.add(added, level);
            addedAt.set(added, time++);
            const taken = takes ? take() : undefined;
            if (taken !== undefined && time % 3 === 0) queue.done(taken);
          }
          for (const held of takenAt.keys()) queue.done(held);
          for (let taken = take(); taken !== undefined; taken = take()) queue.done(taken);
          for (const [added, atTime] of addedAt) assert.ok((takenAt.get(added) ?? -1) > atTime, added);
        },
      ),
    );
  });
});
