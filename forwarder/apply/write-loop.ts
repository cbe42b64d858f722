/**
 * Tries a write until it succeeds, is refused for good, or is no longer wanted. Neither a conflict nor an API server
 * that is away ever leads back to the function: the result at hand is tried again.
 */
import type { Clock } from '../lib/clock.ts';
import { ApiError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import type { Slots } from '../lib/slots.ts';
import type { KubeClient, KubeRequest, KubeResponse } from '../model/kube-client.ts';
import type { Meter } from '../model/metrics.ts';
import type { ApplyTask } from './apply-task.ts';

export type WriteKind = 'status' | 'child' | 'prune' | 'event';
export type WriteResult = 'written' | 'unchanged' | 'conflict' | 'refused' | 'retried';

export interface WriteLoopOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly meter: Meter;
  /** Shared by all triggers. */
  readonly writeSlots: Slots;
  /** `namespace/name`, for metrics and logs. */
  readonly trigger: string;
}

export type Tried<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'refused'; readonly error: ApiError }
  /** A newer result, a deletion, or the signal. */
  | { readonly kind: 'stopped' };

export type RetryTask = Pick<ApplyTask, 'isCurrent' | 'onRetrying' | 'onTry' | 'onTried' | 'signal' | 'uid'>;

/** Conflicts that are tried again at once, with the newer state; client-go's retry.DefaultRetry has as many. */
const QUICK_CONFLICTS = 5;
const QUICK_DELAY_MS = 10;
const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 30_000;
/** What the server answers now and may answer otherwise later. */
const PASSING = new Set([
  'API_UNAUTHORIZED',
  'API_THROTTLED',
  'API_UNAVAILABLE',
  'API_EXPIRED',
  'API_PROTOCOL',
]);

export class WriteLoop {
  readonly #options: WriteLoopOptions;

  constructor(options: WriteLoopOptions) {
    this.#options = options;
  }

  /** One write, in a slot of its own. Throws ApiError, or the signal's reason. */
  write(request: KubeRequest, signal: AbortSignal): Promise<KubeResponse> {
    return this.#options.writeSlots.run(() => this.#options.client.request({ ...request, signal }), signal);
  }

  /** Throws ApiError, or the signal's reason. */
  read(
    path: string,
    signal: AbortSignal,
    query: Readonly<Record<string, string>> = {},
  ): Promise<KubeResponse> {
    return this.#options.client.request({ method: 'GET', path, query, signal });
  }

  count(what: WriteKind, result: WriteResult): void {
    this.#options.meter.count('statewire_result_writes_total', {
      trigger: this.#options.trigger,
      what,
      result,
    });
  }

  /** Calls `attempt` until it does not fail in a passing way. Errors that are no ApiError are bugs and rethrown. */
  async run<T>(task: RetryTask, what: WriteKind, attempt: () => Promise<T>): Promise<Tried<T>> {
    let conflicts = 0;
    for (let failures = 0; ;) {
      if (task.signal.aborted || !task.isCurrent()) return { kind: 'stopped' };
      try {
        return { kind: 'done', value: await this.#try(task, attempt) };
      } catch (error) {
        if (task.signal.aborted) return { kind: 'stopped' };
        if (!(error instanceof ApiError)) throw error;
        const conflict = error.code === 'API_CONFLICT';
        if (!conflict && !PASSING.has(error.code)) return this.#refused(task, what, error);
        let delayMs = QUICK_DELAY_MS * (1 + this.#options.random());
        if (conflict) this.count(what, 'conflict');
        if (!conflict || (conflicts += 1) > QUICK_CONFLICTS) {
          delayMs = this.#backoffMs(failures, error);
          failures += 1;
          this.#retrying(task, what, error, delayMs);
        }
        if (!(await this.#slept(delayMs, task.signal))) return { kind: 'stopped' };
      }
    }
  }

  async #try<T>(task: RetryTask, attempt: () => Promise<T>): Promise<T> {
    task.onTry?.();
    try {
      return await attempt();
    } finally {
      task.onTried?.();
    }
  }

  #refused(task: RetryTask, what: WriteKind, error: ApiError): Tried<never> {
    this.count(what, 'refused');
    this.#options.logger.warn(`${what} refused`, { uid: task.uid, code: error.code, error: error.message });
    return { kind: 'refused', error };
  }

  #retrying(task: RetryTask, what: WriteKind, error: ApiError, afterMs: number): void {
    this.count(what, 'retried');
    this.#options.logger.debug(`${what} is tried again`, { uid: task.uid, code: error.code, afterMs });
    task.onRetrying?.({
      reason: error.code === 'API_CONFLICT' ? 'Conflict' : 'Unavailable',
      message: error.message,
    });
  }

  /** Between half of and the whole of each step, and no sooner than the server asks, up to the longest step. */
  #backoffMs(failures: number, error: ApiError): number {
    const stepMs = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failures, 10));
    const delayMs = stepMs * (0.5 + this.#options.random() / 2);
    return Math.max(delayMs, Math.min(error.retryAfterMs ?? 0, MAX_DELAY_MS));
  }

  async #slept(delayMs: number, signal: AbortSignal): Promise<boolean> {
    try {
      await this.#options.clock.sleep(delayMs, signal);
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      throw error;
    }
  }
}
