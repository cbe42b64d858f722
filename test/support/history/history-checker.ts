/**
 * Decides whether a history keeps the promises I1 to I16 (docs/reliability.md): one pass over the facts, with little
 * work for each, and a look at everything whenever all is quiet. What the facts do not tell it does not judge.
 */
import type { Fact, Invariant, Violation } from './fact.ts';
import { Ledger } from './ledger.ts';
import { RULES } from './rules.ts';

export type Report = (invariant: Invariant, message: string, ...facts: readonly (Fact | undefined)[]) => void;

/** Looks at a fact and at everything before it. */
export type Rule = (fact: Fact, ledger: Ledger, report: Report) => void;

export class HistoryChecker {
  readonly ledger: Ledger = new Ledger();
  readonly #violations: Violation[] = [];
  readonly #report: Report = (invariant, message, ...facts) => {
    this.#violations.push({ invariant, message, facts: facts.filter((fact) => fact !== undefined) });
  };

  get violations(): readonly Violation[] {
    return this.#violations;
  }

  take(fact: Fact): void {
    if (fact.fact === 'call') this.ledger.overdue(fact.trigger, fact.atMs);
    for (const rule of RULES[fact.fact] ?? []) rule(fact, this.ledger, this.#report);
    this.ledger.apply(fact);
  }
}
