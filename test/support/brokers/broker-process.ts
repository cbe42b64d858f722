/** The server of a broker in a process group of its own, on ports and in a folder of its own; it can be killed and come back. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnGuarded } from '../../../local-cluster/guarded-spawn.ts';
import { startWatchdog, type Watchdog } from '../../../local-cluster/watchdog.ts';

const KEPT_BYTES = 16_384;
const START_WITHIN_MS = 60_000;

export interface BrokerProgram {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** What it prints once it takes connections. */
  readonly ready: string;
}

export class BrokerProcess implements AsyncDisposable {
  /** Goes with it. */
  readonly folder: string;
  readonly #watchdog: Watchdog;
  #child: ChildProcess | undefined;
  #output = '';

  constructor(name: string) {
    this.folder = mkdtempSync(join(tmpdir(), `statewire-${name}-`));
    this.#watchdog = startWatchdog(this.folder);
  }

  /** Files of its folder, in which it runs, by their name. */
  write(files: Readonly<Record<string, string>>): void {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(this.folder, name), text);
  }

  /** Resolves once the server takes connections. */
  async start({ file, args, env, ready }: BrokerProgram): Promise<void> {
    this.#output = '';
    const child = await spawnGuarded({
      file,
      args,
      cwd: this.folder,
      env: { ...process.env, ...env },
      output: ['pipe', 'pipe'],
      watchdog: this.#watchdog,
    });
    this.#child = child;
    await new Promise<void>((resolve, reject) => {
      const fail = (why: string): void => {
        clearTimeout(limit);
        reject(new Error(`${file} ${why}:\n${this.#output}`));
      };
      const limit = setTimeout(() => fail(`was not ready within ${START_WITHIN_MS} ms`), START_WITHIN_MS);
      child.once('exit', () => fail('ended before it was ready'));
      for (const stream of [child.stdout, child.stderr]) {
        stream?.setEncoding('utf8').on('data', (text: string) => {
          this.#output = (this.#output + text).slice(-KEPT_BYTES);
          if (!this.#output.includes(ready)) return;
          clearTimeout(limit);
          resolve();
        });
      }
    });
  }

  /** SIGKILL for all of it, or another signal. Resolves when it has ended. */
  async stop(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    process.kill(-child.pid, signal);
    await exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#watchdog.close();
  }
}
