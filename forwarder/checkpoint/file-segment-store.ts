/** Segments as files: `--checkpoint file`. */
import { link, mkdir, open, readdir, readFile, rm, unlink } from 'node:fs/promises';
import path from 'node:path';
import type { TriggerIdentity } from '../model/trigger.ts';
import { CheckpointFencedError } from './fenced-error.ts';
import type { DamagedSegment, Segment } from './segment.ts';
import { readDocument, writeDocument } from './segment-document.ts';
import type { SegmentStore, SegmentStores } from './segment-store.ts';

const FILE = /^(\d{10,16})\.json$/;
const TEMPORARY = /^\d{10,16}\.[0-9a-z]+\.tmp$/;

/**
 * One folder for a trigger, one file for a segment. A file gets its name by `link`, which fails where the name is taken,
 * once all of it is on the disk. The file system must know hard links.
 */
export class FileSegmentStore implements SegmentStore {
  readonly #folder: string;
  #isClean = false;

  /** @param folder is made when something is stored */
  constructor(folder: string) {
    this.#folder = folder;
  }

  async *list(signal?: AbortSignal): AsyncIterable<Segment | DamagedSegment> {
    for (const seq of await this.#numbers()) {
      signal?.throwIfAborted();
      const segment = await this.read(seq);
      // Undefined: removed meanwhile.
      if (segment !== undefined) yield segment;
    }
  }

  async read(seq: number): Promise<Segment | DamagedSegment | undefined> {
    const text = await readFile(this.#file(seq), 'utf8').catch(unlessAbsent);
    if (text === undefined) return undefined;
    try {
      return readDocument(seq, JSON.parse(text));
    } catch {
      return { seq, damaged: `segment ${seq}: it is not JSON` };
    }
  }

  async create(segment: Segment): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const temporary = path.join(this.#folder, `${nameOf(segment.seq)}.${segment.writer}.tmp`);
    const file = await open(temporary, 'w', 0o600);
    try {
      await file.writeFile(JSON.stringify(writeDocument(segment)));
      await file.sync();
    } finally {
      await file.close();
    }
    try {
      await link(temporary, this.#file(segment.seq));
    } catch (error) {
      throw codeOf(error) === 'EEXIST' ? new CheckpointFencedError(segment.seq) : error;
    } finally {
      await unlink(temporary).catch(unlessAbsent);
    }
    await syncFolder(this.#folder);
    if (!this.#isClean) await this.#cleanUp();
  }

  async remove(seq: number): Promise<void> {
    await unlink(this.#file(seq)).catch(unlessAbsent);
  }

  async clear(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
    this.#isClean = false;
  }

  /** What a crash has left. Whoever is still writing one has been taken over by the segment just stored. */
  async #cleanUp(): Promise<void> {
    for (const name of await readdir(this.#folder)) {
      if (TEMPORARY.test(name)) await unlink(path.join(this.#folder, name)).catch(unlessAbsent);
    }
    await syncFolder(path.dirname(this.#folder));
    this.#isClean = true;
  }

  async #numbers(): Promise<readonly number[]> {
    const names = (await readdir(this.#folder).catch(unlessAbsent)) ?? [];
    return names
      .flatMap((name) => FILE.exec(name)?.[1] ?? [])
      .map(Number)
      .toSorted((a, b) => a - b);
  }

  #file(seq: number): string {
    return path.join(this.#folder, `${nameOf(seq)}.json`);
  }
}

export class FileSegmentStores implements SegmentStores {
  readonly isDurable = true;
  readonly #folder: string;

  /** @param folder holds one folder for each trigger, named by its uid, and nothing else */
  constructor(folder: string) {
    this.#folder = folder;
  }

  open({ uid }: TriggerIdentity): SegmentStore {
    return new FileSegmentStore(path.join(this.#folder, folderName(uid)));
  }

  async sweep(uids: Iterable<string>): Promise<void> {
    const kept = new Set([...uids].map(folderName));
    const entries = (await readdir(this.#folder, { withFileTypes: true }).catch(unlessAbsent)) ?? [];
    for (const entry of entries) {
      if (!entry.isDirectory() || kept.has(entry.name)) continue;
      const folder = path.join(this.#folder, entry.name);
      // A folder that holds anything else is somebody else's.
      if (!(await readdir(folder)).every((name) => FILE.test(name) || TEMPORARY.test(name))) continue;
      await rm(folder, { recursive: true, force: true });
    }
  }
}

/** A uid as the API server makes them stays as it is. */
function folderName(uid: string): string {
  return uid.replaceAll(/[^0-9A-Za-z-]/g, '_');
}

/** Padded, so that the order of names is that of the numbers. */
function nameOf(seq: number): string {
  return String(seq).padStart(10, '0');
}

/** So that a new name outlives a power failure. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function unlessAbsent(error: unknown): undefined {
  if (codeOf(error) !== 'ENOENT') throw error;
}

function codeOf(error: unknown): unknown {
  return (error as { readonly code?: unknown } | null)?.code;
}
