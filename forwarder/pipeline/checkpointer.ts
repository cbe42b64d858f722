/**
 * Keeps one trigger's records in its checkpoint: read before anything is watched, then written at most a second after
 * they change, in one append for all that changed meanwhile.
 */
import { CheckpointLog } from '../checkpoint/checkpoint-log.ts';
import type { CheckpointHeader } from '../checkpoint/segment.ts';
import type { SegmentStore } from '../checkpoint/segment-store.ts';
import { encodeRecord } from '../filter/record-codec.ts';
import { RecipeTable } from '../filter/recipe-table.ts';
import { Alarm } from '../lib/alarm.ts';
import type { Clock } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import type { Delta } from '../model/delta.ts';
import { type ObjectKey, objectKey } from '../model/kube-object.ts';
import { type CheckpointProblem, damageOf, LOST, refusalOf } from './checkpoint-problem.ts';
import { readCheckpoint } from './read-checkpoint.ts';
import { type Entries, Entry } from './entry.ts';
import type { Schedule } from './schedule.ts';
import { SeenVersion } from './seen-version.ts';
import { UnsavedKeys } from './unsaved-keys.ts';
import { WritePace } from './write-pace.ts';

/** How long after it could not be read for lack of rights or of its kind it is tried again. */
const LOOK_AGAIN_MS = 60_000;

export interface CheckpointerOptions {
  readonly store: SegmentStore;
  readonly entries: Entries;
  readonly schedule: Pick<Schedule, 'restore' | 'wakeupOf'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Kind and group of the objects: another kind is another set. */
  readonly kind: string;
  readonly namespace: string;
  /** Whether an equal generation proves that nothing was sent in between; else resourceVersions have to. */
  readonly generationTells: () => boolean;
  /** Whether an earlier process has said that it wrote one. */
  readonly wasWritten: () => boolean;
  /** Something more is stored. @param bytes in all */
  readonly stored: (bytes: number) => void;
  readonly problem: (problem: CheckpointProblem | undefined) => void;
}

/** What an earlier process has left. */
export interface Resumed {
  /** Whether it had seen every object once: `initial: Skip` is about that moment only. */
  readonly initialSynced: boolean;
  readonly redeliverAt: string | undefined;
}

export class Checkpointer {
  readonly #options: CheckpointerOptions;
  readonly #log: CheckpointLog;
  readonly #alarm: Alarm;
  readonly #pace: WritePace;
  readonly #unsaved = new UnsavedKeys();
  #recipes = new RecipeTable();
  readonly #seen = new SeenVersion();
  #savedUpTo: string | undefined;
  #initialSynced = false;
  #redeliverAt: string | undefined;
  #writing: Promise<void> | undefined;
  /** `off`: it cannot be had, and records live in memory only. */
  #state: 'loading' | 'on' | 'off' | 'stopped' = 'loading';
  #isTakenOver = false;

  constructor(options: CheckpointerOptions) {
    this.#options = options;
    const { store, entries, clock, random, logger } = options;
    this.#alarm = new Alarm(clock, () => this.#ring());
    this.#pace = new WritePace(clock, random);
    const encode = (uid: string): string | undefined => this.#encode(objectKey(uid));
    this.#log = new CheckpointLog({ store, random, logger, encode, liveCount: () => entries.size });
  }

  /**
   * Reads what an earlier process has left into the entries, and takes over from it. Undefined where there is nothing.
   * Waits for an API server that is away; rejects with the signal's reason.
   */
  async restore(signal: AbortSignal): Promise<Resumed | undefined> {
    const { clock, logger } = this.#options;
    for (;;) {
      signal.throwIfAborted();
      try {
        return await this.#takeOver(signal);
      } catch (error) {
        signal.throwIfAborted();
        if (refusalOf(error) !== undefined) {
          this.#refused(error);
          return undefined;
        }
        const waitMs = this.#pace.failed();
        logger.warn('checkpoint cannot be read yet', { error: messageOf(error), afterMs: waitMs });
        await clock.sleep(waitMs, signal);
      }
    }
  }

  /** Another process writes now: nothing may be sent any more. */
  get isTakenOver(): boolean {
    return this.#isTakenOver;
  }

  /** Something was done to the entry's record. */
  note({ key, record }: Entry): void {
    if (!record.unsaved) return;
    record.saved = true;
    this.#unsaved.add(key);
    this.#arm();
  }

  forget({ key, record }: Entry): void {
    if (!record.saved) return;
    this.#unsaved.add(key);
    this.#arm();
  }

  /** The source has told this. */
  told(delta: Delta): void {
    if (this.#seen.told(delta)) this.#arm();
  }

  /** A list is complete. */
  synced(): void {
    this.#initialSynced = true;
    this.#seen.synced();
    this.#arm();
  }

  /** That value of the trigger's annotation has become wishes. */
  redelivered(value: string | undefined): void {
    this.#redeliverAt = value;
  }

  /** Whether what was last noted of that key is stored, as far as anything is. */
  isStored(key: ObjectKey): boolean {
    return this.#state !== 'on' || !this.#unsaved.has(key);
  }

  /** Writes what there is to write. `clean`: every call is over, and none comes any more. */
  async flush({ clean }: { readonly clean: boolean }): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
    if (this.#state !== 'on') return;
    await this.#start(clean);
    if (clean) this.stop();
  }

  /** The trigger is no more. */
  async clear(): Promise<void> {
    this.stop();
    await this.#writing;
    await this.#log.clear();
  }

  stop(): void {
    this.#state = 'stopped';
    this.#alarm.stop();
  }

  async #takeOver(signal: AbortSignal): Promise<Resumed | undefined> {
    const { kind, logger, entries, schedule } = this.#options;
    const wasWritten = this.#options.wasWritten();
    const claimed = await this.#log.claim(({ header: last }) => {
      return last?.kind === kind ? { ...last, clean: false } : this.#header(false);
    }, signal);
    const { header } = claimed;
    if (header !== undefined && header.kind !== kind) {
      logger.info('checkpoint is of another kind and starts anew', { reason: header.kind });
      for (const uid of claimed.records.keys()) this.#unsaved.add(objectKey(uid));
      return this.#begin(undefined);
    }
    const { records, recipes, unread } = readCheckpoint(claimed, this.#options);
    for (const { record, wakeup } of records) {
      const entry = new Entry(objectKey(record.uid), record);
      entries.add(entry);
      // An end that was given up is passed over: later lives of the name do not wait for it.
      if (entry.gone && !record.exhausted) entries.bury(entry);
      else schedule.restore(entry.key, wakeup);
    }
    this.#recipes = recipes;
    this.#seen.upTo = header?.completeUpTo;
    this.#initialSynced = header?.initialSynced ?? (unread.length > 0 || wasWritten);
    this.#redeliverAt = header?.redeliverAt;
    const isAbsent = header === undefined && unread.length === 0;
    return this.#begin(isAbsent && wasWritten ? LOST : damageOf(unread), !isAbsent || wasWritten);
  }

  #begin(said: CheckpointProblem | undefined, isResumed = false): Resumed | undefined {
    this.#pace.succeeded();
    this.#state = 'on';
    this.#options.problem(said);
    this.#arm();
    return isResumed ? { initialSynced: this.#initialSynced, redeliverAt: this.#redeliverAt } : undefined;
  }

  #encode(key: ObjectKey): string | undefined {
    const { entries, schedule, namespace } = this.#options;
    const record = entries.get(key)?.record;
    if (record?.saved !== true) return undefined;
    return encodeRecord(record, this.#recipes.numberOf(record.recipe), schedule.wakeupOf(key), namespace);
  }

  #header(clean: boolean): CheckpointHeader {
    return {
      kind: this.#options.kind,
      epoch: 0,
      clean,
      initialSynced: this.#initialSynced,
      byGeneration: this.#options.generationTells(),
      ...(this.#seen.upTo !== undefined && { completeUpTo: this.#seen.upTo }),
      ...(this.#redeliverAt !== undefined && { redeliverAt: this.#redeliverAt }),
      recipes: this.#recipes.stored(),
    };
  }

  #arm(): void {
    if (this.#state !== 'on' || this.#writing !== undefined) return;
    const isNeeded = this.#unsaved.size > 0;
    if (!isNeeded && (this.#seen.upTo === this.#savedUpTo || this.#options.generationTells())) return;
    this.#alarm.set(this.#pace.nextMs(isNeeded));
  }

  #ring(): void {
    if (this.#state === 'on') void this.#start(false);
    if (this.#state === 'off') void this.#lookAgain();
  }

  /** One write at a time: the log is not made for two. */
  #start(clean: boolean): Promise<void> {
    return (this.#writing ??= this.#write(clean).finally(() => {
      this.#writing = undefined;
      this.#arm();
    }));
  }

  async #write(clean: boolean): Promise<void> {
    const { entries, problem, logger } = this.#options;
    this.#pace.began();
    const keys = this.#unsaved.take();
    for (const key of keys) {
      const record = entries.get(key)?.record;
      if (record === undefined) continue;
      record.unsaved = false;
      // The recipe's number must be in the header that goes with it.
      this.#recipes.numberOf(record.recipe);
    }
    const header = this.#header(clean);
    try {
      await this.#log.append(header, keys);
      this.#unsaved.stored();
      this.#savedUpTo = header.completeUpTo;
      this.#options.stored(this.#log.stats.storedBytes);
      if (this.#pace.succeeded()) problem(undefined);
    } catch (error) {
      this.#unsaved.failed();
      if (refusalOf(error) !== undefined) return this.#refused(error);
      const waitMs = this.#pace.failed();
      logger.warn('checkpoint cannot be written yet', { error: messageOf(error), afterMs: waitMs });
      problem({ reason: 'Unavailable', message: messageOf(error) });
    }
  }

  /** It cannot be had: then records live in memory only, unless another process has it. */
  #refused(error: unknown): void {
    const { problem, logger, clock } = this.#options;
    if (this.#state === 'stopped') return;
    const reason = refusalOf(error) ?? 'Unavailable';
    problem({ reason, message: messageOf(error) });
    if (reason === 'TakenOver') {
      this.stop();
      logger.error('another process has taken over; nothing is sent any more', { error: messageOf(error) });
      this.#isTakenOver = true;
      return;
    }
    this.#state = 'off';
    logger.warn('checkpoint cannot be had; a restart sends all again', { error: messageOf(error) });
    this.#alarm.set(clock.monotonic() + LOOK_AGAIN_MS);
  }

  /** It may be had by now: then everything that is known is written, in place of what there was. */
  async #lookAgain(): Promise<void> {
    const { entries } = this.#options;
    try {
      const { records } = await this.#log.claim(() => this.#header(false));
      for (const uid of records.keys()) this.#unsaved.add(objectKey(uid));
      this.#state = 'on';
      this.#options.problem(undefined);
      for (const entry of entries) {
        entry.record.unsaved = true;
        this.note(entry);
      }
    } catch (error) {
      this.#refused(error);
    }
  }
}
