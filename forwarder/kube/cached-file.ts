import { readFileSync } from 'node:fs';
import type { Clock } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';

export interface CachedFileOptions {
  readonly path: string;
  /** A value older than this is read again when it is next asked for. */
  readonly maxAgeMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * A small text file that others replace: a rotated token or certificate. Trimmed; an empty file is an error.
 * When a later read fails the last value stays in use and the failure is logged.
 */
export class CachedFile {
  readonly #options: CachedFileOptions;
  #value: string | undefined;
  #readAtMs = 0;
  #stale = true;

  constructor(options: CachedFileOptions) {
    this.#options = options;
  }

  /** Throws when the file has never been read with success and cannot be read now. */
  read(): string {
    const { path, maxAgeMs, clock, logger } = this.#options;
    const nowMs = clock.monotonic();
    if (!this.#stale && this.#value !== undefined && nowMs - this.#readAtMs <= maxAgeMs) return this.#value;
    try {
      const text = readFileSync(path, 'utf8').trim();
      if (text === '') throw new Error(`${path} is empty`);
      this.#value = text;
      this.#readAtMs = nowMs;
      this.#stale = false;
    } catch (error) {
      if (this.#value === undefined) throw error;
      logger.warn('credential file cannot be read, the last value stays in use', { error: messageOf(error) });
    }
    return this.#value;
  }

  /** Makes the next `read` go to the file. */
  invalidate(): void {
    this.#stale = true;
  }
}
