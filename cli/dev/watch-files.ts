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
   * From now on these files, as they are now.
   *
   * @param anyCode any code in their folders as well: a file may be missing
   */
  follow(files: Iterable<string>, anyCode: boolean): void {
    this.#anyCode = anyCode;
    this.#digests = new Map([...files].map((file) => [file, digest(file)]));
    const folders = new Set([...this.#digests.keys()].map((file) => path.dirname(file)));
    for (const [folder, watcher] of this.#folders) {
      if (folders.has(folder)) continue;
      watcher.close();
      this.#folders.delete(folder);
    }
    for (const folder of folders) {
      if (this.#folders.has(folder)) continue;
      const watcher = watch(folder, (_event, name) => this.#changed(folder, name));
      // The folder is gone: another save will tell.
      watcher.on('error', () => watcher.close());
      this.#folders.set(folder, watcher);
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
    for (const watcher of this.#folders.values()) watcher.close();
    this.#folders.clear();
  }

  #changed(folder: string, name: string | null): void {
    const file = path.join(folder, name ?? '');
    if (!this.#digests.has(file) && !(this.#anyCode && CODE.test(file))) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const changed = [...this.#digests].some(([known, before]) => digest(known) !== before);
      if (changed || this.#anyCode) this.#saved();
    }, QUIET_MS);
  }
}

function digest(file: string): string | undefined {
  try {
    return createHash('sha256').update(readFileSync(file)).digest('hex');
  } catch {
    return undefined;
  }
}
