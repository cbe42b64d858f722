/**
 * Holds objects until the function has heard of their end: sets the trigger's finalizer before the first call, and
 * removes it after a successful `deleted`, or where nobody waits for one any longer. Writes run in a queue of their
 * own: one that fails is tried again with backoff, and never leads to another call.
 */
import { hasFinalizer } from '../finalizer/finalizer-patch.ts';
import { type FinalizerProblem, finalizerProblemOf } from '../finalizer/finalizer-problem.ts';
import type { FinalizerOutcome, FinalizerTask, FinalizerWriter } from '../finalizer/finalizer-writer.ts';
import type { TriggerHold } from '../finalizer/trigger-hold.ts';
import { type WriteBase, writeBaseFrom, writeBaseOf } from '../filter/delivery.ts';
import { isBeforeOurs, needsDelivery, type Rules, wantsDeleted, wantsHold } from '../filter/rules.ts';
import { backoffMs } from '../lib/backoff.ts';
import { compareResourceVersions } from '../model/delta.ts';
import { ApiError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { ObjectKey } from '../model/kube-object.ts';
import { type Resource, resourcePath } from '../model/resource.ts';
import { objectFinalizer } from '../model/trigger.ts';
import { DelayingQueue } from '../queue/delaying-queue.ts';
import { type Entries, type Entry, headOf } from './entry.ts';
import type { OwnWrites } from './own-writes.ts';
import type { Services } from './services.ts';
import type { Setup } from './setup.ts';

/** Why a finalizer was removed: the `reason` of `statewire_finalizers_released_total`. */
export type ReleaseReason = 'deleted' | 'deadline' | 'disabled' | 'trigger-deleted';

export interface FinalizerQueueOptions {
  readonly services: Pick<Services, 'clock' | 'random' | 'meter'>;
  readonly writer: FinalizerWriter;
  readonly logger: Logger;
  readonly entries: Entries;
  readonly writes: OwnWrites;
  /** The trigger's own finalizer. */
  readonly trigger: TriggerHold;
  readonly setup: () => Setup;
  readonly resource: () => Resource | undefined;
  readonly rules: () => Rules | undefined;
  /** False where the trigger is invalid: then nothing is told, and nothing more is held. */
  readonly isValid: () => boolean;
  /** Whether the namespace is known to be deleted. */
  readonly isTerminating: () => boolean;
  /** A write for an object that is gone has ended: its end may have to be told, or there is nothing left to do. */
  readonly left: (entry: Entry) => void;
  /** Something was done to the entry's record. */
  readonly noted: (entry: Entry) => void;
  /** What keeps the object's finalizer from being written; undefined: nothing that somebody has to mend. */
  readonly problem: (entry: Entry, problem: FinalizerProblem | undefined) => void;
  /** Nothing is left to write for now. */
  readonly onIdle: () => void;
  readonly signal: AbortSignal;
}

/** Writes under way at once, so that other requests of the process get their turn. */
const MAX_RUNNING = 16;
const BACKOFF = { initialMs: 500, maxMs: 30_000 };

export class FinalizerQueue {
  readonly #options: FinalizerQueueOptions;
  readonly #queue: DelayingQueue;
  readonly #failures = new Map<ObjectKey, number>();
  readonly #busy = new Map<ObjectKey, Promise<unknown>>();
  /** Objects that were released although their `deleted` has not succeeded. */
  readonly #overdue = new WeakSet<Entry>();

  constructor(options: FinalizerQueueOptions) {
    this.#options = options;
    this.#queue = new DelayingQueue({
      clock: options.services.clock,
      onAdded: () => undefined,
      onDue: () => this.#pump(),
    });
  }

  /** Whether nothing is being written, or waits to be. */
  get idle(): boolean {
    return this.#queue.depth + this.#queue.delayed + this.#queue.processing + this.#busy.size === 0;
  }

  /** Sees to it that the object is held before it is called for; false where it cannot be sent now. Throws ApiError. */
  async ensure(entry: Entry): Promise<boolean> {
    const rules = this.#options.rules();
    if (rules?.hold === undefined || !wantsHold(entry.record, rules) || entry.record.held) return true;
    const outcome = await this.#alone(entry, () => this.#hold(entry, true));
    return !entry.gone && outcome === 'done' && (entry.record.held || !wantsHold(entry.record, rules));
  }

  /** Something about the object has changed. @param now also where an earlier write failed */
  consider(entry: Entry, now = false): void {
    // A write that is under way looks again when it has ended, after a backoff where it failed.
    if (this.#queue.isProcessing(entry.key) || !this.#isDue(entry)) return;
    if (now || !this.#queue.isDelayed(entry.key)) this.#queue.add(entry.key);
    this.#pump();
  }

  /** The end is waited for no longer. */
  giveUp(entry: Entry): void {
    const { record } = entry;
    this.#overdue.add(entry);
    record.told = true;
    record.unsaved = true;
    this.#options.noted(entry);
    this.consider(entry, true);
  }

  /** Whether the finalizer of an object that is gone from the selection is still to be removed, or may be. */
  keeps({ key, record }: Entry): boolean {
    if (this.#busy.has(key)) return true;
    return record.held && (record.told || this.#options.rules()?.hold?.enabled === false);
  }

  forget({ key }: Entry): void {
    this.#queue.forget(key);
    this.#failures.delete(key);
  }

  stop(): void {
    this.#queue.shutDown();
  }

  /** Resolves when what is being written now has been answered. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#busy.values());
  }

  #pump(): void {
    while (this.#queue.processing < MAX_RUNNING) {
      const key = this.#queue.take();
      if (key === undefined) break;
      void this.#work(key);
    }
  }

  async #work(key: ObjectKey): Promise<void> {
    const { logger, entries, signal } = this.#options;
    const entry = entries.get(key);
    let retryMs: number | undefined;
    try {
      const outcome = entry && (await this.#alone(entry, () => this.#write(entry)));
      // The watch will say so, too, and it may take its time for that.
      if (outcome === 'gone') retryMs = this.#backoffMs(key);
      else this.#failures.delete(key);
    } catch (error) {
      if (!(error instanceof ApiError)) {
        if (!signal.aborted) throw error;
      } else {
        retryMs = Math.max(this.#backoffMs(key), error.retryAfterMs ?? 0);
        const log = this.#failures.get(key) === 1 ? 'warn' : 'debug';
        logger[log]('finalizer cannot be written yet', {
          key: entry?.name ?? '',
          code: error.code,
          error: error.message,
        });
      }
    }
    this.#queue.done(key);
    if (entry !== undefined && entries.get(key) === entry && this.#isDue(entry)) {
      if (retryMs === undefined) this.#queue.add(key);
      else this.#queue.addAfter(key, retryMs);
    }
    this.#pump();
    if (this.idle) this.#options.onIdle();
  }

  /** Until the next try of what has failed once more. */
  #backoffMs(key: ObjectKey): number {
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    return backoffMs(failures, BACKOFF, this.#options.services.random);
  }

  /** One write at a time for each object, whoever asks for it. */
  async #alone<T>(entry: Entry, work: () => Promise<T>): Promise<T> {
    const { key } = entry;
    const mine = (this.#busy.get(key) ?? Promise.resolve()).catch(() => undefined).then(work);
    this.#busy.set(key, mine);
    try {
      const done = await mine;
      this.#options.problem(entry, undefined);
      return done;
    } catch (error) {
      if (error instanceof ApiError) this.#options.problem(entry, finalizerProblemOf(error));
      throw error;
    } finally {
      if (this.#busy.get(key) === mine) this.#busy.delete(key);
      if (entry.gone && !this.#busy.has(key)) this.#options.left(entry);
    }
  }

  #isDue(entry: Entry): boolean {
    return this.#releaseReason(entry) !== undefined || this.#isUnheld(entry);
  }

  /** Whether the function knows of the object, or will hear of its end, and nothing holds it yet. */
  #isUnheld({ record }: Entry): boolean {
    const rules = this.#options.rules();
    if (rules?.hold === undefined || record.held || !this.#options.isValid()) return false;
    return wantsHold(record, rules) && wantsDeleted(record, rules);
  }

  #releaseReason(entry: Entry): ReleaseReason | undefined {
    const { record } = entry;
    const rules = this.#options.rules();
    if (!record.held || rules?.hold === undefined) return undefined;
    if (record.told) return this.#overdue.has(entry) ? 'deadline' : 'deleted';
    if (rules.leaving === true) {
      // In a namespace that goes, what lives now is deleted next.
      const waits = this.#options.isValid() && (record.deleting || this.#options.isTerminating());
      return waits ? undefined : 'trigger-deleted';
    }
    return rules.hold.enabled ? undefined : 'disabled';
  }

  async #write(entry: Entry): Promise<FinalizerOutcome | undefined> {
    if (this.#releaseReason(entry) !== undefined) return await this.#release(entry);
    return this.#isUnheld(entry) ? await this.#hold(entry, false) : undefined;
  }

  async #hold(entry: Entry, forCall: boolean): Promise<FinalizerOutcome> {
    const { trigger, writer, rules, signal } = this.#options;
    if (entry.record.held) return 'done';
    if (!(await trigger.take(signal))) return 'stopped';
    const isWanted = (): boolean => {
      const now = rules();
      if (now === undefined || !wantsHold(entry.record, now)) return false;
      return this.#isUnheld(entry) || (forCall && needsDelivery(entry.record, now));
    };
    try {
      return await writer.tryOnce(this.#task(entry, isWanted, { wanted: true, forCall }));
    } catch (error) {
      // It left the selection meanwhile. The write may have got there, and nobody else will say so.
      if (entry.gone) entry.record.held = rules()?.hold?.selects === true;
      throw error;
    }
  }

  async #release(entry: Entry): Promise<FinalizerOutcome> {
    const { services, writer, setup, logger } = this.#options;
    const { record } = entry;
    let reason: ReleaseReason | undefined;
    const isWanted = (): boolean => {
      reason = this.#releaseReason(entry) ?? reason;
      return this.#releaseReason(entry) !== undefined;
    };
    const outcome = await writer.tryOnce(this.#task(entry, isWanted, { wanted: false, forCall: false }));
    if (outcome === 'stopped' || reason === undefined) return outcome;
    record.held = false;
    services.meter.count('statewire_finalizers_released_total', { trigger: setup().name, reason });
    const level = reason === 'deadline' ? 'warn' : 'info';
    logger[level]('object released', { key: entry.name, uid: record.uid, reason });
    return outcome;
  }

  #task(
    entry: Entry,
    isWanted: () => boolean,
    { wanted, forCall }: { readonly wanted: boolean; readonly forCall: boolean },
  ): FinalizerTask {
    const { writes, setup, resource, signal } = this.#options;
    const { record } = entry;
    const { namespace, name, uid } = record;
    const served = resource();
    if (served === undefined) throw new Error('a finalizer is written before its kind was resolved');
    const finalizer = objectFinalizer(setup().trigger.identity);
    let before: WriteBase | undefined;
    return {
      path: resourcePath(served, { namespace, name }),
      uid,
      finalizer,
      wanted,
      newest: () => {
        if (isBeforeOurs(record, record.resourceVersion)) return undefined;
        before = writeBaseOf(record);
        return writes.newest(entry);
      },
      observe: (object, text) => {
        writes.read(entry, object, text);
        before = writeBaseFrom(object, record.recipe);
      },
      written: (object, text) => {
        record.held = hasFinalizer(object, finalizer);
        writes.written(entry, before, object, text, forCall);
        // It is in the selection again, and what the watch has shown of that is older than this.
        if (
          entry.held !== undefined &&
          compareResourceVersions(entry.held.head.resourceVersion, object.metadata.resourceVersion) < 0
        ) {
          entry.held = { type: 'Modified', head: headOf(object), raw: text };
        }
      },
      isWanted,
      onTry: () => writes.begin(entry),
      onTried: () => writes.end(entry),
      signal,
    };
  }
}
