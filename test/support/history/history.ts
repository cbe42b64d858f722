/** A history as it is recorded: facts in the order in which they happened, each seen by the checker at once. */
import { createHash } from 'node:crypto';
import { HistoryChecker } from './history-checker.ts';
import type { Fact, Violation } from './fact.ts';

export interface HistoryOptions {
  /** How many of the last facts are kept; default: all. */
  readonly keep?: number;
  /** Called with the first violation and every further one. */
  readonly onViolation?: (violation: Violation) => void;
  /** Makes a digest of everything that was recorded, to compare runs. */
  readonly digests?: boolean;
}

export class History {
  readonly checker: HistoryChecker = new HistoryChecker();
  readonly #options: HistoryOptions;
  readonly #hash = createHash('sha256');
  #facts: Fact[] = [];
  #reported = 0;
  /** Facts recorded. */
  size = 0;

  constructor(options: HistoryOptions = {}) {
    this.#options = options;
  }

  record(fact: Fact): void {
    const { keep = Infinity, onViolation, digests } = this.#options;
    this.size++;
    this.#facts.push(fact);
    if (this.#facts.length > 2 * keep) this.#facts = this.#facts.slice(-keep);
    if (digests === true) this.#hash.update(lineOf(fact));
    this.checker.take(fact);
    for (; this.#reported < this.violations.length; this.#reported++) {
      const violation = this.violations[this.#reported];
      if (violation !== undefined) onViolation?.(violation);
    }
  }

  get violations(): readonly Violation[] {
    return this.checker.violations;
  }

  /** The last facts, oldest first. */
  get facts(): readonly Fact[] {
    return this.#facts.slice(-(this.#options.keep ?? this.#facts.length));
  }

  /** Of all facts, with `digests`. */
  digest(): string {
    return this.#hash.copy().digest('hex');
  }

  /** JSON lines of the facts that are kept. */
  text(): string {
    return this.facts.map(lineOf).join('');
  }
}

/** Reads JSON lines. */
export function readHistory(text: string): Fact[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Fact);
}

/** Every violation in a history, in the order in which they show. */
export function checkHistory(facts: Iterable<Fact>): readonly Violation[] {
  const checker = new HistoryChecker();
  for (const fact of facts) checker.take(fact);
  return checker.violations;
}

/** A violation as text: the invariant, what is wrong, and the facts. */
export function describeViolation({ invariant, message, facts }: Violation): string {
  return [`${invariant}: ${message}`, ...facts.map((fact) => `  ${JSON.stringify(fact)}`)].join('\n');
}

function lineOf(fact: Fact): string {
  return `${JSON.stringify(fact)}\n`;
}
