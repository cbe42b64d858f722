/** A process that the demo starts and ends, with what it said last. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const KEPT_LINES = 2000;

export interface Line {
  readonly text: string;
  /** On the clock of `performance.now`. */
  readonly atMs: number;
}

export class Child implements AsyncDisposable {
  readonly lines: Line[] = [];
  readonly #process: ChildProcess;
  #ended = '';

  constructor(command: string, args: readonly string[], env: Readonly<Record<string, string>>) {
    this.#process = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on('line', (text) => {
        this.lines.push({ text, atMs: performance.now() });
        if (this.lines.length > KEPT_LINES) this.lines.shift();
      });
    }
    this.#process.on('error', (error) => (this.#ended = error.message));
    this.#process.on('exit', (code, signal) => (this.#ended = `ended (${signal ?? code})`));
  }

  /** Why it does not run any more. */
  get ended(): string | undefined {
    return this.#ended === '' ? undefined : this.#ended;
  }

  tail(count = 12): string[] {
    return this.lines.slice(-count).map(({ text }) => (text.length > 200 ? `${text.slice(0, 199)}…` : text));
  }

  /** Ends it: asked first, then forced. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null || this.#ended !== '') return;
    const exited = once(this.#process, 'exit');
    this.#process.kill(signal);
    const force = setTimeout(() => this.#process.kill('SIGKILL'), 5000);
    await exited;
    clearTimeout(force);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
