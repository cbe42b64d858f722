/** A real forwarder in a process of its own, as a person would start it, with its log lines and metrics at hand. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Cleanup } from './cluster.ts';
import { eventually } from './eventually.ts';

export interface LogLine {
  readonly time: string;
  readonly level: string;
  readonly msg: string;
  readonly trigger?: string;
  readonly key?: string;
  readonly id?: string;
  readonly outcome?: string;
  readonly reason?: string;
  readonly error?: string;
  readonly address?: string;
  readonly [field: string]: unknown;
}

export interface ForwarderOptions {
  readonly kubeconfigPath: string;
  readonly namespaces?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What is run. @defaultValue the sources, `cli/main.ts` */
  readonly entry?: string;
  readonly cwd?: string;
}

export class ForwarderProcess {
  readonly child: ChildProcess;
  readonly logs: LogLine[] = [];
  /** What was written to stderr and is no log line. */
  readonly other: string[] = [];
  #admin = '';

  constructor(options: ForwarderOptions) {
    const { kubeconfigPath, namespaces = [], args = [], env = {}, entry = 'cli/main.ts', cwd } = options;
    this.child = spawn(
      process.execPath,
      [
        entry,
        'forwarder',
        '--kubeconfig',
        kubeconfigPath,
        '--admin-address',
        '127.0.0.1:0',
        '--log-level',
        'debug',
        ...namespaces.flatMap((namespace) => ['--namespace', namespace]),
        ...args,
      ],
      {
        stdio: ['ignore', 'inherit', 'pipe'],
        env: { ...process.env, ...env },
        ...(cwd !== undefined && { cwd }),
      },
    );
    createInterface({ input: this.child.stderr ?? process.stdin }).on('line', (line) => {
      try {
        this.logs.push(JSON.parse(line) as LogLine);
      } catch {
        this.other.push(line);
      }
    });
  }

  /** Resolves once it is ready. */
  async ready(): Promise<void> {
    this.#admin = await eventually('the admin server listens', () => {
      if (this.child.exitCode !== null) throw new Error(`it ended: ${this.other.join(' ')} ${this.tail()}`);
      return this.logs.find(({ msg }) => msg === 'admin server listening')?.address;
    });
    await eventually('the forwarder is ready', async () => (await this.get('/readyz')).status === 200);
  }

  get(path: string): Promise<Response> {
    return fetch(`http://${this.#admin}${path}`);
  }

  /** Sum of all series of that name with those labels; 0 where there is none. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    const text = await (await this.get('/metrics')).text();
    return text
      .split('\n')
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .filter((line) =>
        Object.entries(labels).every(([label, value]) => line.includes(`${label}="${value}"`)),
      )
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }

  tail(lines = 15): string {
    return this.logs
      .slice(-lines)
      .map((line) => JSON.stringify(line))
      .join('\n');
  }

  /** Ends it and tells its exit code. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return this.child.exitCode;
    const exited = once(this.child, 'exit');
    this.child.kill(signal);
    await exited;
    return this.child.exitCode;
  }
}

/** Starts a forwarder that is ready, and ends it with the test. */
export async function startForwarder(cleanup: Cleanup, options: ForwarderOptions): Promise<ForwarderProcess> {
  const forwarder = new ForwarderProcess(options);
  cleanup.after(async () => {
    await forwarder.stop('SIGKILL');
  });
  await forwarder.ready();
  return forwarder;
}
