import type { Restored } from './restore.ts';
import { type Run, tierOf } from './run.ts';
import type { Segment } from './segment.ts';

/** Claims that outlive their merge. A process that was stopped for long meets the claim that took over from it. */
const KEPT_CLAIMS = 16;

/** A segment that has been stored, without its text. */
export interface StoredSegment {
  readonly segment: Segment;
  readonly uids: readonly string[];
  readonly bytes: number;
}

/** Which segments are stored and what for, as the one process that writes them knows. */
export class Ledger {
  /** Oldest first. */
  readonly runs: Run[];
  readonly #sizes: Map<number, number>;
  /** Covered by merges. */
  readonly #claims: number[];
  #broken: readonly number[];
  #garbage: number[];
  #bytes = 0;
  #lastPosition: number;

  constructor({ runs, claims, broken, garbage, sizes, lastPosition }: Restored) {
    this.runs = runs;
    this.#claims = claims;
    this.#broken = broken;
    this.#garbage = garbage;
    this.#sizes = sizes;
    this.#lastPosition = lastPosition;
    for (const bytes of sizes.values()) this.#bytes += bytes;
  }

  get lastPosition(): number {
    return this.#lastPosition;
  }

  get segments(): number {
    return this.#sizes.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get lines(): number {
    return this.runs.reduce((sum, { uids }) => sum + uids.length, 0);
  }

  /**
   * At the end of the log.
   *
   * @param open whether more of it may come
   * @returns the run that it belongs to: the given one where that is open, else a new one
   */
  append(stored: StoredSegment, run: Run | undefined, open: boolean): Run {
    const { type, from, to, after, header } = stored.segment;
    this.#lastPosition = to;
    let into = run;
    if (into?.open !== true) {
      into = { type, from, to, after, header, seqs: [], uids: [], tier: 0, open };
      this.runs.push(into);
    }
    into.to = to;
    into.header = header;
    this.add(stored, into);
    return into;
  }

  add({ segment: { seq }, uids, bytes }: StoredSegment, run: Run): void {
    run.seqs.push(seq);
    for (const uid of uids) run.uids.push(uid);
    run.tier = Math.max(run.tier, tierOf(run.uids.length));
    this.#sizes.set(seq, bytes);
    this.#bytes += bytes;
  }

  /** Stored, and of no use. */
  discard({ seqs }: Run): void {
    this.#garbage.push(...seqs);
    seqs.length = 0;
  }

  /** A merge stands in place of its sources from now on. */
  replace(sources: readonly Run[], merge: Run): void {
    this.runs.splice(this.runs.indexOf(sources[0] as Run), sources.length, merge);
    for (const source of sources) {
      if (source.type === 'Claim') this.#claims.push(...source.seqs);
      else this.#garbage.push(...source.seqs);
    }
    this.#claims.sort((a, b) => a - b);
    this.#garbage.push(...this.#claims.splice(0, Math.max(0, this.#claims.length - KEPT_CLAIMS)));
  }

  /** All has been written anew: what is damaged is of no use. */
  heal(): void {
    this.#garbage.push(...this.#broken);
    this.#broken = [];
  }

  /** Removes what is of no use, oldest first. What could not be removed stays for the next time. */
  async sweep(remove: (seq: number) => Promise<void>): Promise<void> {
    const waiting = this.#garbage.toSorted((a, b) => a - b);
    this.#garbage = [];
    try {
      for (let seq = waiting[0]; seq !== undefined; seq = waiting[0]) {
        await remove(seq);
        this.#bytes -= this.#sizes.get(seq) ?? 0;
        this.#sizes.delete(seq);
        waiting.shift();
      }
    } finally {
      this.#garbage.push(...waiting);
    }
  }
}
