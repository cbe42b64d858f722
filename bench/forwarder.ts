/** dist/statewire.cjs in a process of its own, as it runs in a pod but for the kubeconfig (a token). */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const READY_WITHIN_MS = 30_000;

export class Forwarder implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #admin: string;

  private constructor(child: ChildProcess, admin: string) {
    this.#child = child;
    this.#admin = admin;
  }

  /** Resolves once it is ready. Log lines of single calls are off, as they would be where there are many. */
  static async start(kubeconfig: string, namespace: string): Promise<Forwarder> {
    const flags = ['--kubeconfig', kubeconfig, '--namespace', namespace, '--admin-address', '127.0.0.1:0'];
    const profiling = (process.env['BENCH_NODE_OPTIONS'] ?? '').split(' ').filter((flag) => flag !== '');
    const child = spawn(process.execPath, [...profiling, 'dist/statewire.cjs', 'forwarder', ...flags], {
      stdio: ['ignore', 'inherit', 'pipe'],
    });
    process.once('exit', () => child.kill('SIGKILL'));
    const admin = await new Promise<string>((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`the forwarder ended with ${code}`)));
      createInterface({ input: child.stderr ?? process.stdin }).on('line', (line) => {
        const address = /"admin server listening","address":"([^"]+)"/.exec(line)?.[1];
        if (address !== undefined) resolve(address);
        if (/"level":"(?:warn|error)"/.test(line)) process.stderr.write(`${line}\n`);
      });
    });
    const forwarder = new Forwarder(child, admin);
    await forwarder.until(
      'it is ready',
      async () => (await fetch(`http://${admin}/readyz`)).ok,
      READY_WITHIN_MS,
    );
    return forwarder;
  }

  /** Waits until `ask` says so; the time that passed is not part of any figure. */
  async until(
    what: string,
    ask: () => boolean | Promise<boolean>,
    withinMs: number,
    everyMs: number = 20,
  ): Promise<void> {
    const endMs = performance.now() + withinMs;
    while (!(await ask())) {
      if (this.#child.exitCode !== null) throw new Error('the forwarder ended');
      if (performance.now() > endMs) throw new Error(`not within ${withinMs} ms: ${what}`);
      await sleep(everyMs);
    }
  }

  /** Resident memory in MB (10⁶ bytes). */
  rss(): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
    return (Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024) / 1e6;
  }

  /** User and system time so far, in seconds. */
  cpuSeconds(): number {
    const fields = readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  /** Sum of the series of that name. */
  async metric(name: string): Promise<number> {
    return (await this.#series(name)).reduce((sum, { value }) => sum + value, 0);
  }

  /** Upper bounds of a histogram's buckets with the calls counted up to each. */
  async buckets(name: string): Promise<ReadonlyMap<number, number>> {
    const series = await this.#series(`${name}_bucket`);
    return new Map(
      series.map(({ labels, value }) => [
        Number(/le="([^"]+)"/.exec(labels)?.[1]?.replace('+Inf', 'Infinity')),
        value,
      ]),
    );
  }

  async #series(name: string): Promise<{ readonly labels: string; readonly value: number }[]> {
    const text = await (await fetch(`http://${this.#admin}/metrics`)).text();
    return text
      .split('\n')
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .map((line) => {
        const at = line.lastIndexOf(' ');
        return { labels: line.slice(name.length, at), value: Number(line.slice(at + 1)) };
      });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await ended;
  }
}
