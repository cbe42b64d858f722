/**
 * JSON in which every number keeps the text the server sent: `9007199254740993`, `1.0` and `1e400` come out as they
 * went in. A number that a JavaScript number cannot hold exactly is kept as a raw JSON value (`JSON.rawJSON`).
 */

/** Finds number texts that might not survive a JavaScript number; inside strings it may err, which only costs time. */
const DOUBTFUL_NUMBER = /(?:^|[:,[])\s*(?:-?\d{16}|-?\d+[.eE]|-0)/;

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
  if (!DOUBTFUL_NUMBER.test(text)) return JSON.parse(text);
  return json.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined && String(value) !== source
      ? json.rawJSON(source)
      : value,
  );
}

export function isRawNumber(value: unknown): value is RawNumber {
  return json.isRawJSON(value);
}
