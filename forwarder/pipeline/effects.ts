/** What one trigger writes about its objects: results, dead letters, and finalizers. */
import type { TriggerHold } from '../finalizer/trigger-hold.ts';
import type { Logger } from '../lib/logger.ts';
import type { ObjectKey } from '../model/kube-object.ts';
import type { ChildTracker } from './child-tracker.ts';
import type { Entries, Entry } from './entry.ts';
import { Finalizers } from './finalizers.ts';
import type { Intake } from './intake.ts';
import { LetterDesk } from './letter-desk.ts';
import { OwnWrites } from './own-writes.ts';
import { applierOf, ResultWriter } from './result-writer.ts';
import type { Schedule } from './schedule.ts';
import type { Scope } from './scope.ts';
import type { Services } from './services.ts';
import type { Setup } from './setup.ts';
import type { TriggerReport } from './trigger-report.ts';

export interface EffectsOptions {
  readonly services: Services;
  readonly logger: Logger;
  readonly entries: Entries;
  readonly intake: Intake;
  readonly children: ChildTracker;
  readonly schedule: Schedule;
  readonly report: TriggerReport;
  /** The trigger's own finalizer. */
  readonly trigger: TriggerHold;
  readonly setup: () => Setup;
  readonly scope: Scope;
  /** False where the trigger is invalid. */
  readonly isValid: () => boolean;
  /** Something was done to the entry's record. */
  readonly noted: (entry: Entry) => void;
  /** Whether what was noted of that key last would outlive the process. */
  readonly isStored: (key: ObjectKey) => boolean;
  /** An object that is gone is held no longer. */
  readonly forget: (entry: Entry) => void;
  readonly signal: AbortSignal;
}

export class Effects {
  readonly results: ResultWriter;
  readonly letters: LetterDesk;
  readonly finalizers: Finalizers;
  readonly #options: EffectsOptions;

  constructor(options: EffectsOptions) {
    this.#options = options;
    const { services, entries, children, scope, schedule, report, setup, signal } = options;
    const writes = new OwnWrites({
      intake: options.intake,
      children,
      rules: () => scope.currentRules,
      clock: services.clock,
      noted: options.noted,
      pass: ({ key }) => schedule.pass(key),
      released: (entry) => {
        for (const key of entries.written(entry)) schedule.queue.add(key);
      },
    });
    this.letters = new LetterDesk({
      deadLetters: services.deadLetters,
      entries,
      intake: options.intake,
      clock: services.clock,
      trigger: () => setup().trigger,
      isStored: options.isStored,
      problem: (problem) => report.letters(problem),
    });
    this.finalizers = new Finalizers({
      ...options,
      writes,
      resource: () => (scope.rules === undefined ? undefined : scope.resource),
      rules: () => scope.rules,
      problem: (entry, problem) => report.written('finalizer', entry, problem),
    });
    this.results = new ResultWriter({
      applier: applierOf(services, setup(), () => setup().trigger.spec.watch.owns),
      writes,
      children,
      signal,
      noted: options.noted,
      applied: (entry, problem) => report.written('result', entry, problem),
    });
  }

  /** What is known of an object has changed. */
  noted(entry: Entry): void {
    this.#options.noted(entry);
    this.finalizers.consider(entry);
  }

  /** More of what is known is stored. @param bytes in all */
  stored(bytes: number): void {
    const { services, setup } = this.#options;
    services.meter.set('statewire_checkpoint_bytes', { trigger: setup().name }, bytes);
    this.letters.stored();
  }

  /** A list of all objects is complete. */
  allSeen(): void {
    this.#options.schedule.resume();
    this.letters.allSeen();
    this.finalizers.synced();
  }

  /** Resolves when nothing is being written. */
  async idle(): Promise<void> {
    await this.results.idle();
    await this.finalizers.settled();
  }

  forget(entry: Entry): void {
    this.results.forget(entry);
    this.finalizers.forget(entry);
    this.letters.resolve(entry);
  }

  stop(): void {
    this.letters.close();
    this.finalizers.stop();
  }
}
