import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { type CompactionPlan, planCompaction } from './compaction-plan.ts';
import { Cursor } from './cursor.ts';
import { CheckpointFencedError } from './fenced-error.ts';
import type { Ledger } from './ledger.ts';
import type { Run } from './run.ts';
import type { SegmentMaker } from './segment-maker.ts';
import type { SegmentWriter } from './segment-writer.ts';

export interface CompactorOptions {
  readonly ledger: Ledger;
  readonly maker: SegmentMaker;
  readonly writer: SegmentWriter;
  readonly remove: (seq: number) => Promise<void>;
  readonly liveCount: () => number;
  readonly spareLines: number;
  /** Something stored is damaged: all has to be written anew. */
  readonly isBroken: boolean;
  readonly logger: Logger;
}

/**
 * Merges runs in the background, a segment at a time, so that appends get in between. What a merge writes is what is
 * known by then, which may be newer than its sources; what was appended after them still comes after it.
 */
export class Compactor {
  readonly #options: CompactorOptions;
  #isBroken: boolean;
  #keptLines = 0;
  #addedLines: number;
  #isWanted = false;
  #isStopped = false;
  #running: Promise<void> | undefined;

  constructor(options: CompactorOptions) {
    this.#options = options;
    this.#isBroken = options.isBroken;
    this.#addedLines = options.ledger.lines;
  }

  /** So many lines were appended: does what is worth doing now. A failure waits for the next call. */
  appended(lines: number): void {
    this.#addedLines += lines;
    if (this.#isStopped) return;
    this.#isWanted = true;
    this.#running ??= this.#run();
  }

  /** Resolves when nothing is being done. */
  async idle(): Promise<void> {
    await this.#running;
  }

  /** For good, after the segment that is being written. */
  stop(): void {
    this.#isStopped = true;
  }

  async #run(): Promise<void> {
    const { ledger, remove, writer, logger } = this.#options;
    try {
      while (this.#isWanted && !this.#isStopped && !writer.isFenced) {
        this.#isWanted = false;
        // A merge whose end was lost may be in place after all.
        await writer.settle();
        await ledger.sweep(remove);
        for (let plan = this.#plan(); plan !== undefined && !this.#isStopped; plan = this.#plan()) {
          await this.#merge(plan);
          await ledger.sweep(remove);
        }
      }
    } catch (error) {
      const isFenced = error instanceof CheckpointFencedError;
      logger[isFenced ? 'warn' : 'info']('checkpoint not compacted', { error: messageOf(error) });
    } finally {
      this.#running = undefined;
    }
  }

  #plan(): CompactionPlan | undefined {
    const { ledger, liveCount, spareLines } = this.#options;
    return planCompaction(ledger.runs, {
      live: liveCount(),
      kept: this.#keptLines,
      added: this.#addedLines,
      spare: spareLines,
      isBroken: this.#isBroken,
    });
  }

  async #merge({ sources, tier }: CompactionPlan): Promise<void> {
    const { ledger, maker, writer } = this.#options;
    const addedBefore = this.#addedLines;
    // Nothing is missing once all has been written anew.
    const run = mergeOf(sources, tier ?? 0, this.#isBroken ? 0 : undefined);
    const { type, from, to, after, header } = run;
    const uids = new Cursor(distinctUids(sources));
    const forget = sources[0] === ledger.runs[0];
    let first = 0;
    let isComplete = false;
    let isPending = false;
    let isOver = false;
    const complete = (): void => {
      isComplete = true;
      run.open = false;
      ledger.replace(sources, run);
      if (tier !== undefined) return;
      this.#isBroken = false;
      ledger.heal();
      this.#keptLines = run.uids.length;
      this.#addedLines -= addedBefore;
    };
    const refused = (): void => ledger.discard(run);
    try {
      for (let part = 1, isLast = false; !isLast && !this.#isStopped; part++) {
        const written = await writer.write((seq) => {
          if (part === 1) first = seq;
          const plan = { seq, type, from, to, after, run: first, part };
          const made = maker.make(plan, uids, { last: header, more: header }, forget);
          const stored = (): void => {
            isPending = false;
            ledger.add(made, run);
            // It counts from the moment it is there, whoever has given up waiting for the answer: a process that takes
            // over sees it as well, and relies on it.
            if (made.segment.last) complete();
            else if (isOver) ledger.discard(run);
          };
          isPending = true;
          return { ...made, stored, refused };
        });
        isLast = written.last;
      }
    } finally {
      isOver = true;
      // Its last segment may be stored: then nothing of it may go.
      if (!isComplete && !isPending) ledger.discard(run);
    }
  }
}

/** Nothing yet, in place of these. */
function mergeOf(sources: readonly Run[], tier: number, after: number | undefined): Run {
  const [oldest] = sources as readonly [Run];
  const newest = sources.reduce((one, other) => (other.to >= one.to ? other : one));
  return {
    type: 'Merge',
    from: Math.min(...sources.map(({ from }) => from)),
    to: newest.to,
    after: after ?? oldest.after,
    header: newest.header,
    seqs: [],
    uids: [],
    tier,
    open: true,
  };
}

function* distinctUids(runs: readonly Run[]): Iterable<string> {
  const seen = new Set<string>();
  for (const { uids } of runs) {
    for (const uid of uids) {
      if (seen.has(uid)) continue;
      seen.add(uid);
      yield uid;
    }
  }
}
