import { ApiError } from '../lib/errors.ts';
import { FrameScanner, type FrameReader, isSpace } from './frame-reader.ts';

/** JSON objects that follow each other, with or without white space between them: the body of a watch. */
export class DocumentReader implements FrameReader {
  readonly #scanner = new FrameScanner();
  #chunk: Buffer | undefined;
  #at = 0;

  /** Whether the stream may end here: no document is half read. */
  get complete(): boolean {
    return !this.#scanner.open;
  }

  push(chunk: Buffer): void {
    this.#chunk = chunk;
    this.#at = 0;
  }

  next(): Buffer | undefined {
    const chunk = this.#chunk;
    if (chunk === undefined) return undefined;
    if (!this.#scanner.open) {
      while (this.#at < chunk.length && isSpace(chunk[this.#at])) this.#at++;
      if (this.#at < chunk.length && chunk[this.#at] !== 0x7b) {
        throw new ApiError('API_PROTOCOL', 'the watch sent something that is not a JSON object');
      }
    }
    if (this.#at >= chunk.length) {
      this.#chunk = undefined;
      return undefined;
    }
    const { frame, at } = this.#scanner.scan(chunk, this.#at);
    this.#at = at;
    return frame;
  }
}
