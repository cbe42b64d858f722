/** One version of a function in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { FunctionKind, FunctionMessage } from './function-messages.ts';

/** How this program runs itself as a function's process; not for people. */
export const SERVE = '--serve';

/** How long a version that was replaced may take to finish its calls. */
const RETIRE_MS = 10_000;

export type Start =
  | { readonly type: 'serving'; readonly port: number; readonly kind: FunctionKind }
  | { readonly type: 'failed'; readonly message: string };

export class FunctionProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  #calls = 0;
  #isRetired = false;

  constructor(options: {
    readonly file: string;
    readonly export: string | undefined;
    /** Takes what the function writes, line by line. */
    readonly print: (line: string) => void;
    /** Told each file that it loads, also those that a call asks for later. */
    readonly loads: (file: string) => void;
  }) {
    const chosen = options.export === undefined ? [] : [options.export];
    this.#child = spawn(process.execPath, [process.argv[1] ?? '', 'dev', SERVE, options.file, ...chosen], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#exited = once(this.#child, 'exit');
    this.#child.on('message', (message: FunctionMessage) => {
      if (message.type === 'file') options.loads(message.path);
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on('line', options.print);
    }
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resolves once it serves, or why it does not. */
  started(): Promise<Start> {
    return new Promise((resolve) => {
      this.#child.on('message', (message: FunctionMessage) => {
        if (message.type !== 'file') resolve(message);
      });
      this.#child.once('error', (error) => resolve({ type: 'failed', message: error.message }));
      // What it said before is on its way still.
      this.#child.once('close', () => resolve({ type: 'failed', message: `the process ${this.#end()}` }));
    });
  }

  /** Resolves to how it ended, whenever that is. */
  async ended(): Promise<string> {
    await this.#exited;
    return this.#end();
  }

  /** A call begins, which lets the process live until it has ended. */
  enter(): () => void {
    this.#calls += 1;
    return () => {
      this.#calls -= 1;
      if (this.#isRetired && this.#calls === 0) void this.kill();
    };
  }

  /** No further calls come: it ends with those that run. */
  retire(): void {
    this.#isRetired = true;
    if (this.#calls === 0) void this.kill();
    else setTimeout(() => void this.kill(), RETIRE_MS).unref();
  }

  async kill(): Promise<void> {
    if (!this.running) return;
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  #end(): string {
    const { exitCode, signalCode } = this.#child;
    return signalCode === null ? `ended with ${exitCode}` : `was ended by ${signalCode}`;
  }
}
