/**
 * Regular expressions whose time grows linearly with the text, whatever the pattern: all states are followed at once
 * (Thompson), never tried one after the other. JavaScript's own engine takes 17 s for `(a+)+$` on 28 characters.
 */
import { type Assertion, type CharSet, parseRegExp, type RegExpNode } from './regexp-syntax.ts';

type State =
  | { readonly kind: 'set'; readonly set: CharSet; readonly next: number }
  | { readonly kind: 'assert'; readonly assertion: Assertion; readonly next: number }
  | { kind: 'split'; first: number; second: number };

/** Counted repetitions are written out: `(x{100}){100}` would be 10,000 states. */
const MAX_STATES = 2000;
/** States times characters of one test. */
const MAX_STEPS = 20_000_000;

/** Stands for "matched"; every other state is an index. */
const MATCHED = -1;
const NO_CHAR = -1;

export class LinearRegExp {
  readonly #states: State[] = [];
  readonly #start: number;
  /** For each state the last position at which it was entered. */
  readonly #enteredAt: Int32Array;

  /** Throws SyntaxError for a pattern that is wrong, not supported or too large. */
  constructor(pattern: string) {
    this.#start = this.#compile(parseRegExp(pattern), MATCHED);
    this.#enteredAt = new Int32Array(this.#states.length);
  }

  /** Whether the pattern matches anywhere in the text. Throws RangeError where text and pattern are too large together. */
  test(text: string): boolean {
    if (text.length * this.#states.length > MAX_STEPS) throw new RangeError('text too long for this pattern');
    this.#enteredAt.fill(-1);
    let active: number[] = [];
    let before = NO_CHAR;
    let position = 0;
    const chars = text[Symbol.iterator]();
    for (;;) {
      const { done = false, value = '' } = chars.next();
      const code = done ? NO_CHAR : (value.codePointAt(0) ?? NO_CHAR);
      // A match may begin anywhere.
      active.push(this.#start);
      const entered = this.#enter(active, position, before, code);
      if (entered === undefined) return true;
      if (done) return false;
      active = [];
      for (const index of entered) {
        const state = this.#states[index];
        if (state?.kind === 'set' && contains(state.set, code)) active.push(state.next);
      }
      before = code;
      position++;
    }
  }

  /** The states that wait for a character; undefined where the match is complete. */
  #enter(indexes: number[], position: number, before: number, after: number): number[] | undefined {
    const waiting: number[] = [];
    for (let index = indexes.pop(); index !== undefined; index = indexes.pop()) {
      if (index === MATCHED) return undefined;
      if (this.#enteredAt[index] === position) continue;
      this.#enteredAt[index] = position;
      const state = this.#states[index];
      if (state?.kind === 'set') waiting.push(index);
      else if (state?.kind === 'split') indexes.push(state.second, state.first);
      else if (state !== undefined && holds(state.assertion, before, after)) indexes.push(state.next);
    }
    return waiting;
  }

  /** Adds the states of a node, and returns where it begins; they end in `next`. */
  #compile(node: RegExpNode, next: number): number {
    switch (node.kind) {
      case 'set':
        return this.#add({ kind: 'set', set: node.set, next });
      case 'assert':
        return this.#add({ kind: 'assert', assertion: node.assertion, next });
      case 'sequence':
        return node.items.reduceRight((follower, item) => this.#compile(item, follower), next);
      case 'either':
        return node.options
          .map((option) => this.#compile(option, next))
          .reduceRight((second, first) => this.#add({ kind: 'split', first, second }));
      case 'repeat':
        return this.#compileRepeat(node, next);
      default:
        throw node satisfies never;
    }
  }

  #compileRepeat({ item, min, max }: Extract<RegExpNode, { kind: 'repeat' }>, next: number): number {
    let start = next;
    if (max === Infinity) {
      const loop: Extract<State, { kind: 'split' }> = { kind: 'split', first: next, second: next };
      start = this.#add(loop);
      loop.first = this.#compile(item, start);
    } else {
      for (let left = max - min; left > 0; left--) {
        start = this.#add({ kind: 'split', first: this.#compile(item, start), second: next });
      }
    }
    for (let left = min; left > 0; left--) start = this.#compile(item, start);
    return start;
  }

  #add(state: State): number {
    if (this.#states.length >= MAX_STATES) throw new SyntaxError('pattern too large');
    return this.#states.push(state) - 1;
  }
}

function contains({ ranges, negated }: CharSet, code: number): boolean {
  return ranges.some(([low, high]) => code >= low && code <= high) !== negated;
}

function holds(assertion: Assertion, before: number, after: number): boolean {
  switch (assertion) {
    case 'start':
      return before === NO_CHAR;
    case 'end':
      return after === NO_CHAR;
    case 'wordBoundary':
      return isWord(before) !== isWord(after);
    case 'noWordBoundary':
      return isWord(before) === isWord(after);
    default:
      throw assertion satisfies never;
  }
}

function isWord(code: number): boolean {
  return code >= 0 && /^\w$/.test(String.fromCharCode(code)) && code < 128;
}
