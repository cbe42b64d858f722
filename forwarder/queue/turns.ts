/**
 * Shares the process's turns between triggers: round robin, one start per trigger and round, and at most `budget`
 * starts in one turn of the event loop, so that the flood of one trigger holds up neither the others nor the I/O.
 *
 * A wake is answered in the same turn (as a microtask, when the code that caused it is through), unless the turn's
 * budget is used up.
 */
import type { Clock } from '../lib/clock.ts';
import { Fifo } from '../lib/fifo.ts';

/** A trigger's side: called one start at a time. */
export interface Worker {
  hasWork(): boolean;
  /** Starts one piece of work without waiting for it; false: it cannot now, and is asked again after the next wake. */
  start(): boolean;
}

/** The trigger's handle. */
export interface Turn {
  /** Says that there may be something to start. Cheap, and may be called any number of times. */
  wake(): void;
  unregister(): void;
}

/** Starts in one turn of the event loop. */
const DEFAULT_BUDGET = 64;

interface Member {
  readonly worker: Worker;
  /** In line for a start. */
  waiting: boolean;
  registered: boolean;
}

export class Turns {
  readonly #clock: Pick<Clock, 'soon'>;
  readonly #budget: number;
  readonly #line = new Fifo<Member>();
  /** Starts in this turn of the event loop, those that came to nothing included. */
  #used = 0;
  #runPending = false;

  constructor({
    clock,
    budget = DEFAULT_BUDGET,
  }: {
    readonly clock: Pick<Clock, 'soon'>;
    readonly budget?: number;
  }) {
    this.#clock = clock;
    this.#budget = budget;
  }

  register(worker: Worker): Turn {
    const member: Member = { worker, waiting: false, registered: true };
    return {
      wake: () => {
        this.#queue(member);
        this.#run();
      },
      unregister: () => {
        member.registered = false;
      },
    };
  }

  #queue(member: Member): void {
    if (member.waiting || !member.registered) return;
    member.waiting = true;
    this.#line.push(member);
  }

  /** Sees to it that the line is worked through: in this turn, or in the next where this one's budget is used up. */
  #run(): void {
    if (this.#runPending || this.#line.length === 0 || this.#used >= this.#budget) return;
    this.#runPending = true;
    queueMicrotask(() => {
      this.#runPending = false;
      this.#startSome();
    });
  }

  #startSome(): void {
    while (this.#used < this.#budget) {
      const member = this.#line.shift();
      if (member === undefined) return;
      member.waiting = false;
      if (!member.registered || !member.worker.hasWork()) continue;
      if (this.#used++ === 0) this.#clock.soon(() => this.#nextTurn());
      if (member.worker.start()) this.#queue(member);
    }
  }

  #nextTurn(): void {
    this.#used = 0;
    this.#startSome();
  }
}
