import { ApiError } from '../lib/errors.ts';
import { FrameScanner, type FrameReader, isSpace } from './frame-reader.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** Kind and metadata of a list; everything but its items. */
const MAX_ENVELOPE_BYTES = 1024 * 1024;

/** A list without its items. */
export interface ListEnvelope {
  readonly kind: string;
  readonly resourceVersion: string;
  /** Token of the next page; empty on the last one. */
  readonly continue: string;
}

/**
 * The elements of `items` in the body of a list of any size, wherever the key stands. What is around them is kept:
 * `envelope()` tells it once the body is over.
 */
export class ListReader implements FrameReader {
  readonly #scanner = new FrameScanner();
  #chunk: Buffer | undefined;
  #at = 0;
  /** The body with the elements left out: still one JSON document. */
  readonly #envelope: number[] = [];
  #depth = 0;
  #inString = false;
  #escaped = false;
  /** Where in the envelope the string that is being read, or was read last at depth 1, begins and ends. */
  #stringStart = 0;
  #stringEnd = 0;
  #key = '';
  #inItems = false;

  push(chunk: Buffer): void {
    this.#chunk = chunk;
    this.#at = 0;
  }

  next(): Buffer | undefined {
    const chunk = this.#chunk;
    if (chunk === undefined) return undefined;
    while (this.#at < chunk.length) {
      if (this.#scanner.open || (this.#inItems && this.#depth === 2 && chunk[this.#at] === OPEN_BRACE)) {
        const { frame, at } = this.#scanner.scan(chunk, this.#at);
        this.#at = at;
        if (frame !== undefined) return frame;
      } else {
        this.#step(chunk[this.#at++] as number);
      }
    }
    this.#chunk = undefined;
    return undefined;
  }

  /** Throws ApiError where the body was cut short or is no list. */
  envelope(): ListEnvelope {
    if (this.#depth !== 0 || this.#envelope.length === 0) {
      throw new ApiError('API_UNAVAILABLE', 'the answer to a list ended too early');
    }
    const list = parseEnvelope(Buffer.from(this.#envelope).toString('utf8'));
    const kind = list['kind'];
    const metadata = list['metadata'] as Readonly<Record<string, unknown>> | null | undefined;
    const resourceVersion = metadata?.['resourceVersion'];
    const next = metadata?.['continue'];
    if (typeof kind !== 'string' || !kind.endsWith('List') || typeof resourceVersion !== 'string') {
      throw new ApiError('API_PROTOCOL', 'the answer to a list is not a list');
    }
    return { kind, resourceVersion, continue: typeof next === 'string' ? next : '' };
  }

  /** One byte outside of the elements. */
  #step(byte: number): void {
    if (this.#inItems && this.#depth === 2) {
      if (byte === COMMA || isSpace(byte)) return;
      if (byte !== CLOSE_BRACKET)
        throw new ApiError('API_PROTOCOL', 'a list holds something that is no object');
      this.#inItems = false;
    }
    if (this.#envelope.push(byte) > MAX_ENVELOPE_BYTES) {
      throw new ApiError('API_PROTOCOL', 'the answer to a list is not a list');
    }
    if (this.#inString) {
      if (this.#escaped) this.#escaped = false;
      else if (byte === BACKSLASH) this.#escaped = true;
      else if (byte === QUOTE) {
        this.#inString = false;
        this.#stringEnd = this.#envelope.length;
      }
    } else if (byte === QUOTE) {
      this.#inString = true;
      this.#stringStart = this.#envelope.length - 1;
    } else if (byte === COLON && this.#depth === 1) {
      this.#key = Buffer.from(this.#envelope.slice(this.#stringStart, this.#stringEnd)).toString('utf8');
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      this.#inItems = this.#depth === 1 && byte === OPEN_BRACKET && isItems(this.#key);
      this.#depth++;
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      this.#depth--;
    }
  }
}

function isItems(key: string): boolean {
  return key === '"items"' || (key.includes('\\') && parseText(key) === 'items');
}

function parseEnvelope(text: string): Readonly<Record<string, unknown>> {
  const value = parseText(text);
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

function parseText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
