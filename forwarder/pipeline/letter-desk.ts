/**
 * What one trigger's pipeline does about dead letters: an object that is given up gets one, and it goes with the next
 * success, with the object, or where the failure was the target's own. A replay is a wish like any other.
 */
import type { LetterFailure, LetterSubject } from '../dead-letter/dead-letter.ts';
import type { DeadLetters } from '../dead-letter/dead-letters.ts';
import type { LetterProblem } from '../dead-letter/letter-problem.ts';
import type { TriggerLetters } from '../dead-letter/trigger-letters.ts';
import { isOver, isUnmet } from '../filter/record.ts';
import { eventTypeOf } from '../filter/rules.ts';
import type { Clock } from '../lib/clock.ts';
import { type ObjectKey, objectKey } from '../model/kube-object.ts';
import type { Failure } from '../model/outcome.ts';
import type { Trigger } from '../model/trigger.ts';
import type { Delivery } from './delivery.ts';
import type { Entries, Entry } from './entry.ts';
import type { Intake } from './intake.ts';

export interface LetterDeskOptions {
  readonly deadLetters: DeadLetters;
  readonly clock: Pick<Clock, 'now'>;
  readonly entries: Entries;
  readonly intake: Pick<Intake, 'wish'>;
  /** Whether what was last wished for an object would outlive this process, as far as anything does. */
  readonly isStored: (key: ObjectKey) => boolean;
  readonly trigger: () => Trigger;
  /** What keeps letters from being written; undefined: nothing any more. */
  readonly problem: (problem: LetterProblem | undefined) => void;
}

/** Stands where a process ended before it could write why. */
const UNKNOWN = {
  code: 'UNKNOWN',
  message: 'given up before the forwarder was restarted; the Events of the object may say why',
};

export class LetterDesk {
  readonly #options: LetterDeskOptions;
  #letters: TriggerLetters | undefined;
  /** Whether every object has been seen, and every letter: only then can be told what lacks the other. */
  #allSeen = false;
  #allListed = false;
  #isMatched = false;
  /** Wished for and not yet stored, by value. */
  readonly #replays = new Map<ObjectKey, string>();

  constructor(options: LetterDeskOptions) {
    this.#options = options;
  }

  open(): void {
    const { deadLetters, entries, intake, isStored, trigger, problem } = this.#options;
    this.#letters = deadLetters.open(trigger().identity, {
      replay: (uid, value) => {
        const key = objectKey(uid);
        if (!this.#allSeen || entries.get(key) === undefined) return false;
        if (this.#replays.get(key) !== value) {
          this.#replays.set(key, value);
          intake.wish(key, { reason: 'Replay', value });
        }
        // The annotation goes once a crash would not lose what it asks for.
        return isStored(key) && this.#replays.delete(key);
      },
      isStale: (uid) => this.#allSeen && !needsLetter(entries.get(objectKey(uid))),
      listed: () => {
        this.#allListed = true;
        this.#match();
      },
      problem,
    });
  }

  /** A list of all objects is complete. */
  allSeen(): void {
    this.#allSeen = true;
    this.#letters?.sweep();
    this.#match();
  }

  /** Something more is stored: a replay may be in it. */
  stored(): void {
    if (this.#replays.size > 0) this.#letters?.ask();
  }

  /** Whether a letter can be kept for the object; else it is not given up. */
  mayGiveUp({ record }: Entry): boolean {
    return this.#letters?.canHold(record.uid) ?? true;
  }

  /** No further attempt of this state is made. */
  givenUp(entry: Entry, { flight, object }: Delivery, { code, message }: Failure, attempts: number): void {
    // A newer state came meanwhile: it is tried first.
    if (!entry.record.exhausted) return;
    this.#put(entry, {
      eventType: flight.eventType,
      resourceVersion: object.metadata.resourceVersion,
      attempts,
      error: { code, message },
    });
  }

  /** The object was handled, is no more, or was never at fault. */
  resolve(entry: Entry): void {
    entry.failingSinceMs = undefined;
    this.#replays.delete(entry.key);
    this.#letters?.resolve(entry.record.uid);
  }

  close(): void {
    this.#letters?.close();
    this.#letters = undefined;
  }

  /** Once after a start: what an earlier process gave up and did not come to write down is written now. */
  #match(): void {
    if (!this.#allSeen || !this.#allListed || this.#isMatched) return;
    this.#isMatched = true;
    for (const entry of this.#options.entries) {
      const { record } = entry;
      if (!record.exhausted || this.#letters?.has(record.uid) === true) continue;
      const { resourceVersion, attempts } = record;
      this.#put(entry, { eventType: eventTypeOf(record), resourceVersion, attempts, error: UNKNOWN });
    }
  }

  #put(entry: Entry, failure: Omit<LetterFailure, 'firstFailedMs' | 'lastFailedMs'>): void {
    const nowMs = this.#options.clock.now();
    const { apiVersion, kind } = this.#options.trigger().spec.watch;
    const { namespace, name, uid } = entry.record;
    const subject: LetterSubject = {
      apiVersion,
      kind,
      ...(namespace !== undefined && { namespace }),
      name,
      uid,
    };
    const firstFailedMs = entry.failingSinceMs ?? nowMs;
    this.#letters?.put(subject, { ...failure, firstFailedMs, lastFailedMs: nowMs });
  }
}

/** A letter stands for what was given up, and as long as it is not known whether a newer state does better. */
function needsLetter(entry: Entry | undefined): boolean {
  if (entry === undefined) return false;
  const { record, retrying } = entry;
  if (record.told) return false;
  const isPending = isOver(record) || retrying || record.wish !== undefined || record.sending !== undefined;
  return record.exhausted || isPending || isUnmet(record);
}
