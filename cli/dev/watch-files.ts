/** Tells when files are saved, however an editor does that: written in place, or replaced by another. */
import { createHash } from 'node:crypto';
import { type FSWatcher, readFileSync, watch } from 'node:fs';
import path from 'node:path';

/** A save is several changes. */
const QUIET_MS = 40;
const CODE = /\.[cm]?[jt]sx?$|\.json$/;

export class FileWatch {
  readonly #saved: () => void;
  readonly #folders = new Map<string, FSWatcher>();
  /** What the files hold, by path. */
  #digests = new Map<string, string | undefined>();
  #anyCode = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(saved: () => void) {
    this.#saved = saved;
  }

  /**
   * From now on these files. One that was saved since it was read counts as saved now.
   *
   * @param files what each held when it was read, by `digestOf`
   * @param anyCode any code in their folders as well: a file may be missing
   */
  follow(files: ReadonlyMap<string, string | undefined>, anyCode: boolean): void {
    this.#anyCode = anyCode;
    this.#digests = new Map(files);
    // All anew: a folder that was removed and made again is another.
    this.#close();
    for (const file of files.keys()) this.#open(path.dirname(file));
    if (this.#differs()) this.#soon();
  }

  /** This file too, which has just been read. */
  add(file: string): void {
    this.#digests.set(file, digestOf(file));
    this.#open(path.dirname(file));
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#close();
  }

  #close(): void {
    for (const watcher of this.#folders.values()) watcher.close();
    this.#folders.clear();
  }

  #open(folder: string): void {
    if (this.#folders.has(folder)) return;
    const changed = (_event: string, name: string | null): void => {
      const file = path.join(folder, name ?? '');
      if (this.#digests.has(file) || (this.#anyCode && CODE.test(file))) this.#soon();
    };
    try {
      const watcher = watch(folder, changed);
      this.#folders.set(
        folder,
        watcher.on('error', () => watcher.close()),
      );
    } catch {
      // The folder is gone: another save will tell.
    }
  }

  #soon(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.#anyCode || this.#differs()) this.#saved();
    }, QUIET_MS);
  }

  #differs(): boolean {
    return [...this.#digests].some(([file, before]) => digestOf(file) !== before);
  }
}

/** What a file holds, in short; undefined where there is none. */
export function digestOf(file: string): string | undefined {
  try {
    return createHash('sha256').update(readFileSync(file)).digest('hex');
  } catch {
    return undefined;
  }
}
