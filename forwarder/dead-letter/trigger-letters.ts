/** The dead letters of one trigger: which objects have one, and how many more there may be. */
import type { TriggerIdentity } from '../model/trigger.ts';
import type { LetterFailure, LetterSubject } from './dead-letter.ts';
import type { Letter } from './letter.ts';
import type { LetterProblem } from './letter-problem.ts';

/** What the trigger's pipeline says and does. */
export interface LetterListener {
  /** Has the object delivered again. False where that cannot be told yet: asked again with the next `sweep`. */
  readonly replay: (objectUid: string, value: string) => boolean;
  /** Whether nothing is left that the letter could stand for: the object was handled, or is gone. */
  readonly isStale: (objectUid: string) => boolean;
  /** Every letter that there was is known now. */
  readonly listed: () => void;
  /** What keeps letters from being written. The same problem is told once; undefined: none any more. */
  readonly problem: (problem: LetterProblem | undefined) => void;
}

/** More are not kept: whoever has so many needs no further one to see that something is wrong. */
export const MAX_LETTERS = 1000;

const FULL: LetterProblem = {
  reason: 'DeadLettersFull',
  message: `${MAX_LETTERS} dead letters are the most for a trigger; further failing objects stay pending`,
};

export class TriggerLetters {
  readonly trigger: TriggerIdentity;
  readonly #listener: LetterListener;
  readonly #letterFor: (subject: LetterSubject, failure: LetterFailure) => Letter;
  readonly #onClose: (letters: TriggerLetters) => void;
  readonly #byObject = new Map<string, Letter>();
  #full = false;
  #refused: LetterProblem | undefined;
  #told: LetterProblem | undefined;

  constructor(
    trigger: TriggerIdentity,
    listener: LetterListener,
    ports: {
      /** Writes a letter for that object. */
      readonly write: (subject: LetterSubject, failure: LetterFailure) => Letter;
      readonly close: (letters: TriggerLetters) => void;
    },
  ) {
    this.trigger = trigger;
    this.#listener = listener;
    this.#letterFor = ports.write;
    this.#onClose = ports.close;
  }

  get size(): number {
    return this.#byObject.size;
  }

  has(objectUid: string): boolean {
    return this.#byObject.has(objectUid);
  }

  /** Whether the object may be given up: it has a letter already, or there is room for one more. */
  canHold(objectUid: string): boolean {
    if (this.#byObject.has(objectUid)) return true;
    this.#full = this.#byObject.size >= MAX_LETTERS;
    this.#tell();
    return !this.#full;
  }

  /** The object was given up: its letter is written in the background. */
  put(subject: LetterSubject, failure: LetterFailure): void {
    this.#byObject.set(subject.uid, this.#letterFor(subject, failure));
  }

  /** The object was handled, or is gone and nobody needs to hear of it: its letter goes, if it has one. */
  resolve(objectUid: string): void {
    const letter = this.#byObject.get(objectUid);
    if (letter === undefined) return;
    this.drop(letter);
    letter.remove();
  }

  /** Looks through all letters: stale ones go, replays that waited are asked for. */
  sweep(): void {
    for (const [objectUid, letter] of this.#byObject) {
      if (this.#listener.isStale(objectUid)) this.resolve(objectUid);
      else letter.ask();
    }
  }

  /** Asks again for replays that were not seen to. */
  ask(): void {
    for (const letter of this.#byObject.values()) letter.ask();
  }

  /** The trigger's pipeline ends; its letters stay. */
  close(): void {
    this.#byObject.clear();
    this.#onClose(this);
  }

  // ── told by DeadLetters ───────────────────────────────────────────────────────────────────────────────────────

  /** There is a letter of this trigger. Whether it is stale is asked of whole lists only: a new one may be another process's. */
  adopt(letter: Letter): void {
    const { objectUid } = letter;
    if (this.#byObject.get(objectUid) === letter) return;
    this.#byObject.set(objectUid, letter);
    letter.ask();
  }

  /** The letter is gone, or on its way out. */
  drop(letter: Letter): void {
    if (this.#byObject.get(letter.objectUid) !== letter) return;
    this.#byObject.delete(letter.objectUid);
    if (this.#byObject.size < MAX_LETTERS) this.#full = false;
    if (this.#byObject.size === 0) this.#refused = undefined;
    this.#tell();
  }

  replay(value: string, letter: Letter): void {
    const { objectUid } = letter;
    if (this.#byObject.get(objectUid) === letter && this.#listener.replay(objectUid, value))
      letter.take(value);
  }

  refused(problem: LetterProblem | undefined): void {
    this.#refused = problem;
    this.#tell();
  }

  listed(): void {
    this.sweep();
    this.#listener.listed();
  }

  #tell(): void {
    const problem = this.#refused ?? (this.#full ? FULL : undefined);
    if (problem?.message === this.#told?.message) return;
    this.#told = problem;
    this.#listener.problem(problem);
  }
}
