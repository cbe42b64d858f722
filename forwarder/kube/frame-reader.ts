/**
 * Cuts a stream of bytes into JSON objects by the depth of their brackets, so neither newlines nor chunk borders matter.
 * Two shapes: documents that follow each other (a watch), and the elements of `items` within one document (a list).
 */
import { ApiError } from '../lib/errors.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** No object in etcd is nearly as large; more is a broken server. */
const MAX_FRAME_BYTES = 64 * 1024 * 1024;

/** What a reader of frames offers to whoever pumps bytes through it. */
export interface FrameReader {
  /** Takes the next bytes. Call `next` until it answers undefined before pushing more. */
  push(chunk: Buffer): void;
  /** The next whole object, valid until the next call; undefined when more bytes are needed. */
  next(): Buffer | undefined;
}

/** Follows one bracketed value over chunk borders. */
export class FrameScanner {
  #depth = 0;
  #inString = false;
  #escaped = false;
  #parts: Buffer[] = [];
  #bytes = 0;

  /** Whether a value has begun and not ended. */
  get open(): boolean {
    return this.#depth > 0;
  }

  /**
   * Reads on from `at`, which is the opening bracket or the continuation of an open value. The value is in `frame`
   * where it ends within this chunk; `at` is then behind it.
   */
  scan(chunk: Buffer, start: number): { readonly frame: Buffer | undefined; readonly at: number } {
    let depth = this.#depth;
    let inString = this.#inString;
    let at = start;
    const end = chunk.length;
    if (this.#escaped && at < end) {
      at++;
      this.#escaped = false;
    }
    scanning: while (at < end) {
      if (inString) {
        for (;;) {
          if (at >= end) break scanning;
          const byte = chunk[at++];
          if (byte === QUOTE) break;
          if (byte === BACKSLASH) {
            if (at >= end) {
              this.#escaped = true;
              break scanning;
            }
            at++;
          }
        }
        inString = false;
        continue;
      }
      const byte = chunk[at++];
      if (byte === QUOTE) inString = true;
      else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
      else if ((byte === CLOSE_BRACE || byte === CLOSE_BRACKET) && --depth === 0) break;
    }
    this.#depth = depth;
    this.#inString = inString;
    const part = chunk.subarray(start, at);
    if (depth === 0) return { frame: this.#finish(part), at };
    this.#keep(part);
    return { frame: undefined, at };
  }

  #keep(part: Buffer): void {
    this.#bytes += part.length;
    if (this.#bytes > MAX_FRAME_BYTES) {
      throw new ApiError(
        'API_PROTOCOL',
        `the API server sent an object of more than ${MAX_FRAME_BYTES} bytes`,
      );
    }
    this.#parts.push(part);
  }

  #finish(part: Buffer): Buffer {
    if (this.#parts.length === 0) return part;
    const frame = Buffer.concat([...this.#parts, part]);
    this.#parts = [];
    this.#bytes = 0;
    return frame;
  }
}

/** Whether the byte is JSON white space. */
export function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
