/** Child processes of tests: their last output is kept for messages, and they end with the test, however it ends. */
import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';

const KEPT_BYTES = 8192;
const GRACE_MS = 5000;

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class TestProcess implements AsyncDisposable {
  readonly child: ChildProcess;
  /** The end of what it printed. */
  output = '';
  readonly #exited: Promise<unknown>;

  constructor(command: string, args: readonly string[], options: SpawnOptions = {}) {
    this.child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#exited = once(this.child, 'exit');
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output = (this.output + text).slice(-KEPT_BYTES);
      });
    }
    running.add(this.child);
    void this.#exited.then(() => running.delete(this.child));
  }

  /** Whether it still runs. */
  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Resolves once the output holds the text. Rejects where the process ends first. */
  async printed(text: string): Promise<void> {
    while (!this.output.includes(text)) {
      if (!this.running) throw new Error(`ended before it printed "${text}":\n${this.output}`);
      await Promise.race([
        this.#exited,
        ...[this.child.stdout, this.child.stderr].map((stream) => stream && once(stream, 'data')),
      ]);
    }
  }

  /** Resolves when it has ended. */
  async exit(): Promise<void> {
    await this.#exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.running) return;
    this.child.kill('SIGTERM');
    const force = setTimeout(() => this.child.kill('SIGKILL'), GRACE_MS);
    await this.#exited;
    clearTimeout(force);
  }
}
