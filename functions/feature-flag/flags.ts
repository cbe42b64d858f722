import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

interface FlagSpec {
  readonly enabled: boolean;
  readonly percent: number;
  readonly users?: readonly string[];
}

/** By name, the flags that a folder holds: a file each, as Statewire writes them. A folder that is not there holds none. */
export class Flags {
  readonly #folder: string;
  #specs = new Map<string, FlagSpec>();

  constructor(folder: string) {
    this.#folder = folder;
    this.reload();
  }

  /** Reads everything anew. Each file is whole, whenever it is read; one that is no flag is left out, and named. */
  reload(): void {
    const specs = new Map<string, FlagSpec>();
    const entries = unlessGone(() => readdirSync(this.#folder, { withFileTypes: true })) ?? [];
    for (const { name } of entries.filter((entry) => entry.isFile())) {
      if (!/^[^.].*\.json$/.test(name)) continue;
      const text = unlessGone(() => readFileSync(path.join(this.#folder, name), 'utf8'));
      const spec = text === undefined ? undefined : specOf(text);
      if (spec !== undefined) specs.set(path.basename(name, '.json'), spec);
      else if (text !== undefined) console.error(`${name} is no flag`);
    }
    this.#specs = specs;
  }

  /** Whether a user sees a feature. What no flag knows is off. */
  isOn(name: string, user: string): boolean {
    const spec = this.#specs.get(name);
    if (spec === undefined || !spec.enabled) return false;
    return spec.users?.includes(user) === true || shareOf(name, user) < spec.percent;
  }
}

/** Somebody else may have put a file there, and an application must not end by it. */
function specOf(text: string): FlagSpec | undefined {
  try {
    const event = JSON.parse(text) as { data?: { object?: { spec?: FlagSpec } } } | null;
    const spec = event?.data?.object?.spec;
    return typeof spec?.enabled === 'boolean' ? spec : undefined;
  } catch {
    return undefined;
  }
}

/** Undefined where it was deleted since somebody saw it. */
function unlessGone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** A number from 0 to 99 that a user keeps for a flag, and that differs between flags. */
function shareOf(name: string, user: string): number {
  return createHash('sha256').update(`${name}\n${user}`).digest().readUInt32BE() % 100;
}
