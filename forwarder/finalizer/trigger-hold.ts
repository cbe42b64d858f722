/** The finalizer that a FunctionTrigger itself carries for as long as it holds objects. */
import type { Logger } from '../lib/logger.ts';
import type { ApiError } from '../lib/errors.ts';
import { TRIGGER_FINALIZER, type TriggerIdentity, triggerName } from '../model/trigger.ts';
import type { FinalizerTask, FinalizerWriter } from './finalizer-writer.ts';

/** What a pipeline needs of it. */
export interface TriggerHold {
  /** Whether the trigger says that it holds objects, or may. */
  readonly held: boolean;
  /** Before the first object is held; false where the trigger is going, and holds nothing more. Throws ApiError. */
  take(signal: AbortSignal): Promise<boolean>;
  /** No object is held any more. */
  release(signal: AbortSignal): Promise<void>;
}

/** A trigger from a file has nothing to carry a finalizer. */
export const NO_TRIGGER_HOLD: TriggerHold = {
  held: false,
  take: () => Promise.resolve(true),
  release: () => Promise.resolve(),
};

export interface ApiTriggerHoldOptions {
  readonly writer: FinalizerWriter;
  readonly identity: Pick<TriggerIdentity, 'namespace' | 'name' | 'uid'>;
  readonly logger: Logger;
}

export class ApiTriggerHold implements TriggerHold {
  readonly #options: ApiTriggerHoldOptions;
  #held = false;
  #deleting = false;
  #busy: Promise<unknown> = Promise.resolve();

  constructor(options: ApiTriggerHoldOptions) {
    this.#options = options;
  }

  get held(): boolean {
    return this.#held;
  }

  get deleting(): boolean {
    return this.#deleting;
  }

  /** The trigger as the API server shows it. */
  seen(metadata: { readonly finalizers?: unknown; readonly deletionTimestamp?: unknown }): void {
    const { finalizers, deletionTimestamp } = metadata;
    this.#held = Array.isArray(finalizers) && finalizers.includes(TRIGGER_FINALIZER);
    this.#deleting ||= deletionTimestamp !== undefined;
  }

  async take(signal: AbortSignal): Promise<boolean> {
    await this.#inTurn(async () => {
      if (this.#held || this.#deleting) return;
      const { writer } = this.#options;
      const outcome = await writer.tryOnce(this.#task(true, signal));
      // What is being deleted takes none.
      if (outcome !== 'done') this.#deleting = true;
    });
    return this.#held && !this.#deleting;
  }

  async release(signal: AbortSignal): Promise<void> {
    await this.#inTurn(async () => {
      await this.#options.writer.write(this.#task(false, signal));
    });
  }

  #task(wanted: boolean, signal: AbortSignal): FinalizerTask {
    const { identity, logger } = this.#options;
    const { namespace, name, uid } = identity;
    return {
      path: `/apis/statewire.dev/v1alpha1/namespaces/${namespace}/functiontriggers/${name}`,
      uid,
      finalizer: TRIGGER_FINALIZER,
      wanted,
      observe: ({ metadata }) => this.seen(metadata),
      written: ({ metadata }) => this.seen(metadata),
      onFailed: ({ code, message }: ApiError) =>
        logger.warn('finalizer of the trigger cannot be written', {
          trigger: triggerName(identity),
          code,
          error: message,
        }),
      signal,
    };
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    const mine = this.#busy.then(work);
    this.#busy = mine.catch(() => undefined);
    await mine;
  }
}
