/** One trigger and one life of an object: the states that matter to it, and what it made of them. */
import { compareResourceVersions } from '../../../forwarder/model/delta.ts';
import type { CallFact, EndFact, Fact, StatusFact, ToldFact, WriteFact } from './fact.ts';
import type { Life } from './ledger.ts';

/** The object as long as what counts is the same. */
export interface Run {
  /** From 1. */
  readonly number: number;
  /** resourceVersion and time of its first write. */
  readonly fromRv: string;
  readonly fromMs: number;
  /** Undefined: not selected. Own writes and edits of the trigger give one run another digest. */
  digest: string | undefined;
  /** `when` is false. */
  readonly closed: boolean;
}

export interface Call {
  readonly fact: CallFact;
  readonly pair: Pair;
  /** The state that it was for; of no meaning for deletions. */
  readonly run: Run | undefined;
  end: EndFact | undefined;
  /** The sender knows how it ended. */
  heard: boolean;
  /** It ended while the target itself may have been failing: then its failure may be no object's. */
  blamesTarget: boolean;
  /** It ended, and no other call had shown meanwhile that the target fails. */
  alone: boolean;
  /** The process that made it has ended. */
  orphan: boolean;
  /** That process crashed before it had written what the call stated. */
  lost: boolean;
}

const KEPT_IDS = 100;

export class Pair {
  readonly trigger: string;
  readonly life: Life;
  runs: Run[] = [];
  /** Every call since the last quiet; at least the last ones that matter. */
  calls: Call[] = [];
  /** The last call that was started. */
  last: Call | undefined;
  /** The last delivery of a state that succeeded, and the sender knows it; undefined from a call with `deleted` on. */
  handled: Call | undefined;
  /** A call with `deleted` succeeded, and the sender knows it; undefined from any other call on. */
  ended: Call | undefined;
  /** A function may know of the object: a call was started after which no `deleted` succeeded. */
  known: Call | undefined;
  /** Some delivery of a state has succeeded since the last `deleted`. */
  succeeded = false;
  /** How often the same may be sent once more. */
  excuses = 0;
  /** What was handled may have been forgotten: the next may be `created`. */
  forgotten = false;
  /** After a crash: another state may have been sent, so a write may bring a repeat. */
  inDoubt = false;
  /** The end of the object may stay untold. */
  mayLoseEnd = false;
  /** The run in which no further attempt is made; 0: its end. */
  givenUp: number | undefined;
  newestTold: ToldFact | undefined;
  askedMs: number = -Infinity;
  status: StatusFact | undefined;
  /** resourceVersion of the state that the status is about. */
  statedRv: string | undefined;
  /** What each id stood for. */
  readonly ids: Map<string, Call> = new Map();

  constructor(trigger: string, life: Life) {
    this.trigger = trigger;
    this.life = life;
  }

  get run(): Run | undefined {
    return this.runs.at(-1);
  }

  /** The state that the object had at a version. */
  runAt(rv: string): Run | undefined {
    return this.runs.findLast(({ fromRv }) => compareResourceVersions(fromRv, rv) <= 0);
  }

  write(fact: WriteFact): void {
    const digest = fact.counts[this.trigger];
    const { run } = this;
    if (this.inDoubt) this.excuse();
    this.inDoubt = false;
    if (run?.digest === digest && run !== undefined) return;
    // What the trigger's own write changes is no other state.
    if (run !== undefined && digest !== undefined && run.digest !== undefined && fact.by === this.trigger) {
      run.digest = digest;
      return;
    }
    this.#begin(digest, fact.rv, fact.atMs, fact.closed?.includes(this.trigger));
  }

  recount(digest: string | undefined, { atMs }: Fact): void {
    const before = this.run?.digest;
    if (digest === undefined || before === undefined) {
      if (before !== digest || this.run === undefined)
        this.#begin(digest, this.life.writes.at(-1)?.rv ?? '0', atMs, this.run?.closed);
      return;
    }
    // A state that came back is the one that it was.
    for (const run of this.runs) if (run.digest === before) run.digest = digest;
    // What others come to by the new measure is not known: this one's name may be theirs.
    for (const [id, { run }] of this.ids) if (run !== undefined && run.digest !== digest) this.ids.delete(id);
  }

  #begin(digest: string | undefined, fromRv: string, fromMs: number, closed = false): void {
    if (digest === undefined) this.forgotten = true;
    this.runs.push({ number: (this.run?.number ?? 0) + 1, fromRv, fromMs, digest, closed });
  }

  told(fact: ToldFact): void {
    const { newestTold } = this;
    const isNews =
      newestTold === undefined ||
      newestTold.process !== fact.process ||
      compareResourceVersions(fact.rv, newestTold.rv) > 0;
    if (isNews && fact.type !== 'Deleted') this.newestTold = fact;
    this.inDoubt = false;
  }

  call(fact: CallFact): Call {
    const isEnd = fact.type === 'deleted';
    const run = isEnd ? undefined : this.runAt(fact.rv);
    const call: Call = {
      fact,
      pair: this,
      run,
      end: undefined,
      heard: false,
      blamesTarget: false,
      alone: false,
      orphan: false,
      lost: false,
    };
    this.calls.push(call);
    this.last = call;
    if (!this.ids.has(fact.id)) this.ids.set(fact.id, call);
    this.givenUp = undefined;
    if (isEnd) this.handled = undefined;
    else {
      this.known ??= call;
      this.ended = undefined;
      this.mayLoseEnd = false;
    }
    return call;
  }

  /** The last call with an id. */
  named(id: string): Call | undefined {
    return this.calls.findLast(({ fact }) => fact.id === id) ?? this.ids.get(id);
  }

  end(call: Call, end: EndFact, heard: boolean): void {
    call.end = end;
    call.heard = heard;
    if (end.outcome !== 'success') return;
    if (call.fact.type === 'deleted') {
      this.known = undefined;
      this.succeeded = false;
      if (!heard) return;
      // What happened before is no cause to tell it again.
      if (this.ended === undefined) this.excuses = 0;
      this.ended = call;
      return;
    }
    this.succeeded = true;
    if (!heard) return;
    if (call.run?.number !== this.handled?.run?.number) this.excuses = 0;
    this.handled = call;
    this.forgotten = false;
    this.givenUp = undefined;
  }

  giveUp(): void {
    this.givenUp = this.last?.fact.type === 'deleted' ? 0 : (this.last?.run?.number ?? this.run?.number);
  }

  /** What was written down is lost. */
  lose(): void {
    this.excuse();
    this.mayLoseEnd = this.known !== undefined;
  }

  /** What was done may be forgotten. */
  excuse(): void {
    this.excuses++;
    this.forgotten = true;
  }

  processEnded(
    process: number,
    how: 'stop' | 'crash',
    { sinceMs, byGeneration }: { readonly sinceMs: number; readonly byGeneration: boolean },
  ): void {
    let hadOpen = false;
    for (const call of this.calls) {
      if (call.fact.process !== process) continue;
      hadOpen ||= call.end === undefined;
      call.orphan = true;
    }
    if (how === 'stop') {
      if (hadOpen) this.excuse();
      return;
    }
    const { handled } = this;
    const { gone, writes } = this.life;
    const doneMs = (handled ?? this.ended)?.end?.atMs ?? -Infinity;
    const writtenMs = byGeneration ? -Infinity : (gone?.atMs ?? writes.at(-1)?.atMs ?? -Infinity);
    // A result that was not written is had again by the same call.
    const isUnwritten = handled?.end?.states === true && this.status?.id !== handled.fact.id;
    if (isUnwritten && handled.fact.process === process) handled.lost = true;
    if (hadOpen || isUnwritten || doneMs >= sinceMs || writtenMs >= sinceMs) this.excuse();
    else this.inDoubt = !byGeneration;
    if (this.known !== undefined && this.known.fact.atMs >= sinceMs) this.mayLoseEnd = true;
  }

  /** All is quiet: what happened before no longer excuses anything, but where nothing could be sent yet. */
  trim(isSuspended: boolean): void {
    const [handled, last] = [this.handled?.run?.number ?? 0, this.last?.run?.number ?? 0];
    const oldest = Math.min(handled || last, last || handled, this.run?.number ?? 0);
    this.runs = this.runs.filter(({ number }) => number >= oldest);
    this.calls = this.calls.filter((call) => call === this.last || call === this.handled);
    if (!isSuspended && this.run?.closed !== true) this.#settle();
    for (const id of [...this.ids.keys()].slice(0, -KEPT_IDS)) this.ids.delete(id);
  }

  #settle(): void {
    this.inDoubt = false;
    const { gone, writes } = this.life;
    const isStaying = gone === undefined && writes.at(-1)?.deleting === true;
    // That its end was told may be forgotten, which shows when it is gone.
    if (this.ended === undefined || !isStaying) this.excuses = 0;
    if (gone === undefined && !isStaying && this.run?.digest !== undefined) this.mayLoseEnd = false;
  }
}
