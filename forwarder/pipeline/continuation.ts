/** How a pipeline begins: with what an earlier process has left, before anything is watched. */
import type { Checkpointer, Resumed } from './checkpointer.ts';
import type { Entries, Entry } from './entry.ts';
import type { Intake } from './intake.ts';

export interface ContinuationOptions {
  readonly checkpoint: Checkpointer;
  readonly entries: Entries;
  readonly intake: Intake;
  /** Value of the trigger's redeliver annotation. */
  readonly redeliverAt: () => string | undefined;
}

export class Continuation {
  readonly #options: ContinuationOptions;
  #resumed: Resumed | undefined;
  /** Ends that the earlier process had not told. */
  #untold: readonly Entry[] = [];
  #hasBegun = false;

  constructor(options: ContinuationOptions) {
    this.#options = options;
  }

  /** Whether what an earlier process has left is known. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** False where the signal came first. */
  async begin(signal: AbortSignal): Promise<boolean> {
    const { checkpoint, entries, intake } = this.#options;
    try {
      this.#resumed = await checkpoint.restore(signal);
    } catch (error) {
      if (signal.aborted) return false;
      throw error;
    }
    this.#hasBegun = true;
    if (this.#resumed !== undefined) this.#untold = [...entries].filter(({ gone }) => gone);
    intake.resume(this.#resumed);
    return true;
  }

  /** A list is complete. */
  allSeen(): void {
    const { checkpoint, intake, redeliverAt } = this.#options;
    const resumed = this.#resumed;
    this.#resumed = undefined;
    intake.synced();
    checkpoint.synced();
    this.redeliver(resumed === undefined ? redeliverAt() : resumed.redeliverAt);
    for (const entry of this.#untold) if (entry.gone) intake.reconsider(entry);
    this.#untold = [];
  }

  /** Sends all again where the trigger's annotation has another value than the one that was last obeyed. */
  redeliver(obeyed: string | undefined): void {
    const value = this.#options.redeliverAt();
    if (value !== undefined && value !== obeyed) this.#options.intake.redeliver(value);
    this.#options.checkpoint.redelivered(value);
  }
}
