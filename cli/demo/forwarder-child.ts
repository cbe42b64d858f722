/** The forwarder as the demo runs it: the same executable in a process of its own, read by its log and metrics. */
import { Child } from './child.ts';
import { happens } from './step.ts';

export interface LogLine {
  readonly msg: string;
  readonly key?: string;
  readonly reason?: string;
  readonly outcome?: string;
  readonly durationMs?: number;
  readonly address?: string;
  readonly id?: string;
  readonly error?: string;
  /** On the clock of `performance.now`. */
  readonly atMs: number;
}

export class ForwarderChild implements AsyncDisposable {
  readonly child: Child;
  #address = '';

  constructor(options: {
    readonly kubeconfig: string;
    readonly namespace: string;
    readonly lambdaEndpoint: string;
  }) {
    this.child = new Child(
      process.execPath,
      [
        process.argv[1] ?? '',
        'forwarder',
        '--kubeconfig',
        options.kubeconfig,
        '--namespace',
        options.namespace,
        '--ambient-credentials-namespaces',
        options.namespace,
        '--admin-address',
        '127.0.0.1:0',
        '--log-level',
        'debug',
      ],
      {
        AWS_ENDPOINT_URL_LAMBDA: options.lambdaEndpoint,
        // The local host does not look at credentials, and the SDK does not call without.
        AWS_ACCESS_KEY_ID: 'local',
        AWS_SECRET_ACCESS_KEY: 'local',
        AWS_EC2_METADATA_DISABLED: 'true',
      },
    );
  }

  /** Resolves to the address of its admin server once it is ready. */
  async ready(): Promise<string> {
    this.#address = await happens(
      'the forwarder starts',
      20_000,
      () => this.logs().find(({ msg }) => msg === 'admin server listening')?.address,
      () => this.child.ended,
    );
    await happens('the forwarder is ready', 20_000, async () => {
      const { ok } = await fetch(`http://${this.#address}/readyz`);
      return ok ? true : undefined;
    });
    return this.#address;
  }

  logs(): LogLine[] {
    return this.child.lines.flatMap(({ text, atMs }) => {
      try {
        return [{ ...(JSON.parse(text) as LogLine), atMs }];
      } catch {
        return [];
      }
    });
  }

  /** The first line of that kind about the object that came after a moment. */
  logged(msg: string, key: string, afterMs: number): LogLine | undefined {
    return this.logs().find((line) => line.atMs >= afterMs && line.msg === msg && line.key === key);
  }

  /** Sum of all series of that name with all these labels. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    const text = await (await fetch(`http://${this.#address}/metrics`)).text();
    return text
      .split('\n')
      .filter((line) => line.startsWith(`${name}{`))
      .filter((line) =>
        Object.entries(labels).every(([label, value]) => line.includes(`${label}="${value}"`)),
      )
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.child.stop();
  }
}
