import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

interface FlagSpec {
  readonly enabled: boolean;
  readonly percent: number;
  readonly users?: readonly string[];
}

/** By name, the flags that a folder holds: a file each, as Statewire writes them. */
export class Flags {
  readonly #folder: string;
  #specs = new Map<string, FlagSpec>();

  constructor(folder: string) {
    this.#folder = folder;
    this.reload();
  }

  /** Reads everything anew. Each file is whole, whenever it is read. */
  reload(): void {
    const specs = new Map<string, FlagSpec>();
    for (const entry of readdirSync(this.#folder, { withFileTypes: true })) {
      if (!entry.isFile() || !/^[^.].*\.json$/.test(entry.name)) continue;
      const text = readIfThere(path.join(this.#folder, entry.name));
      if (text === undefined) continue;
      const { data } = JSON.parse(text) as { data: { object: { spec: FlagSpec } } };
      specs.set(path.basename(entry.name, '.json'), data.object.spec);
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

/** Undefined where the flag was deleted since the folder was read. */
function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** A number from 0 to 99 that a user keeps for a flag, and that differs between flags. */
function shareOf(name: string, user: string): number {
  return createHash('sha256').update(`${name}\n${user}`).digest().readUInt32BE() % 100;
}
