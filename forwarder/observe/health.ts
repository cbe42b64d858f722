/** Whether this process may be counted on. */

export interface Health {
  ready(): { readonly ok: boolean; readonly reasons: readonly string[] };
}

/**
 * Ready once all it was told to wait for is done: the first sync of what can be synced. A missing kind is done too.
 * Then it stays ready, whatever triggers come later, until it stops.
 */
export class StartupHealth implements Health {
  readonly #waitingFor: Set<string>;
  #started: boolean;
  #stopping = false;

  /** @param waitingFor what is known to be missing from the start, such as the list of triggers */
  constructor(waitingFor: readonly string[]) {
    this.#waitingFor = new Set(waitingFor);
    this.#started = waitingFor.length === 0;
  }

  /** One more thing to wait for; of no effect once ready. */
  wait(name: string): void {
    if (!this.#started) this.#waitingFor.add(name);
  }

  /** It is there, or it can never be: nobody waits for it any longer. */
  done(name: string): void {
    this.#waitingFor.delete(name);
    this.#started ||= this.#waitingFor.size === 0;
  }

  /** No new work is taken: not ready for good. */
  stop(): void {
    this.#stopping = true;
  }

  ready(): { readonly ok: boolean; readonly reasons: readonly string[] } {
    if (this.#stopping) return { ok: false, reasons: ['stopping'] };
    const reasons = this.#started
      ? []
      : [...this.#waitingFor].toSorted().map((name) => `waiting for ${name}`);
    return { ok: this.#started, reasons };
  }
}
