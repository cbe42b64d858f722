/**
 * Reads the regular expressions that Kubernetes accepts in CEL (RE2 syntax) into a tree. What RE2 has and this has
 * not (flags, Unicode classes, `\Q…\E`) is refused, never misread.
 * https://github.com/google/re2/wiki/Syntax
 */

/** A set of code points as inclusive ranges. */
export interface CharSet {
  readonly ranges: readonly (readonly [number, number])[];
  readonly negated: boolean;
}

export type Assertion = 'start' | 'end' | 'wordBoundary' | 'noWordBoundary';

export type RegExpNode =
  | { readonly kind: 'set'; readonly set: CharSet }
  | { readonly kind: 'assert'; readonly assertion: Assertion }
  | { readonly kind: 'sequence'; readonly items: readonly RegExpNode[] }
  | { readonly kind: 'either'; readonly options: readonly RegExpNode[] }
  /** `max` is Infinity where it is unbounded. */
  | { readonly kind: 'repeat'; readonly item: RegExpNode; readonly min: number; readonly max: number };

/** As in RE2. */
const MAX_REPEAT = 1000;
const MAX_GROUPS_DEEP = 50;

const DIGIT: CharSet['ranges'] = [[0x30, 0x39]];
const UPPER: CharSet['ranges'] = [[0x41, 0x5a]];
const LOWER: CharSet['ranges'] = [[0x61, 0x7a]];
const WORD: CharSet['ranges'] = [...DIGIT, ...UPPER, [0x5f, 0x5f], ...LOWER];
/** ASCII only, and without the vertical tab: as in RE2. */
const SPACE: CharSet['ranges'] = [
  [0x09, 0x0a],
  [0x0c, 0x0d],
  [0x20, 0x20],
];
const LAST = 0x10ffff;

const PERL_CLASSES: Readonly<Record<string, CharSet>> = {
  d: { ranges: DIGIT, negated: false },
  D: { ranges: DIGIT, negated: true },
  w: { ranges: WORD, negated: false },
  W: { ranges: WORD, negated: true },
  s: { ranges: SPACE, negated: false },
  S: { ranges: SPACE, negated: true },
};

const POSIX_CLASSES: Readonly<Record<string, CharSet['ranges']>> = {
  alnum: [...DIGIT, ...UPPER, ...LOWER],
  alpha: [...UPPER, ...LOWER],
  ascii: [[0, 0x7f]],
  blank: [
    [0x09, 0x09],
    [0x20, 0x20],
  ],
  cntrl: [
    [0, 0x1f],
    [0x7f, 0x7f],
  ],
  digit: DIGIT,
  graph: [[0x21, 0x7e]],
  lower: LOWER,
  print: [[0x20, 0x7e]],
  punct: [
    [0x21, 0x2f],
    [0x3a, 0x40],
    [0x5b, 0x60],
    [0x7b, 0x7e],
  ],
  space: [
    [0x09, 0x0d],
    [0x20, 0x20],
  ],
  upper: UPPER,
  word: WORD,
  xdigit: [...DIGIT, [0x41, 0x46], [0x61, 0x66]],
};

const CONTROL_ESCAPES: Readonly<Record<string, number>> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 };
const ASSERTIONS: Readonly<Record<string, Assertion>> = {
  A: 'start',
  z: 'end',
  b: 'wordBoundary',
  B: 'noWordBoundary',
};

/** Throws SyntaxError with one line about what is wrong. */
export function parseRegExp(pattern: string): RegExpNode {
  return new Reader(pattern).read();
}

class Reader {
  readonly #chars: readonly string[];
  #at = 0;
  #depth = 0;

  constructor(pattern: string) {
    this.#chars = Array.from(pattern);
  }

  read(): RegExpNode {
    const node = this.#either();
    if (this.#at < this.#chars.length) throw new SyntaxError('unexpected )');
    return node;
  }

  /** @param text ASCII */
  #peek(text: string): boolean {
    for (let index = 0; index < text.length; index++) {
      if (this.#chars[this.#at + index] !== text[index]) return false;
    }
    return true;
  }

  #take(text: string): boolean {
    if (!this.#peek(text)) return false;
    this.#at += text.length;
    return true;
  }

  #next(): string {
    const char = this.#chars[this.#at++];
    if (char === undefined) throw new SyntaxError('ends too early');
    return char;
  }

  #either(): RegExpNode {
    const options = [this.#sequence()];
    while (this.#take('|')) options.push(this.#sequence());
    return options.length === 1 && options[0] !== undefined ? options[0] : { kind: 'either', options };
  }

  #sequence(): RegExpNode {
    const items: RegExpNode[] = [];
    while (this.#at < this.#chars.length && !this.#peek('|') && !this.#peek(')'))
      items.push(this.#repeated());
    return { kind: 'sequence', items };
  }

  #repeated(): RegExpNode {
    const item = this.#atom();
    const times = this.#quantifier();
    if (times === undefined) return item;
    // Whether a match is the longest or the shortest makes no difference to whether there is one.
    this.#take('?');
    if (this.#quantifier() !== undefined) throw new SyntaxError('a quantifier follows a quantifier');
    return { kind: 'repeat', item, min: times[0], max: times[1] };
  }

  #quantifier(): readonly [number, number] | undefined {
    if (this.#take('*')) return [0, Infinity];
    if (this.#take('+')) return [1, Infinity];
    if (this.#take('?')) return [0, 1];
    const counted = /^\{(\d{1,5})(,?)(\d{0,5})\}/.exec(this.#chars.slice(this.#at, this.#at + 16).join(''));
    if (counted === null || (counted[2] === '' && counted[3] !== '')) return undefined;
    this.#at += counted[0].length;
    const min = Number(counted[1]);
    const max = counted[2] === '' ? min : counted[3] === '' ? Infinity : Number(counted[3]);
    if (min > max || min > MAX_REPEAT || (max !== Infinity && max > MAX_REPEAT)) {
      throw new SyntaxError(`bad repetition ${counted[0]}`);
    }
    return [min, max];
  }

  #atom(): RegExpNode {
    const char = this.#next();
    switch (char) {
      case '^':
        return { kind: 'assert', assertion: 'start' };
      case '$':
        return { kind: 'assert', assertion: 'end' };
      case '.':
        return { kind: 'set', set: { ranges: [[10, 10]], negated: true } };
      case '(':
        return this.#group();
      case '[':
        return { kind: 'set', set: this.#class() };
      case '\\':
        return this.#escape();
      case '*':
      case '+':
      case '?':
        throw new SyntaxError(`nothing before ${char}`);
      default:
        return { kind: 'set', set: one(codeOf(char)) };
    }
  }

  #group(): RegExpNode {
    if (this.#take('?') && !this.#take(':')) throw new SyntaxError('only (…) and (?:…) groups are supported');
    if (++this.#depth > MAX_GROUPS_DEEP) throw new SyntaxError('groups are nested too deeply');
    const node = this.#either();
    if (!this.#take(')')) throw new SyntaxError('missing )');
    this.#depth--;
    return node;
  }

  #escape(): RegExpNode {
    const char = this.#chars[this.#at] ?? '';
    const assertion = Object.hasOwn(ASSERTIONS, char) ? ASSERTIONS[char] : undefined;
    if (assertion !== undefined) {
      this.#at++;
      return { kind: 'assert', assertion };
    }
    return { kind: 'set', set: this.#escapedSet() };
  }

  /** After a backslash: a class or one character. */
  #escapedSet(): CharSet {
    const char = this.#next();
    if (Object.hasOwn(PERL_CLASSES, char)) return PERL_CLASSES[char] ?? one(0);
    if (Object.hasOwn(CONTROL_ESCAPES, char)) return one(CONTROL_ESCAPES[char] ?? 0);
    if (char === 'x') {
      const hex = /^(?:\{([0-9a-fA-F]{1,6})\}|([0-9a-fA-F]{2}))/.exec(
        this.#chars.slice(this.#at, this.#at + 8).join(''),
      );
      if (hex !== null) {
        this.#at += hex[0].length;
        return one(Number.parseInt(hex[1] ?? hex[2] ?? '0', 16));
      }
    } else if (/^[\x21-\x7e]$/.test(char) && !/[0-9A-Za-z]/.test(char)) {
      return one(codeOf(char));
    }
    throw new SyntaxError(`\\${char} is not supported`);
  }

  #class(): CharSet {
    const negated = this.#take('^');
    const ranges: (readonly [number, number])[] = [];
    for (let first = true; first || !this.#peek(']'); first = false) {
      if (this.#take('[:')) {
        ranges.push(...this.#posix());
        continue;
      }
      const low = this.#classItem();
      const single = low.negated || low.ranges.length !== 1 ? undefined : low.ranges[0];
      const isRange =
        this.#peek('-') && this.#chars[this.#at + 1] !== ']' && this.#at + 1 < this.#chars.length;
      if (!isRange) {
        ranges.push(...(low.negated ? complement(low.ranges) : low.ranges));
        continue;
      }
      this.#at++;
      const high = this.#classItem();
      const end = high.negated || high.ranges.length !== 1 ? undefined : high.ranges[0];
      if (
        single === undefined ||
        end === undefined ||
        single[0] !== single[1] ||
        end[0] !== end[1] ||
        end[0] < single[0]
      ) {
        throw new SyntaxError('bad range in [ ]');
      }
      ranges.push([single[0], end[0]]);
    }
    this.#at++;
    return { ranges, negated };
  }

  #classItem(): CharSet {
    const char = this.#next();
    return char === '\\' ? this.#escapedSet() : one(codeOf(char));
  }

  #posix(): CharSet['ranges'] {
    const negated = this.#take('^');
    let name = '';
    while (!this.#peek(':]')) name += this.#next();
    this.#at += 2;
    const ranges = Object.hasOwn(POSIX_CLASSES, name) ? POSIX_CLASSES[name] : undefined;
    if (ranges === undefined) throw new SyntaxError(`[:${name}:] is not supported`);
    return negated ? complement(ranges) : ranges;
  }
}

function one(code: number): CharSet {
  return { ranges: [[code, code]], negated: false };
}

function codeOf(char: string): number {
  return char.codePointAt(0) ?? 0;
}

function complement(ranges: CharSet['ranges']): [number, number][] {
  const gaps: [number, number][] = [];
  let from = 0;
  for (const [low, high] of ranges.toSorted((a, b) => a[0] - b[0])) {
    if (low > from) gaps.push([from, low - 1]);
    from = Math.max(from, high + 1);
  }
  if (from <= LAST) gaps.push([from, LAST]);
  return gaps;
}
