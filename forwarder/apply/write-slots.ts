/** Bounds the writes that are under way at one time, over all triggers: first come, first served. */
export class WriteSlots {
  readonly #limit: number;
  readonly #waiting: (() => void)[] = [];
  #taken = 0;

  /** @param limit @defaultValue 32 */
  constructor(limit = 32) {
    this.#limit = limit;
  }

  /** Runs `work` once a slot is free, and frees it afterwards, whatever came of it. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#taken < this.#limit) this.#taken += 1;
    else await new Promise<void>((resolve) => void this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      // The slot passes straight to the next, so that nobody who comes now can slip in between.
      const next = this.#waiting.shift();
      if (next === undefined) this.#taken -= 1;
      else next();
    }
  }
}
