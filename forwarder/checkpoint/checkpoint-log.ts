import { ApiError } from '../lib/errors.ts';
import { type Logger, silentLogger } from '../lib/logger.ts';
import { type Random, systemRandom } from '../lib/random.ts';
import { Slots } from '../lib/slots.ts';
import { Compactor } from './compactor.ts';
import { Cursor } from './cursor.ts';
import { CheckpointFencedError } from './fenced-error.ts';
import { Ledger } from './ledger.ts';
import { restore, type Restored } from './restore.ts';
import type { Run } from './run.ts';
import type { CheckpointHeader, DamagedSegment, Segment } from './segment.ts';
import { SegmentMaker } from './segment-maker.ts';
import type { SegmentStore } from './segment-store.ts';
import { SegmentWriter } from './segment-writer.ts';

const MAX_SEGMENT_BYTES = 256 * 1024;
const SPARE_LINES = 1024;
const MAX_CLAIM_TRIES = 5;
const MAX_LOAD_TRIES = 3;

export interface CheckpointLogOptions {
  readonly store: SegmentStore;
  /**
   * The newest line of an object, without line breaks and not `-`; undefined for one that is no more. From the first
   * append on it must know every uid that was loaded: what it does not know is forgotten. It may be asked at any time:
   * a line may be stored before `append` names its object, but what it refers to in the header must be appended first.
   */
  readonly encode: (uid: string) => string | undefined;
  /** How many objects have a line. */
  readonly liveCount: () => number;
  readonly logger?: Logger;
  /** Makes the name under which this process writes. */
  readonly random?: Random;
  /** With what the store puts around it. @defaultValue 256 KB */
  readonly maxSegmentBytes?: number;
  /** So many stored lines beyond twice the live ones are left alone. @defaultValue 1,024 */
  readonly spareLines?: number;
}

export interface LoadedCheckpoint {
  /** Undefined where there is none. */
  readonly header: CheckpointHeader | undefined;
  /** The newest line of each object, by uid. */
  readonly records: ReadonlyMap<string, string>;
  /** What is damaged or missing, one line each: then nothing proves that the records are the newest, or all. */
  readonly damaged: readonly string[];
}

export interface ClaimedCheckpoint extends LoadedCheckpoint {
  /** Of this process, from now on. */
  readonly epoch: number;
}

export interface CheckpointStats {
  readonly segments: number;
  readonly storedBytes: number;
  readonly storedLines: number;
  /** By this process, merges included. */
  readonly writtenBytes: number;
}

/** What a claim gives. */
interface Claim {
  readonly epoch: number;
  readonly ledger: Ledger;
  readonly compactor: Compactor;
  /** As of the last append. */
  header: CheckpointHeader;
}

/**
 * What one trigger has handled, as a log of what has changed. One process at a time writes it: who claims it fences the
 * one before. In the background it is merged, so that it stays about as large as what it says.
 */
export class CheckpointLog implements AsyncDisposable {
  readonly #options: CheckpointLogOptions;
  readonly #store: SegmentStore;
  readonly #writer: SegmentWriter;
  readonly #maker: SegmentMaker;
  /** Appends keep their order, also where one takes several segments. */
  readonly #appends = new Slots(1);
  /** Loaded and not yet claimed. */
  #restored: Restored | undefined;
  #claim: Claim | undefined;

  constructor(options: CheckpointLogOptions) {
    const { store, encode, random = systemRandom, maxSegmentBytes = MAX_SEGMENT_BYTES } = options;
    this.#options = options;
    this.#store = store;
    this.#writer = new SegmentWriter(store);
    const writer = Math.floor(random() * 2 ** 48).toString(16);
    this.#maker = new SegmentMaker({ encode, writer, maxBytes: maxSegmentBytes });
  }

  get stats(): CheckpointStats {
    const { segments = 0, bytes: storedBytes = 0, lines: storedLines = 0 } = this.#claim?.ledger ?? {};
    return { segments, storedBytes, storedLines, writtenBytes: this.#writer.writtenBytes };
  }

  /** What is stored; changes nothing. Throws ApiErrors and errors of the file system as they come. */
  async load(signal?: AbortSignal): Promise<LoadedCheckpoint> {
    this.#restored = await this.#read(signal);
    return this.#restored;
  }

  /**
   * Takes over: from here on, what another process appends is refused. Loads, unless that was done right before.
   * Where another process appends meanwhile, it loads again, a few times; then it throws CheckpointFencedError.
   *
   * @param headerFor the header to begin with; its epoch does not matter
   * @returns what was loaded last: what `load` told earlier may be out of date
   */
  async claim(
    headerFor: (loaded: LoadedCheckpoint) => CheckpointHeader,
    signal?: AbortSignal,
  ): Promise<ClaimedCheckpoint> {
    await this.#release();
    for (let tries = 1; ; tries++) {
      const restored = this.#restored ?? (await this.#read(signal));
      this.#restored = undefined;
      const epoch = restored.epoch + 1;
      try {
        this.#claim = await this.#takeOver(restored, { ...headerFor(restored), epoch });
      } catch (error) {
        if (error instanceof CheckpointFencedError && tries < MAX_CLAIM_TRIES) continue;
        throw error;
      }
      const { header, records, damaged } = restored;
      return { header, records, damaged, epoch };
    }
  }

  /**
   * Stores the header and the newest line of each object. Throws CheckpointFencedError from the moment another process
   * has taken over, and errors of the store as they come; then nothing, some or all of it may be stored, and it is right
   * to append the same again, or more.
   */
  append(header: CheckpointHeader, uids: Iterable<string>): Promise<void> {
    return this.#appends.run(async () => {
      const claim = this.#claim;
      if (claim === undefined) throw new Error('a checkpoint must be claimed before it is appended to');
      const cursor = new Cursor(uids);
      const last = { ...header, epoch: claim.epoch };
      let run: Run | undefined;
      let lines = 0;
      let isOver = false;
      try {
        for (let part = 1, isLast = false; !isLast; part++) {
          const written = await this.#writer.write((seq) => {
            const { ledger } = claim;
            const place = { seq, type: 'Append' as const, from: seq, to: seq, after: ledger.lastPosition };
            const plan = { ...place, run: run?.from ?? seq, part };
            // What the new header says is true only once all is stored.
            const made = this.#maker.make(plan, cursor, { last, more: claim.header }, false);
            const stored = (): void => {
              run = ledger.append(made, run, !isOver);
              claim.header = made.segment.header;
              lines += made.uids.length;
            };
            return { ...made, stored };
          });
          isLast = written.last;
        }
      } finally {
        isOver = true;
        if (run !== undefined) run.open = false;
        claim.compactor.appended(lines);
      }
    });
  }

  /** Resolves when nothing is being merged. */
  async idle(): Promise<void> {
    await this.#claim?.compactor.idle();
  }

  /** Ends merging after the segment that is being written. What is not merged by then will be the next time. */
  stop(): void {
    this.#claim?.compactor.stop();
  }

  /** Removes all of it: the trigger is gone. Whoever wrote it before is fenced no more. */
  async clear(): Promise<void> {
    await this.#release();
    await this.#store.clear();
  }

  /** Stops, and resolves when the segment that is being written is stored. Nothing can be appended afterwards. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#release();
  }

  async #release(): Promise<void> {
    await this.#appends.run(async () => {
      this.stop();
      await this.idle();
      this.#claim = undefined;
    });
  }

  async #takeOver(restored: Restored, header: CheckpointHeader): Promise<Claim> {
    const ledger = new Ledger(restored);
    this.#writer.reset(restored.nextSeq);
    await this.#writer.write((seq) => {
      const after = restored.lastPosition;
      const plan = { seq, type: 'Claim' as const, from: seq, to: seq, after, run: seq, part: 1 };
      const made = this.#maker.make(plan, new Cursor([]), { last: header, more: header }, false);
      return { ...made, stored: () => void ledger.append(made, undefined, false) };
    });
    const { liveCount, spareLines = SPARE_LINES, logger = silentLogger } = this.#options;
    const compactor = new Compactor({
      ledger,
      maker: this.#maker,
      writer: this.#writer,
      remove: (seq) => this.#store.remove(seq),
      liveCount,
      spareLines,
      isBroken: restored.damaged.length > 0,
      logger,
    });
    return { epoch: header.epoch, ledger, compactor, header };
  }

  async #read(signal: AbortSignal | undefined): Promise<Restored> {
    for (let tries = 1; ; tries++) {
      const found: (Segment | DamagedSegment)[] = [];
      try {
        for await (const segment of this.#store.list(signal)) found.push(segment);
        return restore(found);
      } catch (error) {
        // Its pages were compacted away while we read them.
        const isExpired = error instanceof ApiError && error.code === 'API_EXPIRED';
        if (!isExpired || tries >= MAX_LOAD_TRIES) throw error;
      }
    }
  }
}
