/** Brings each historic bug back into a copy of the repository, and sees which broken promise gives it away. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Exhibit, readExhibits } from './exhibit.ts';

const FOLDERS = ['forwarder', 'protocol', 'local-cluster', 'deploy', 'test', 'package.json'];
const ORACLE_TIMEOUT_MS = 120_000;
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
/** A first line of what the checker says, also where a test runner tells it. */
const BROKEN = /^\W*(?:Error: |AssertionError \[ERR_ASSERTION\]: |[+'" ])*(I\d{1,2}): .*$/gm;

export interface Visit {
  readonly exhibit: Exhibit;
  /** What gave the bug away; undefined: it has survived. */
  readonly caughtBy: string | undefined;
  /** Why this proves nothing; undefined: it does. */
  readonly problem: string | undefined;
  readonly seconds: number;
}

export class Museum implements Disposable {
  readonly exhibits: readonly Exhibit[];
  readonly #copy: string;
  /** Oracles that find nothing where nothing is wrong, by their arguments. */
  readonly #sound = new Map<string, boolean>();

  /** @param root of the repository; it is copied and left alone */
  constructor(root: string) {
    this.exhibits = readExhibits(root);
    this.#copy = mkdtempSync(path.join(tmpdir(), 'statewire-museum-'));
    for (const name of FOLDERS)
      cpSync(path.join(root, name), path.join(this.#copy, name), { recursive: true });
    symlinkSync(path.join(root, 'node_modules'), path.join(this.#copy, 'node_modules'));
  }

  [Symbol.dispose](): void {
    rmSync(this.#copy, { recursive: true, force: true });
  }

  /** Whether the bug is caught by its promise, and by no other than the bug. */
  visit(exhibit: Exhibit): Visit {
    const startMs = performance.now();
    const said = (caughtBy: string | undefined, problem?: string): Visit => ({
      exhibit,
      caughtBy,
      problem,
      seconds: (performance.now() - startMs) / 1000,
    });
    try {
      this.#apply(exhibit.file);
    } catch (error) {
      return said(undefined, `the patch no longer applies: ${String(error)}`);
    }
    const found = this.#ask(exhibit.oracle);
    this.#apply(exhibit.file, '--reverse');
    const caughtBy = found.broken.find((line) => line.startsWith(`${exhibit.invariant}:`));
    if (caughtBy === undefined) return said(undefined, found.broken[0] ?? 'it survives');
    return said(caughtBy, this.#isSound(exhibit, found.seed) ? undefined : 'found without the bug, too');
  }

  #isSound({ oracle }: Exhibit, seed: string | undefined): boolean {
    // The one run that has shown it is enough.
    const args = seed === undefined ? oracle : [...oracle, '--seeds', `${seed}-${seed}`];
    const key = args.join(' ');
    const known = this.#sound.get(key) ?? this.#ask(args).code === 0;
    this.#sound.set(key, known);
    return known;
  }

  #apply(file: string, ...options: string[]): void {
    execFileSync('git', ['apply', ...options, file], { cwd: this.#copy, encoding: 'utf8', stdio: 'pipe' });
  }

  #ask(args: readonly string[]): {
    readonly code: number | null;
    readonly broken: readonly string[];
    readonly seed: string | undefined;
  } {
    // A test runner that runs this one does not run that.
    const { NODE_TEST_CONTEXT: _context, ...env } = process.env;
    const { status, stdout } = spawnSync(process.execPath, args, {
      cwd: this.#copy,
      env,
      encoding: 'utf8',
      timeout: ORACLE_TIMEOUT_MS,
      maxBuffer: MAX_OUTPUT_BYTES,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const broken =
      status === 0
        ? []
        : [...stdout.matchAll(BROKEN)].map(([line, name]) =>
            line.slice(line.indexOf(`${name}:`)).replace(/\\n'.*$/, ''),
          );
    const seeds = [...stdout.matchAll(/^seed (\d+) hour/gm)];
    return { code: status, broken, seed: seeds.at(-1)?.[1] };
  }
}
