/**
 * A pattern as the API server reads it (RE2) as a JavaScript regular expression with flag `u`.
 *
 * They differ in little: what `.` and `\s` stand for, what may be escaped, `\A` and `\z`, POSIX classes, flags, names of
 * groups. Undefined where this cannot tell how to say the same.
 */
export function fromGoPattern(pattern: string): RegExp | undefined {
  let out = '';
  let inClass = false;
  let rest = pattern;
  while (rest !== '') {
    const step = inClass ? inClassStep(rest) : outsideStep(rest);
    if (step === undefined) return undefined;
    out += step.text;
    if (step.opens === true) inClass = true;
    if (step.closes === true) inClass = false;
    rest = rest.slice(step.length);
  }
  try {
    return new RegExp(out, 'u');
  } catch {
    return undefined;
  }
}

interface Step {
  readonly text: string;
  /** Of the pattern. */
  readonly length: number;
  readonly opens?: boolean;
  readonly closes?: boolean;
}

/** What `\s` is in Go. */
const SPACE = String.raw`\t\n\f\r `;
const POSIX: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  digit: '0-9',
  lower: 'a-z',
  upper: 'A-Z',
  xdigit: '0-9A-Fa-f',
  word: String.raw`\w`,
  space: String.raw`\t\n\v\f\r `,
  blank: String.raw`\t `,
};
/** Characters that have to be escaped with flag `u`, and may be. */
const SYNTAX = String.raw`^$\.*+?()[]{}|/`;

function outsideStep(rest: string): Step | undefined {
  if (rest.startsWith('\\')) return escapeStep(rest, false);
  if (rest.startsWith('(?')) {
    const [named] = /^\(\?P?<(?=[A-Za-z_])/.exec(rest) ?? [];
    if (named !== undefined) return { text: '(?<', length: named.length };
    // Flags and everything else: JavaScript has them elsewhere, or not at all.
    return rest.startsWith('(?:') ? { text: '(?:', length: 3 } : undefined;
  }
  const [classStart] = /^\[\^?\]?/.exec(rest) ?? [];
  if (classStart !== undefined) {
    // A bracket right at the start of a class stands for itself.
    return { text: classStart.replace(']', String.raw`\]`), length: classStart.length, opens: true };
  }
  const [first = ''] = rest;
  if (first === '.') return { text: String.raw`[^\n]`, length: 1 };
  if (first === ']' || first === '}') return { text: `\\${first}`, length: 1 };
  if (first === '{') {
    const [repeat] = /^\{\d+(?:,\d*)?\}/.exec(rest) ?? [];
    return repeat === undefined
      ? { text: String.raw`\{`, length: 1 }
      : { text: repeat, length: repeat.length };
  }
  return { text: first, length: first.length };
}

function inClassStep(rest: string): Step | undefined {
  if (rest.startsWith('\\')) return escapeStep(rest, true);
  if (rest.startsWith(']')) return { text: ']', length: 1, closes: true };
  const [posix, name = ''] = /^\[:(\w+):\]/.exec(rest) ?? [];
  if (posix !== undefined) {
    const text = POSIX[name];
    return text === undefined ? undefined : { text, length: posix.length };
  }
  if (rest.startsWith('[:')) return undefined;
  const [first = ''] = rest;
  return { text: first === '[' ? String.raw`\[` : first, length: first.length };
}

function escapeStep(rest: string, inClass: boolean): Step | undefined {
  const letter = String.fromCodePoint(rest.codePointAt(1) ?? 0);
  const plain = (text: string): Step => ({ text, length: 1 + letter.length });
  const [hex, digits] = /^\\x(?:\{([0-9A-Fa-f]{1,6})\}|[0-9A-Fa-f]{2})/.exec(rest) ?? [];
  if (hex !== undefined) {
    return { text: digits === undefined ? hex : String.raw`\u{${digits}}`, length: hex.length };
  }
  if (letter === 's') return plain(inClass ? SPACE : `[${SPACE}]`);
  if (letter === 'S') return inClass ? undefined : plain(`[^${SPACE}]`);
  if ('dDwWnrtfv'.includes(letter)) return plain(`\\${letter}`);
  if (!inClass && 'bB'.includes(letter)) return plain(`\\${letter}`);
  if (!inClass && letter === 'A') return plain('^');
  if (!inClass && letter === 'z') return plain('$');
  if (letter === 'a') return plain(String.raw`\x07`);
  if (/[0-9A-Za-z\0]/.test(letter)) return undefined;
  if (SYNTAX.includes(letter) || (inClass && letter === '-')) return plain(`\\${letter}`);
  return plain(letter);
}
