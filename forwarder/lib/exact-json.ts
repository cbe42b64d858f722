/**
 * JSON in which every number keeps the text the server sent: `9007199254740993`, `1.0` and `1e400` come out as they
 * went in. A number that a JavaScript number cannot hold exactly is kept as a raw JSON value (`JSON.rawJSON`).
 */

/** Finds number texts that might not survive a JavaScript number, never where a field's name stands; in strings it may err. */
const DOUBTFUL_NUMBER = /(?:^|[:,[])\s*((?:-?\d{16}|-?\d+[.eE]|-0)[\d.eE+-]*)(?![\d.eE+-]|\s*:)/g;

/** No text of JSON holds it, and a parsed string only by this escape. */
const MARK = '\u0000';
const MARK_ESCAPED = String.raw`\u0000`;

/** A number kept as its text. */
export interface RawNumber {
  readonly rawJSON: string;
}

interface JsonWithSource {
  parse(
    text: string,
    reviver: (this: unknown, key: string, value: unknown, context: { readonly source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): RawNumber;
  isRawJSON(value: unknown): value is RawNumber;
}

const json = JSON as unknown as JsonWithSource;

/** Parses text; throws SyntaxError like JSON.parse. */
export function parseExact(text: string): unknown {
  if (text.search(DOUBTFUL_NUMBER) === -1) return JSON.parse(text);
  if (text.includes(MARK_ESCAPED)) return parseByReviver(text);
  // A reviver takes six times as long as parsing without one.
  const marked = markNumbers(text);
  return marked === text ? JSON.parse(text) : withRawNumbers(JSON.parse(marked));
}

function parseByReviver(text: string): unknown {
  return json.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined && String(value) !== source
      ? json.rawJSON(source)
      : value,
  );
}

/** The text with each number that a JavaScript number cannot hold exactly as a string that begins with the mark. */
function markNumbers(text: string): string {
  let marked = '';
  let done = 0;
  let afterString = 0;
  for (const { 0: match, 1: number = '', index } of text.matchAll(DOUBTFUL_NUMBER)) {
    afterString = skipStrings(text, afterString, index);
    if (afterString > index || String(Number(number)) === number) continue;
    const end = index + match.length;
    marked += `${text.slice(done, end - number.length)}"${MARK_ESCAPED}${number}"`;
    done = end;
  }
  return marked + text.slice(done);
}

/** Where the last string ends that begins before `until`; `from` is outside of strings. */
function skipStrings(text: string, from: number, until: number): number {
  let at = from;
  for (;;) {
    const start = text.indexOf('"', at);
    if (start === -1 || start > until) return at;
    let end = start;
    do end = text.indexOf('"', end + 1);
    while (end !== -1 && isEscaped(text, end));
    if (end === -1) return text.length;
    at = end + 1;
  }
}

function isEscaped(text: string, index: number): boolean {
  let start = index;
  while (text[start - 1] === '\\') start--;
  return (index - start) % 2 === 1;
}

function withRawNumbers(value: unknown): unknown {
  if (typeof value === 'string') return value.startsWith(MARK) ? json.rawJSON(value.slice(1)) : value;
  if (typeof value !== 'object' || value === null) return value;
  const items = value as Record<string, unknown>;
  for (const key of Object.keys(items)) items[key] = withRawNumbers(items[key]);
  return items;
}

export function isRawNumber(value: unknown): value is RawNumber {
  return json.isRawJSON(value);
}
