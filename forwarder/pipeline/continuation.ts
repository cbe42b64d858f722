/** How a pipeline begins: with what an earlier process has left, before anything is watched. */
import type { ObjectKey } from '../model/kube-object.ts';
import type { Checkpointer, Resumed } from './checkpointer.ts';
import { type ChildTracker, isAnotherFamily } from './child-tracker.ts';
import type { Entries, Entry } from './entry.ts';
import type { Intake } from './intake.ts';

export interface ContinuationOptions {
  readonly checkpoint: Checkpointer;
  readonly entries: Entries;
  readonly intake: Intake;
  readonly children: Pick<ChildTracker, 'isSynced' | 'recipe' | 'fingerprint'>;
  /** Value of the trigger's redeliver annotation. */
  readonly redeliverAt: () => string | undefined;
}

export class Continuation {
  readonly #options: ContinuationOptions;
  #resumed: Resumed | undefined;
  /** Ends that the earlier process had not told. */
  #untold: readonly Entry[] = [];
  #hasBegun = false;
  /** A list of the objects was complete. */
  #isListed = false;
  /** What fingerprints of children were made of when all of them were looked at last. */
  #recipe: string | undefined;

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
    this.#isListed = true;
    this.childrenListed();
  }

  /** The children of all kinds are known: what has changed there since the earlier process ended is told. */
  childrenListed(): void {
    const { entries, children, intake } = this.#options;
    if (!this.#isListed || !children.isSynced || this.#recipe === children.recipe) return;
    const isFirst = this.#recipe === undefined;
    this.#recipe = children.recipe;
    for (const entry of entries) {
      const before = entry.record.children;
      const now = children.fingerprint(entry.key);
      this.#remember(entry);
      if (isFirst && before !== undefined && now !== undefined && isAnotherFamily(before, now))
        intake.wish(entry.key, { reason: 'Child' });
    }
  }

  /** What is known of an object's children is another now; whether the function is to hear of that is not said here. */
  childrenNoted(owner: ObjectKey): void {
    const entry = this.#options.entries.get(owner);
    if (this.#recipe !== undefined && entry !== undefined) this.#remember(entry);
  }

  /** A call begins, with what is known of the object's children: the next process is to know both. */
  callBegins(entry: Entry): void {
    this.#remember(entry);
    this.#options.checkpoint.note(entry);
  }

  #remember(entry: Entry): void {
    const { checkpoint, children } = this.#options;
    const { record, key } = entry;
    const now = children.fingerprint(key);
    if (now === record.children) return;
    record.children = now;
    record.unsaved ||= record.saved;
    checkpoint.note(entry);
  }

  /** Sends all again where the trigger's annotation has another value than the one that was last obeyed. */
  redeliver(obeyed: string | undefined): void {
    const value = this.#options.redeliverAt();
    if (value !== undefined && value !== obeyed) this.#options.intake.redeliver(value);
    this.#options.checkpoint.redelivered(value);
  }
}
