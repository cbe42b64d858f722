/**
 * What ends at the same time may end in any order. Every sequence of four things that can happen to a pipeline next is
 * tried: replies, passages of its requests to the API server and back, what the watch tells, edits by others and of the
 * trigger. Then all of it comes to rest, and the checker decides.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TargetError } from '../../forwarder/lib/errors.ts';
import { apiError } from '../support/fake-apply-server.ts';
import type { Answer, ModelCall } from '../support/model-target.ts';
import { PipelineChecker } from '../support/pipeline-checker.ts';
import { PipelineWorld } from '../support/pipeline-world.ts';

class Situation {
  readonly world: PipelineWorld;
  readonly checker: PipelineChecker;
  readonly #passages: { readonly go: () => void; readonly fail: (error: Error) => void }[] = [];
  #size = 1;

  private constructor(world: PipelineWorld) {
    this.world = world;
    this.checker = new PipelineChecker(world);
    const { cluster, sources, host } = world;
    host.script = () => undefined;
    sources.lagMs = () => Infinity;
    cluster.held = () => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      this.#passages.push({ go: resolve, fail: reject });
      return promise;
    };
  }

  /** Calls for `a` and `b` are open, and no news on its way. */
  static async start(): Promise<Situation> {
    const made: Situation[] = [];
    const world = await PipelineWorld.start({
      before: (begun) => {
        made.push(new Situation(begun));
        for (const name of ['a', 'b']) begun.cluster.create(name, { size: 0 });
      },
    });
    const [situation] = made;
    assert.ok(situation);
    while (world.sources.next()) await world.pass();
    assert.deepEqual(world.told.length, 2, 'both are called');
    return situation;
  }

  /** Ends the open call for an object. */
  reply(name: string, failed = false): boolean {
    const call = this.world.calls.find(({ open, data }) => open && data.object.metadata.name === name);
    call?.end(failed ? new TargetError('TARGET_FAILED', 'no', { blame: 'delivery' }) : answerTo(call));
    return call !== undefined;
  }

  /** The oldest request, or answer, that is under way to the API server or back, arrives or is lost. */
  passage(lost = false): boolean {
    const passage = this.#passages.shift();
    if (lost) passage?.fail(apiError(0, 'the connection was lost'));
    else passage?.go();
    return passage !== undefined;
  }

  edit(): boolean {
    if (this.world.cluster.object('a') === undefined) return false;
    this.world.cluster.edit('a', { size: this.#size++ });
    return true;
  }

  remove(again: boolean): boolean {
    const known = this.world.cluster.object('a') !== undefined;
    this.world.remove('a');
    if (again) this.world.cluster.create('a', { size: this.#size++ });
    return known;
  }

  async editTrigger(): Promise<boolean> {
    this.checker.edits += 1;
    await this.world.edit({ debounce: { quietMs: this.checker.edits, maxWaitMs: 100 } });
    return true;
  }

  async rest(): Promise<void> {
    const { world, checker } = this;
    world.host.script = (call) => [answerTo(call)];
    world.cluster.held = () => undefined;
    world.sources.lagMs = () => 0;
    while (this.passage());
    for (const call of world.calls) if (call.open) call.end(answerTo(call));
    await world.pass();
    while (world.sources.next()) await world.pass();
    await world.pass(600_000);
    checker.checkEnd(() => true);
    const { length } = world.calls;
    world.sources.cut();
    await world.pass(3_600_000);
    assert.deepEqual(world.told.slice(length), [], 'an hour of quiet is quiet');
    assert.equal(world.clock.pending, 0, 'nothing waits when all is done');
    for (const name of ['a', 'b']) world.remove(name);
    await world.pass(600_000);
    checker.checkEnd(() => false);
    world.pipeline.stop();
    assert.equal(world.clock.pending, 0, 'a pipeline that stopped has no timers');
  }
}

function answerTo({ event, data }: ModelCall): Answer {
  return data.reason === 'Deleted'
    ? {}
    : { status: { phase: `${event.partitionkey}@${event.generation ?? ''}` } };
}

/** What may happen next. False: it cannot, now. */
const HAPPENINGS: Readonly<Record<string, (situation: Situation) => boolean | Promise<boolean>>> = {
  reply: (one) => one.reply('a'),
  failure: (one) => one.reply('a', true),
  'reply to b': (one) => one.reply('b'),
  passage: (one) => one.passage(),
  loss: (one) => one.passage(true),
  news: ({ world }) => world.sources.next(),
  edit: (one) => one.edit(),
  deletion: (one) => one.remove(false),
  'new life': (one) => one.remove(true),
  'edit of the trigger': (one) => one.editTrigger(),
  cut: ({ world }) => {
    world.sources.cut();
    return true;
  },
  second: async ({ world }) => {
    await world.pass(1000);
    return true;
  },
};

/** Tries a sequence; false where one of it cannot happen: what is left of it is another sequence. */
async function holds(
  sequence: readonly string[],
  options: { readonly settled: boolean; readonly before: readonly string[] },
): Promise<boolean> {
  const situation = await Situation.start();
  const happen = async (names: readonly string[], settled: boolean): Promise<boolean> => {
    for (const name of names) {
      if (!(await HAPPENINGS[name]?.(situation))) return false;
      if (settled) await situation.world.pass();
      situation.checker.check();
    }
    return true;
  };
  assert.ok(await happen(options.before, true));
  const all = await happen(sequence, options.settled);
  if (all) await situation.rest();
  else situation.world.pipeline.stop();
  return all;
}

describe('A pipeline keeps what it promises, in whatever order', () => {
  for (const { title, before, length } of [
    { title: 'four things happen while calls are open', before: [], length: 4 },
    {
      title: 'three things happen while a result and a change are on their way',
      before: ['reply', 'edit'],
      length: 3,
    },
    {
      title: 'three things happen while the answer to a write and a change are on their way',
      before: ['reply', 'passage', 'edit'],
      length: 3,
    },
    {
      title: 'three things happen while what was read for a write is ahead of the watch',
      before: ['reply', 'edit', 'edit', 'passage', 'second', 'passage', 'passage'],
      length: 3,
    },
  ]) {
    for (const settled of [true, false]) {
      it(`${title}${settled ? '' : ', all at once'}`, async (t) => {
        let tried = 0;
        const go = async (sequence: readonly string[]): Promise<void> => {
          if (sequence.length > 0) {
            const what = [...before, ...sequence].join(', ');
            const happened = await holds(sequence, { settled, before }).catch((error: unknown) => {
              throw new Error(`after ${what}: ${String(error)}`, { cause: error });
            });
            if (!happened) return;
            tried += 1;
          }
          if (sequence.length === length) return;
          for (const name of Object.keys(HAPPENINGS)) await go([...sequence, name]);
        };
        await go([]);
        t.diagnostic(`${tried} sequences`);
      });
    }
  }
});
