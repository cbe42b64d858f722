/** What a trigger wants to write and cannot: the `StatusApplied` condition. */
import type { ApplyProblem } from '../apply/apply-task.ts';
import type { LetterProblem } from '../dead-letter/letter-problem.ts';
import type { FinalizerProblem } from '../finalizer/finalizer-problem.ts';
import type { ConditionChange } from '../status/conditions.ts';
import type { Entry } from './entry.ts';

export type WriteProblem = ApplyProblem | FinalizerProblem;

/** Parts of what is written about an object: what its last result says, and the trigger's finalizer. */
export const WRITTEN_PARTS = ['result', 'finalizer'] as const;
export type WrittenPart = (typeof WRITTEN_PARTS)[number];

export class WriteProblems {
  readonly #byPart: Readonly<Record<WrittenPart, Map<Entry, WriteProblem>>> = {
    result: new Map(),
    finalizer: new Map(),
  };
  #letters: LetterProblem | undefined;

  /** Returns whether that is news. @param problem undefined: it was written, or will be without anybody's doing */
  note(part: WrittenPart, entry: Entry, problem: WriteProblem | undefined): boolean {
    const known = this.#byPart[part].get(entry);
    if (known?.message === problem?.message && known?.reason === problem?.reason) return false;
    if (problem === undefined) this.#byPart[part].delete(entry);
    else this.#byPart[part].set(entry, problem);
    return true;
  }

  /** What keeps dead letters from being written; undefined: nothing. */
  noteLetters(problem: LetterProblem | undefined): void {
    this.#letters = problem;
  }

  /** Forgets what was said of objects. */
  clear(): void {
    for (const problems of Object.values(this.#byPart)) problems.clear();
  }

  condition(): ConditionChange {
    const { result, finalizer } = this.#byPart;
    const type = 'StatusApplied';
    const [example] = result.size > 0 ? result : finalizer;
    if (example !== undefined) {
      const [{ name }, { reason, message }] = example;
      return { type, status: 'False', reason, message: `${name}: ${message}` };
    }
    if (this.#letters !== undefined) return { type, status: 'False', ...this.#letters };
    return { type, status: 'True', reason: 'Applied' };
  }
}
