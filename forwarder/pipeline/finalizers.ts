/**
 * Deletion with `finalizer: true`: which objects a trigger holds, what they wait for, and when they are released. The
 * rules of a single object are in filter/; here are the trigger's own finalizer, its end, and its namespace's.
 */
import type { FinalizerProblem } from '../finalizer/finalizer-problem.ts';
import { FinalizerWriter } from '../finalizer/finalizer-writer.ts';
import { NamespaceState } from '../finalizer/namespace-state.ts';
import type { TriggerHold } from '../finalizer/trigger-hold.ts';
import type { Rules } from '../filter/rules.ts';
import type { Logger } from '../lib/logger.ts';
import type { Resource } from '../model/resource.ts';
import type { Entries, Entry } from './entry.ts';
import { FinalizerQueue } from './finalizer-queue.ts';
import type { Intake } from './intake.ts';
import type { OwnWrites } from './own-writes.ts';
import { ReleaseDeadline } from './release-deadline.ts';
import type { Services } from './services.ts';
import type { Setup } from './setup.ts';
import { Strays } from './strays.ts';
import { NONE_WAITING, type WaitingDeletions, waitingDeletions } from './waiting-deletions.ts';

export interface FinalizersOptions {
  readonly services: Services;
  readonly logger: Logger;
  readonly entries: Entries;
  readonly intake: Intake;
  readonly writes: OwnWrites;
  /** The trigger's own finalizer. */
  readonly trigger: TriggerHold;
  readonly setup: () => Setup;
  readonly resource: () => Resource | undefined;
  readonly rules: () => Rules | undefined;
  /** False where the trigger is invalid. */
  readonly isValid: () => boolean;
  /** Something was done to the entry's record. */
  readonly noted: (entry: Entry) => void;
  /** An object that is gone is held no longer. */
  readonly forget: (entry: Entry) => void;
  /** What keeps the object's finalizer from being written; undefined: nothing that somebody has to mend. */
  readonly problem: (entry: Entry, problem: FinalizerProblem | undefined) => void;
  readonly signal: AbortSignal;
}

export class Finalizers {
  readonly #options: FinalizersOptions;
  readonly #namespace: NamespaceState;
  readonly #queue: FinalizerQueue;
  readonly #deadline: ReleaseDeadline;
  readonly #strays: Strays;
  /** Objects of which an Event says that their deletion waits. */
  readonly #told = new WeakSet<Entry>();
  /** Whether everything that is held is known. */
  #complete = false;
  #ended: PromiseWithResolvers<void> | undefined;
  /** Whether the trigger has ever held objects, as far as is known. */
  #used = false;

  constructor(options: FinalizersOptions) {
    const { services, setup, signal } = options;
    const { client, clock, random, writeSlots } = services;
    this.#options = options;
    this.#namespace = new NamespaceState({ client, clock, namespace: setup().trigger.identity.namespace });
    this.#queue = new FinalizerQueue({
      ...options,
      writer: new FinalizerWriter({ client, clock, random, writeSlots }),
      left: (entry) => options.intake.reconsider(entry),
      isTerminating: () => this.#namespace.terminating,
      onIdle: () => this.#releaseTrigger(),
    });
    this.#deadline = new ReleaseDeadline({
      namespace: this.#namespace,
      clock,
      deadlineMs: () => setup().trigger.spec.finalizerDeadlineMs,
      onTerminating: () => this.#considerAll(),
      onOverdue: (entry) => {
        options.logger.warn('deletion was not handled within the deadline', { key: entry.name });
        this.#queue.giveUp(entry);
      },
      signal,
    });
    this.#strays = new Strays({ ...options, known: (entry) => this.consider(entry) });
  }

  /** Whether the namespace is known to be deleted: nothing can be created in it, and nothing need be written. */
  get terminating(): boolean {
    return this.#namespace.terminating;
  }

  /** Sees to it that the object is held before it is called for; false where it cannot be sent now. Throws ApiError. */
  ensure(entry: Entry): Promise<boolean> {
    return this.#queue.ensure(entry);
  }

  /** What is known of the object has changed. */
  consider(entry: Entry): void {
    if (this.#options.rules()?.hold === undefined) return;
    this.#queue.consider(entry);
    this.#deadline.note(entry, this.#waits(entry));
  }

  /** Whether an object that is gone from the selection is still to be released; then it is. */
  keeps(entry: Entry): boolean {
    const keeps = this.#queue.keeps(entry);
    if (keeps) this.consider(entry);
    return keeps;
  }

  /** The first list has been taken in. */
  synced(): void {
    const { setup, trigger } = this.#options;
    const { finalizer, watch } = setup().trigger.spec;
    const selects = watch.labelSelector !== undefined || watch.fieldSelector !== undefined;
    if (this.#complete || this.#ended !== undefined) return;
    if (selects && (finalizer || trigger.held)) void this.#find(true);
    else {
      this.#complete = true;
      this.#releaseTrigger();
    }
  }

  /** The trigger was edited: what is held may be released, and what is not held may have to be. */
  edited(): void {
    this.#deadline.edited();
    this.#considerAll();
    this.#releaseTrigger();
  }

  /** Whether anything may be held. */
  get used(): boolean {
    const { setup, trigger, entries } = this.#options;
    return (
      setup().trigger.spec.finalizer || trigger.held || Array.from(entries).some(({ record }) => record.held)
    );
  }

  /** Before the trigger leaves: whether its namespace goes too decides what becomes of what lives. */
  async prepareEnd(): Promise<void> {
    await this.#namespace.ask(this.#options.signal);
  }

  /** The trigger leaves, and its rules say so by now. Resolves when it holds nothing more. */
  async end(): Promise<void> {
    this.#ended = Promise.withResolvers();
    this.#considerAll();
    await this.#find(false);
    await this.#ended.promise;
  }

  /** What the trigger says of deletions that wait. */
  waiting(): WaitingDeletions {
    const { setup, trigger, entries, services } = this.#options;
    this.#used ||= setup().trigger.spec.finalizer || trigger.held;
    return this.#used ? waitingDeletions(entries, services.clock.now()) : NONE_WAITING;
  }

  /** A call for the object's end has not done it: an Event says so, once. */
  pending(entry: Entry, why: string | undefined): void {
    const { record } = entry;
    if (!record.held || record.told || this.terminating || this.#told.has(entry)) return;
    this.#told.add(entry);
    const { services, setup } = this.#options;
    const { name, trigger } = setup();
    services.recorder.record({
      trigger: name,
      regarding: {
        apiVersion: trigger.spec.watch.apiVersion,
        kind: trigger.spec.watch.kind,
        ...(record.namespace !== undefined && { namespace: record.namespace }),
        name: record.name,
        uid: record.uid,
      },
      type: why === undefined ? 'Normal' : 'Warning',
      reason: 'DeletionPending',
      action: 'Deliver',
      note:
        why === undefined
          ? `kept until trigger ${name} has cleaned up`
          : `kept until trigger ${name} has cleaned up: ${why}`,
    });
  }

  forget(entry: Entry): void {
    this.#queue.forget(entry);
    this.#deadline.forget(entry);
    if (this.#ended !== undefined) this.#releaseTrigger();
  }

  /** Resolves when what is being written now has been answered. */
  settled(): Promise<void> {
    return this.#queue.settled();
  }

  stop(): void {
    this.#queue.stop();
    this.#deadline.stop();
  }

  #waits(entry: Entry): boolean {
    const { held, told, deleting } = entry.record;
    return held && !told && (deleting || entry.gone || this.#ended !== undefined);
  }

  #considerAll(): void {
    for (const entry of this.#options.entries) {
      this.#queue.consider(entry, true);
      this.#deadline.note(entry, this.#waits(entry));
    }
  }

  async #find(selected: boolean): Promise<void> {
    this.#complete = false;
    try {
      await this.#strays.find({ selected });
    } catch (error) {
      if (this.#options.signal.aborted) return;
      throw error;
    }
    this.#complete = true;
    this.#releaseTrigger();
  }

  /** The trigger's own finalizer goes when nothing is held, or may be. */
  #releaseTrigger(): void {
    const { entries, rules, trigger, signal } = this.#options;
    const enabled = rules()?.hold?.enabled ?? true;
    if (!this.#complete || !this.#queue.idle || (enabled && this.#ended === undefined)) return;
    if (this.#ended === undefined && !trigger.held) return;
    if (Array.from(entries).some(({ record }) => record.held)) return;
    this.#ended?.resolve();
    void trigger.release(signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }
}
