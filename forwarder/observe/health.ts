/** Whether this process may be counted on. */

export interface Health {
  ready(): { readonly ok: boolean; readonly reasons: readonly string[] };
}

/**
 * Ready once there is nothing left to wait for: the first sync of what can be synced. Then it stays ready, whatever
 * triggers come or are edited later, until it stops.
 */
export class StartupHealth implements Health {
  readonly #waitingFor: () => readonly string[];
  readonly #stop: AbortSignal;
  #started = false;

  /** @param waitingFor what is still missing, asked until there is nothing */
  constructor(waitingFor: () => readonly string[], stop: AbortSignal) {
    this.#waitingFor = waitingFor;
    this.#stop = stop;
  }

  ready(): { readonly ok: boolean; readonly reasons: readonly string[] } {
    if (this.#stop.aborted) return { ok: false, reasons: ['stopping'] };
    const reasons = this.#started ? [] : this.#waitingFor().map((name) => `waiting for ${name}`);
    this.#started ||= reasons.length === 0;
    return { ok: this.#started, reasons };
  }
}
