import { Fifo } from './fifo.ts';

interface Waiter {
  readonly signal: AbortSignal | undefined;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/** At most so many at a time, first come first served: lists to the API server, writes of results. */
export class Slots {
  #free: number;
  readonly #waiting = new Fifo<Waiter>();
  /** How many wait under each signal. One listener serves all of them: a signal looks through its listeners one by one. */
  readonly #signals = new Map<AbortSignal, { waiters: number; readonly onAbort: () => void }>();

  /** @param size how many may hold a slot at once */
  constructor(size: number) {
    this.#free = size;
  }

  /** Runs the work once a slot is free and gives the slot back however it ends. */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    await this.#wait(signal);
    try {
      return await work();
    } finally {
      this.#give();
    }
  }

  /** Resolves to the function that gives the slot back, any number of times; rejects with the signal's reason. */
  async take(signal?: AbortSignal): Promise<() => void> {
    await this.#wait(signal);
    let held = true;
    return () => {
      if (held) this.#give();
      held = false;
    };
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (this.#free > 0) {
      this.#free -= 1;
      return Promise.resolve();
    }
    if (signal !== undefined) this.#listen(signal);
    return new Promise((resolve, reject) => this.#waiting.push({ signal, resolve, reject }));
  }

  #give(): void {
    const next = this.#waiting.shift();
    if (next === undefined) {
      this.#free += 1;
      return;
    }
    if (next.signal !== undefined) this.#unlisten(next.signal);
    next.resolve();
  }

  #listen(signal: AbortSignal): void {
    const known = this.#signals.get(signal);
    if (known !== undefined) {
      known.waiters += 1;
      return;
    }
    const onAbort = (): void => {
      this.#signals.delete(signal);
      this.#waiting.retain((waiter) => {
        if (waiter.signal === signal) waiter.reject(signal.reason);
        return waiter.signal !== signal;
      });
    };
    this.#signals.set(signal, { waiters: 1, onAbort });
    signal.addEventListener('abort', onAbort, { once: true });
  }

  #unlisten(signal: AbortSignal): void {
    const known = this.#signals.get(signal);
    if (known === undefined || --known.waiters > 0) return;
    this.#signals.delete(signal);
    signal.removeEventListener('abort', known.onAbort);
  }
}
