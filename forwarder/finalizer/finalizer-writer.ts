/**
 * Sets and removes one finalizer of one object, with a loop of its own: neither a conflict nor an API server that is
 * away ever leads back to the function. An object with another uid is never written to.
 */
import { backoffMs } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import { ApiError } from '../lib/errors.ts';
import { parseExact } from '../lib/exact-json.ts';
import type { Random } from '../lib/random.ts';
import type { Slots } from '../lib/slots.ts';
import type { KubeClient, KubeRequest } from '../model/kube-client.ts';
import type { KubeObject } from '../model/kube-object.ts';
import { finalizerPatch } from './finalizer-patch.ts';

export interface FinalizerTask {
  /** Of the object, as its resource is served. */
  readonly path: string;
  readonly uid: string;
  readonly finalizer: string;
  /** Whether the object is to carry it. */
  readonly wanted: boolean;
  /** The newest state known; undefined: it is read. Asked before each try. */
  readonly newest?: () => KubeObject | undefined;
  /** A state was read. */
  readonly observe?: (object: KubeObject, text: string) => void;
  /** The object was written. */
  readonly written?: (object: KubeObject, text: string) => void;
  /** Whether it is still to be done; asked before each try. */
  readonly isWanted?: () => boolean;
  /** Around each try, whether it succeeds or fails. */
  readonly onTry?: () => void;
  readonly onTried?: () => void;
  /** What the API server said where that was no conflict; the next try comes after a backoff. */
  readonly onFailed?: (error: ApiError) => void;
  readonly signal: AbortSignal;
}

/** `gone`: there is no such object any more, or another life has its name. `stopped`: it was no longer wanted. */
export type FinalizerOutcome = 'done' | 'gone' | 'stopped';

export interface FinalizerWriterOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  /** Shared by all triggers. */
  readonly writeSlots: Slots;
}

/** Conflicts that are tried again at once, with the state that is read then. */
const QUICK_CONFLICTS = 5;
const BACKOFF = { initialMs: 500, maxMs: 30_000 };

export class FinalizerWriter {
  readonly #options: FinalizerWriterOptions;

  constructor(options: FinalizerWriterOptions) {
    this.#options = options;
  }

  /** Tries until it is done, or no longer wanted. Throws the signal's reason. */
  async write(task: FinalizerTask): Promise<FinalizerOutcome> {
    const { clock, random } = this.#options;
    for (let failures = 1; ; failures++) {
      try {
        return await this.tryOnce(task);
      } catch (error) {
        task.signal.throwIfAborted();
        if (!(error instanceof ApiError)) throw error;
        if (error.code !== 'API_CONFLICT') task.onFailed?.(error);
        const waitMs = Math.max(
          backoffMs(failures, BACKOFF, random),
          Math.min(error.retryAfterMs ?? 0, BACKOFF.maxMs),
        );
        await clock.sleep(waitMs, task.signal);
      }
    }
  }

  /** As `write`, but only conflicts are tried again. Throws ApiError too. */
  async tryOnce(task: FinalizerTask): Promise<FinalizerOutcome> {
    let read: KubeObject | undefined;
    for (let conflicts = 0; ;) {
      if (task.isWanted?.() === false) return 'stopped';
      try {
        const object = read ?? task.newest?.() ?? (await this.#read(task));
        if (object === undefined || object.metadata.uid !== task.uid) return 'gone';
        // What was read may have changed what is wanted.
        if (task.isWanted?.() === false) return 'stopped';
        return await this.#patch(task, object);
      } catch (error) {
        task.signal.throwIfAborted();
        if (!(error instanceof ApiError)) throw error;
        if (error.code === 'API_NOT_FOUND') return 'gone';
        const isConflict = error.code === 'API_CONFLICT' || error.code === 'API_INVALID';
        if (!isConflict || (conflicts += 1) > QUICK_CONFLICTS) throw error;
        read = await this.#read(task);
        if (read === undefined) return 'gone';
      }
    }
  }

  async #patch(task: FinalizerTask, object: KubeObject): Promise<FinalizerOutcome> {
    const body = finalizerPatch(object, task.finalizer, task.wanted);
    if (body === undefined) return 'done';
    task.onTry?.();
    try {
      const { path, signal } = task;
      const contentType = 'application/merge-patch+json';
      const request: KubeRequest = { method: 'PATCH', path, contentType, body, signal };
      const { writeSlots, client } = this.#options;
      const { text } = await writeSlots.run(() => client.request(request), signal);
      task.written?.(parseExact(text) as KubeObject, text);
      return 'done';
    } finally {
      task.onTried?.();
    }
  }

  /** Undefined where it is gone. */
  async #read({ path, uid, observe, signal }: FinalizerTask): Promise<KubeObject | undefined> {
    try {
      const { text } = await this.#options.client.request({ method: 'GET', path, signal });
      const object = parseExact(text) as KubeObject;
      if (object.metadata.uid !== uid) return undefined;
      observe?.(object, text);
      return object;
    } catch (error) {
      if (error instanceof ApiError && error.code === 'API_NOT_FOUND') return undefined;
      throw error;
    }
  }
}
