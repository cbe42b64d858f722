/**
 * Walks over JSON bytes without building values. It trusts that the text is JSON: brackets match and strings end;
 * where they do not, it throws JsonCursorError rather than read past the end.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;
const COLON = 0x3a;

export class JsonCursorError extends Error {
  override readonly name = 'JsonCursorError';
}

export class JsonCursor {
  readonly bytes: Buffer;
  #at: number;
  readonly #end: number;
  /** Bounds of the last key read by `nextKey`, without quotes. */
  #keyStart = 0;
  #keyEnd = 0;
  #keyEscaped = false;

  constructor(bytes: Buffer, start = 0, end: number = bytes.length) {
    this.bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  /** Where the cursor stands, as an offset into `bytes`. */
  get at(): number {
    return this.#at;
  }

  /** The first byte of the next value or bracket, which stays unread. */
  peek(): number {
    this.#space();
    return this.#byte();
  }

  /** Whether nothing but space is left. */
  get done(): boolean {
    this.#space();
    return this.#at >= this.#end;
  }

  /** Steps into an object; false, with the cursor unmoved, where the next value is something else. */
  enterObject(): boolean {
    if (this.peek() !== OPEN_BRACE) return false;
    this.#at++;
    return true;
  }

  /** Steps into an array; false, with the cursor unmoved, where the next value is something else. */
  enterArray(): boolean {
    if (this.peek() !== OPEN_BRACKET) return false;
    this.#at++;
    return true;
  }

  /** Moves to the value of the next member of the entered object; false when the object is over (and left). */
  nextKey(): boolean {
    if (this.#leave(CLOSE_BRACE)) return false;
    if (this.#byte() !== QUOTE) throw new JsonCursorError('expected a key');
    this.#keyStart = this.#at + 1;
    this.#keyEscaped = this.#string();
    this.#keyEnd = this.#at - 1;
    if (this.peek() !== COLON) throw new JsonCursorError('expected a colon');
    this.#at++;
    return true;
  }

  /** Moves to the next element of the entered array; false when the array is over (and left). */
  nextElement(): boolean {
    return !this.#leave(CLOSE_BRACKET);
  }

  /** Whether the key last read is this one (ASCII). */
  keyIs(key: string): boolean {
    if (this.#keyEscaped) return this.key() === key;
    const length = this.#keyEnd - this.#keyStart;
    if (length !== key.length) return false;
    for (let i = 0; i < length; i++) {
      if (this.bytes[this.#keyStart + i] !== key.charCodeAt(i)) return false;
    }
    return true;
  }

  /** The key last read. */
  key(): string {
    return this.#text(this.#keyStart, this.#keyEnd, this.#keyEscaped);
  }

  /** Reads a string; undefined, with the value skipped, where it is something else. */
  readString(): string | undefined {
    if (this.peek() !== QUOTE) {
      this.skip();
      return undefined;
    }
    const start = this.#at + 1;
    const escaped = this.#string();
    return this.#text(start, this.#at - 1, escaped);
  }

  /** Reads a number; undefined, with the value skipped, where it is something else. */
  readNumber(): number | undefined {
    this.#space();
    const start = this.#at;
    this.skip();
    const text = this.bytes.toString('latin1', start, this.#at);
    return /^-?\d/.test(text) ? Number(text) : undefined;
  }

  /** Skips the next value, however deep it is. */
  skip(): void {
    this.#space();
    const first = this.#byte();
    if (first === QUOTE) {
      this.#string();
      return;
    }
    if (first !== OPEN_BRACE && first !== OPEN_BRACKET) {
      this.#scalar();
      return;
    }
    const { bytes } = this;
    const end = this.#end;
    let depth = 0;
    let at = this.#at;
    while (at < end) {
      const byte = bytes[at++];
      if (byte === QUOTE) {
        for (;;) {
          if (at >= end) throw new JsonCursorError('a string does not end');
          const inside = bytes[at++];
          if (inside === QUOTE) break;
          if (inside === BACKSLASH) at++;
        }
      } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        depth++;
      } else if ((byte === CLOSE_BRACE || byte === CLOSE_BRACKET) && --depth === 0) {
        this.#at = at;
        return;
      }
    }
    throw new JsonCursorError('a value does not end');
  }

  /** Consumes a separator, or the closing bracket: then true. */
  #leave(close: number): boolean {
    let byte = this.peek();
    if (byte === COMMA) {
      this.#at++;
      byte = this.peek();
    }
    if (byte !== close) return false;
    this.#at++;
    return true;
  }

  #space(): void {
    while (this.#at < this.#end) {
      const byte = this.bytes[this.#at];
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return;
      this.#at++;
    }
  }

  #byte(): number {
    if (this.#at >= this.#end) throw new JsonCursorError('the text ends too early');
    return this.bytes[this.#at] as number;
  }

  /** From the opening quote past the closing one; tells whether there is an escape between them. */
  #string(): boolean {
    const { bytes } = this;
    const end = this.#end;
    let escaped = false;
    for (let at = this.#at + 1; at < end; at++) {
      const byte = bytes[at];
      if (byte === QUOTE) {
        this.#at = at + 1;
        return escaped;
      }
      if (byte === BACKSLASH) {
        escaped = true;
        at++;
      }
    }
    throw new JsonCursorError('a string does not end');
  }

  #scalar(): void {
    const start = this.#at;
    for (; this.#at < this.#end; this.#at++) {
      const byte = this.bytes[this.#at] as number;
      if (byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET || byte <= 0x20) break;
    }
    if (this.#at === start) throw new JsonCursorError('expected a value');
  }

  #text(start: number, end: number, escaped: boolean): string {
    const text = this.bytes.toString('utf8', start, end);
    return escaped ? (JSON.parse(`"${text}"`) as string) : text;
  }
}
