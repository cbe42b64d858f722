/**
 * Writes the status of triggers, quietly: conditions at once, counts at most every 10 s per trigger, nothing where nothing
 * changed, and never more than 4 writes at a time. A write that fails is tried again with the newest state.
 */
import { Alarm } from '../lib/alarm.ts';
import { backoffMs } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import { ApiError, messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import { Slots } from '../lib/slots.ts';
import type { KubeClient } from '../model/kube-client.ts';
import { type TriggerIdentity, triggerName } from '../model/trigger.ts';
import type { ConditionChange } from './conditions.ts';
import { adopted, applyBody, changed, sameButCounts, type StatusState } from './status-state.ts';
import type { StatusChange, TriggerStatusSink } from './trigger-status.ts';

export interface TriggerStatusWriterOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

const FIELD_MANAGER = 'statewire-forwarder';
const MAX_WRITES = 4;
const COUNTS_EVERY_MS = 10_000;
const RETRY = { initialMs: 1000, maxMs: 60_000 };

interface Entry {
  state: StatusState;
  /** As the API server has it, as far as we know. */
  written: StatusState | undefined;
  /** When counts were last written, monotonic. */
  countsAtMs: number;
  failures: number;
  /** No write before this, monotonic. */
  notBeforeMs: number;
  running: Promise<void> | undefined;
  isPlanned: boolean;
  readonly alarm: Alarm;
}

export class TriggerStatusWriter implements TriggerStatusSink {
  readonly #client: KubeClient;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #logger: Logger;
  readonly #slots = new Slots(MAX_WRITES);
  readonly #entries = new Map<string, Entry>();
  #closed = false;

  constructor({ client, clock, random, logger }: TriggerStatusWriterOptions) {
    this.#client = client;
    this.#clock = clock;
    this.#random = random;
    this.#logger = logger;
  }

  adopt(trigger: TriggerIdentity, status: unknown): void {
    const state = adopted(trigger, status);
    if (state !== undefined && !this.#entries.has(trigger.uid)) this.#add(trigger, state, state);
  }

  update(trigger: TriggerIdentity, change: StatusChange): void {
    if (this.#closed) return;
    const known = this.#entries.get(trigger.uid);
    const state = changed(known?.state, trigger, change, this.#clock.now());
    const entry = known ?? this.#add(trigger, state, undefined);
    entry.state = state;
    // Counts come with every change of an object: where a write is planned, it takes them along.
    const onlyCounts = change.objects !== undefined && Object.keys(change).length === 1;
    if (!onlyCounts || !entry.isPlanned) this.#plan(entry);
  }

  checkpointOf({ uid }: TriggerIdentity): string | undefined {
    return this.#entries.get(uid)?.state.checkpoint;
  }

  reasonOf({ uid }: TriggerIdentity, type: ConditionChange['type']): string | undefined {
    return this.#entries.get(uid)?.state.conditions.find((one) => one.type === type)?.reason;
  }

  forget({ uid }: TriggerIdentity): void {
    this.#entries.get(uid)?.alarm.stop();
    this.#entries.delete(uid);
  }

  async flush(): Promise<void> {
    await Promise.all(
      [...this.#entries.values()].map(async (entry) => {
        await entry.running;
        await this.#start(entry);
      }),
    );
  }

  /** Flushes; what could not be written then is given up, and later changes are not taken. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.flush();
    for (const { alarm } of this.#entries.values()) alarm.stop();
    this.#entries.clear();
  }

  #add({ uid }: TriggerIdentity, state: StatusState, written: StatusState | undefined): Entry {
    const entry: Entry = {
      state,
      written,
      countsAtMs: -Infinity,
      isPlanned: false,
      failures: 0,
      notBeforeMs: 0,
      running: undefined,
      alarm: new Alarm(this.#clock, () => this.#ring(entry)),
    };
    this.#entries.set(uid, entry);
    return entry;
  }

  /** Sets the alarm for the next write. Even one that is due waits for it, so that what comes in one turn is one write. */
  #plan(entry: Entry): void {
    if (entry.running !== undefined) return;
    const dueMs = this.#dueMs(entry);
    entry.isPlanned = dueMs !== undefined;
    entry.alarm.set(dueMs);
  }

  /** When to write, monotonic; undefined where there is nothing to write. */
  #dueMs({ state, written, countsAtMs, notBeforeMs }: Entry): number | undefined {
    if (written === undefined) return notBeforeMs;
    if (applyBody(state) === applyBody(written)) return undefined;
    return sameButCounts(state, written) ? Math.max(notBeforeMs, countsAtMs + COUNTS_EVERY_MS) : notBeforeMs;
  }

  /** An alarm may ring early. */
  #ring(entry: Entry): void {
    const dueMs = this.#dueMs(entry);
    entry.isPlanned = false;
    if (dueMs !== undefined && dueMs > this.#clock.monotonic()) this.#plan(entry);
    else if (dueMs !== undefined) void this.#start(entry);
  }

  /** Resolves when the write is over, however it ended. */
  #start(entry: Entry): Promise<void> {
    entry.running ??= this.#slots
      .run(() => this.#write(entry))
      .finally(() => {
        entry.running = undefined;
        if (this.#entries.get(entry.state.trigger.uid) === entry && !this.#closed) this.#plan(entry);
      });
    return entry.running;
  }

  async #write(entry: Entry): Promise<void> {
    const { state, written } = entry;
    const body = applyBody(state);
    if (this.#entries.get(state.trigger.uid) !== entry) return;
    if (written !== undefined && body === applyBody(written)) return;
    const { namespace, name } = state.trigger;
    try {
      await this.#client.request({
        method: 'PATCH',
        path: `/apis/statewire.dev/v1alpha1/namespaces/${namespace}/functiontriggers/${name}/status`,
        query: { fieldManager: FIELD_MANAGER, force: 'true' },
        contentType: 'application/apply-patch+yaml',
        body,
      });
      this.#isWritten(entry, state);
    } catch (error) {
      this.#hasFailed(entry, state, error);
    }
  }

  #isWritten(entry: Entry, state: StatusState): void {
    if (state.objects !== entry.written?.objects) entry.countsAtMs = this.#clock.monotonic();
    entry.written = state;
    entry.failures = 0;
    entry.notBeforeMs = 0;
  }

  #hasFailed(entry: Entry, state: StatusState, error: unknown): void {
    const trigger = triggerName(state.trigger);
    const code = error instanceof ApiError ? error.code : 'API_UNAVAILABLE';
    if (code === 'API_NOT_FOUND' || code === 'API_INVALID') {
      // Gone, or refused for good: the same bytes would meet the same answer.
      this.#isWritten(entry, state);
      const level = code === 'API_NOT_FOUND' ? 'debug' : 'error';
      this.#logger[level]('trigger status not written', { trigger, code, error: messageOf(error) });
      return;
    }
    entry.failures += 1;
    const asked = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0;
    const afterMs = Math.round(Math.max(backoffMs(entry.failures, RETRY, this.#random), asked));
    entry.notBeforeMs = this.#clock.monotonic() + afterMs;
    this.#logger.warn('trigger status will be written later', {
      trigger,
      code,
      afterMs,
      error: messageOf(error),
    });
  }
}
