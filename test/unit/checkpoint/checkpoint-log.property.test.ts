/** CheckpointLog against a model: whatever fails and whoever takes over, what is loaded is what was stored last. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { CheckpointLog } from '../../../forwarder/checkpoint/checkpoint-log.ts';
import { CheckpointFencedError } from '../../../forwarder/checkpoint/fenced-error.ts';
import { MemorySegmentStore } from '../../../forwarder/checkpoint/memory-segment-store.ts';
import type { CheckpointHeader } from '../../../forwarder/checkpoint/segment.ts';
import {
  DeadProcessError,
  FaultySegmentStore,
  SlowNetwork,
  type StoreFault,
} from '../../support/faulty-segment-store.ts';
import { sampleHeader } from '../../support/segments.ts';

const SPARE_LINES = 20;
/** Room for about ten lines. */
const MAX_BYTES = 4096 + 700;

type Step =
  | { readonly kind: 'change'; readonly uids: readonly number[]; readonly gone: boolean }
  | { readonly kind: 'append' | 'takeOver' | 'restart' | 'zombie' | 'rest' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('change' as const),
      uids: fc.array(fc.nat(40), { minLength: 1, maxLength: 15 }),
      gone: fc.boolean(),
    }),
  },
  { weight: 8, arbitrary: fc.constant({ kind: 'append' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'takeOver' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'restart' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'zombie' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'rest' as const }) },
);

const fault: fc.Arbitrary<StoreFault> = fc.oneof(
  { weight: 30, arbitrary: fc.constant<StoreFault>('none') },
  { weight: 4, arbitrary: fc.constantFrom<StoreFault>('before', 'after', 'late') },
  { weight: 1, arbitrary: fc.constantFrom<StoreFault>('die-before', 'die-after') },
);

/** The lines that one object has had. */
interface History {
  readonly lines: (string | undefined)[];
  /** The one that is stored for sure; those after it may be. */
  stored: number;
}

interface Process {
  readonly store: FaultySegmentStore;
  readonly log: CheckpointLog;
  /** What it knows of each object. */
  readonly lines: Map<string, string>;
  /** Changed and not yet appended. */
  readonly dirty: Set<string>;
}

class World {
  readonly segments = new MemorySegmentStore();
  readonly #network = new SlowNetwork(this.segments);
  readonly #faults: Iterator<StoreFault>;
  #isCalm = false;
  #count = 0;
  #started = 0;
  readonly #histories = new Map<string, History>();
  /** Which line of its history each append has of an object; the append's number is its header's `completeUpTo`. */
  readonly #appends: (readonly [history: History, at: number])[][] = [];
  #acknowledged = -1;
  current: Process;
  readonly zombies: Process[] = [];

  constructor(faults: readonly StoreFault[]) {
    this.#faults = faults[Symbol.iterator]();
    this.current = this.#start();
  }

  #start(): Process {
    const store = new FaultySegmentStore(this.#network, () =>
      this.#isCalm ? 'none' : (this.#faults.next().value ?? 'none'),
    );
    const lines = new Map<string, string>();
    const id = ++this.#started;
    const log = new CheckpointLog({
      store,
      encode: (uid) => lines.get(uid),
      liveCount: () => lines.size,
      random: () => id / 1000,
      maxSegmentBytes: MAX_BYTES,
      spareLines: SPARE_LINES,
    });
    return { store, log, lines, dirty: new Set() };
  }

  calm(): void {
    this.#isCalm = true;
  }

  async takeOver(): Promise<void> {
    for (;;) {
      const next = this.#start();
      const claimed = await this.#orFault(() =>
        next.log.claim(({ header }) => header ?? this.#header(this.#appends.length - 1)),
      );
      if (claimed === undefined) continue;
      assert.deepEqual(claimed.damaged, []);
      this.#check(claimed.records, claimed.header);
      for (const [uid, line] of claimed.records) next.lines.set(uid, line);
      this.zombies.push(this.current);
      this.current = next;
      return;
    }
  }

  change(numbers: readonly number[], gone: boolean): void {
    const { lines, dirty } = this.current;
    for (const number of numbers) {
      const uid = `uid-${number}`;
      const line = gone ? undefined : `["line ${++this.#count}"]`;
      if (line === undefined) lines.delete(uid);
      else lines.set(uid, line);
      dirty.add(uid);
      this.#historyOf(uid).lines.push(line);
    }
  }

  async append(): Promise<void> {
    const { log, dirty, store } = this.current;
    const uids = [...dirty];
    const histories = uids.map((uid) => this.#historyOf(uid));
    this.#appends.push(histories.map((history) => [history, history.lines.length - 1] as const));
    const number = this.#appends.length - 1;
    const done = await this.#orFault(async () => {
      await log.append(this.#header(number), uids);
      return true;
    });
    if (done === true) {
      dirty.clear();
      this.#settle(number);
    } else if (store.isDead) await this.takeOver();
  }

  #settle(number: number): void {
    for (const [history, at] of this.#appends[number] ?? []) history.stored = Math.max(history.stored, at);
    this.#acknowledged = Math.max(this.#acknowledged, number);
  }

  #check(records: ReadonlyMap<string, string>, header: CheckpointHeader | undefined): void {
    const vouched = Number(header?.completeUpTo ?? -1);
    assert.ok(vouched >= this.#acknowledged, 'a header that was acknowledged is not taken back');
    this.#settle(vouched);
    for (const [uid, { lines, stored }] of this.#histories) {
      const found = records.get(uid);
      const possible = lines.slice(stored);
      assert.ok(possible.includes(found), `${uid} is ${found}, and may be ${possible.join(' or ')}`);
      this.#histories.set(uid, { lines: [found], stored: 0 });
    }
    for (const uid of records.keys()) assert.ok(this.#histories.has(uid), `${uid} was never appended`);
  }

  #historyOf(uid: string): History {
    const history = this.#histories.get(uid) ?? { lines: [undefined], stored: 0 };
    this.#histories.set(uid, history);
    return history;
  }

  #header(number: number): CheckpointHeader {
    return sampleHeader({ completeUpTo: String(number) });
  }

  async #orFault<T>(action: () => Promise<T>): Promise<T | undefined> {
    try {
      return await action();
    } catch (error) {
      if (error instanceof DeadProcessError) return undefined;
      assert.equal((error as Error).message, 'the answer was lost', String((error as Error).stack));
      return undefined;
    }
  }
}

async function run(world: World, steps: readonly Step[]): Promise<void> {
  await world.takeOver();
  for (const one of steps) {
    switch (one.kind) {
      case 'change':
        world.change(one.uids, one.gone);
        break;
      case 'append':
        await world.append();
        break;
      case 'restart':
        world.current.store.isDead = true;
        await world.takeOver();
        break;
      case 'takeOver':
        await world.takeOver();
        break;
      case 'rest':
        await world.current.log.idle();
        break;
      case 'zombie':
        for (const { log, store } of world.zombies) {
          if (store.isDead || log.stats.segments === 0) continue;
          await assert.rejects(log.append(sampleHeader(), ['uid-0', 'uid-zombie']), (error) => {
            const isLost = error instanceof DeadProcessError || String(error).includes('the answer was lost');
            assert.ok(isLost || error instanceof CheckpointFencedError, String(error));
            return true;
          });
        }
        break;
      default:
        one satisfies never;
    }
  }
}

describe('CheckpointLog, against a model', () => {
  it('loads what was appended last, whatever fails, and refuses whoever was taken over from', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 5, maxLength: 80, size: 'max' }),
        fc.array(fault, { maxLength: 400, size: 'max' }),
        async (steps, faults) => {
          const world = new World(faults);
          await run(world, steps);
          world.calm();
          await world.takeOver();
          await world.append();
          const { log, lines } = world.current;
          await log.idle();
          const { storedLines } = log.stats;
          assert.ok(storedLines <= 2 * lines.size + 3 * SPARE_LINES, `${storedLines} for ${lines.size}`);
          await world.takeOver();
          assert.deepEqual(world.current.lines, lines);
          for (const zombie of world.zombies.slice(0, -1)) zombie.store.isDead = true;
        },
      ),
      { numRuns: 300 },
    );
  });
});
