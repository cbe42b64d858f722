/**
 * Up to which resourceVersion everything has been taken in: every object that has not been written to since is known in
 * its newest state. A watch tells in order; a list has told all there is only when it is over.
 */
import { compareResourceVersions, type Delta } from '../model/delta.ts';

export class SeenVersion {
  /** Undefined where nothing is known. */
  upTo: string | undefined;
  #listed: string | undefined;
  #isSynced = false;

  /** True where that has moved it on. */
  told({ type, head: { resourceVersion }, raw }: Delta): boolean {
    if (type === 'Listed') {
      if (isNewer(resourceVersion, this.#listed)) this.#listed = resourceVersion;
      return false;
    }
    // An end that a list found has the version of that list, and ends are told before it is over.
    if (!this.#isSynced || raw === undefined || !isNewer(resourceVersion, this.upTo)) return false;
    this.upTo = resourceVersion;
    return true;
  }

  /** A list is complete. */
  synced(): void {
    this.#isSynced = true;
    if (this.#listed !== undefined && isNewer(this.#listed, this.upTo)) this.upTo = this.#listed;
    this.#listed = undefined;
  }
}

function isNewer(version: string, than: string | undefined): boolean {
  return than === undefined || compareResourceVersions(version, than) > 0;
}
