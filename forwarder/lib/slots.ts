/** At most so many at a time, first come first served: lists to the API server, writes of results. */
export class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  /** @param size how many may hold a slot at once */
  constructor(size: number) {
    this.#free = size;
  }

  /** Runs the work once a slot is free and gives the slot back however it ends. */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    await this.#take(signal);
    try {
      return await work();
    } finally {
      this.#give();
    }
  }

  #take(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (this.#free > 0) {
      this.#free -= 1;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(onFree), 1);
        reject(signal?.reason);
      };
      const onFree = (): void => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiting.push(onFree);
    });
  }

  #give(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}
