/** A real nats-server with JetStream, built once from its Go module. */
import { join } from 'node:path';
import { type NatsConnection, openNatsConnection } from '../../../forwarder/target/broker/nats-connection.ts';
import type { BrokerCredentials } from '../../../forwarder/target/broker/credentials.ts';
import { freePort } from '../../../local-cluster/free-port.ts';
import { BrokerProcess } from './broker-process.ts';
import { ANYWHERE, type BrokerServer } from './broker-under-test.ts';
import { fetchOnce, run } from './fetch-once.ts';

const VERSION = 'v2.15.2';
const ANSWER_WITHIN_MS = 10_000;

export interface NatsServerOptions {
  /** Further flags of nats-server. */
  readonly args?: readonly string[];
  /** Of the folder in which it runs. */
  readonly files?: Readonly<Record<string, string>>;
  /** How the test itself gets in. */
  readonly credentials?: BrokerCredentials;
}

/** What a stream holds. */
export interface StoredMessage {
  readonly subject: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export class NatsServer implements BrokerServer {
  readonly port: number;
  readonly #process: BrokerProcess;
  readonly #file: string;
  #options: NatsServerOptions;

  private constructor(file: string, port: number, options: NatsServerOptions) {
    this.#file = file;
    this.#options = options;
    this.port = port;
    this.#process = new BrokerProcess('nats');
  }

  static async start(options: NatsServerOptions = {}): Promise<NatsServer> {
    const server = new NatsServer(await natsServerBinary(), await freePort(), options);
    await server.start();
    return server;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** Starts it (again), on the same port and with what its streams held; with other options where there are any. */
  async start(options: NatsServerOptions = this.#options): Promise<void> {
    this.#options = options;
    const { args = [], files = {} } = options;
    this.#process.write(files);
    const store = join(this.#process.folder, 'store');
    await this.#process.start({
      file: this.#file,
      args: ['-a', '127.0.0.1', '-p', String(this.port), '-js', '-sd', store, ...args],
      ready: 'Server is ready',
    });
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    await this.#process.stop();
  }

  /** Calls the server's own API over a connection of its own. */
  async api(subject: string, body: object = {}): Promise<Readonly<Record<string, unknown>>> {
    return await this.#connected(async (connection) => {
      const answer = await connection.request(
        `$JS.API.${subject}`,
        Buffer.from(JSON.stringify(body)),
        connection.headers(),
        ANSWER_WITHIN_MS,
      );
      const read = JSON.parse(answer) as Readonly<Record<string, unknown>>;
      if (read['error'] !== undefined) throw new Error(`$JS.API.${subject}: ${answer}`);
      return read;
    });
  }

  async createStream(name: string, config: object = {}): Promise<void> {
    await this.api(`STREAM.CREATE.${name}`, { name, subjects: [`${name}.>`], storage: 'file', ...config });
  }

  /** As anybody may. */
  async publish(subject: string, text: string): Promise<void> {
    await this.#connected((connection) =>
      connection.request(subject, Buffer.from(text), connection.headers(), ANSWER_WITHIN_MS),
    );
  }

  /** All messages of a stream, oldest first. */
  async messages(stream: string): Promise<readonly StoredMessage[]> {
    const { state } = (await this.api(`STREAM.INFO.${stream}`)) as { state: { last_seq: number } };
    const found: StoredMessage[] = [];
    for (let seq = 1; seq <= state.last_seq; seq++) {
      const { message } = (await this.api(`STREAM.MSG.GET.${stream}`, { seq })) as {
        message: { subject: string; hdrs: string; data: string };
      };
      const text = Buffer.from(message.hdrs, 'base64').toString();
      const pairs = text
        .split('\r\n')
        .slice(1)
        .filter((line) => line !== '')
        .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]);
      found.push({
        subject: message.subject,
        headers: Object.fromEntries(pairs) as Record<string, string>,
        body: Buffer.from(message.data, 'base64').toString(),
      });
    }
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }

  async #connected<T>(work: (connection: NatsConnection) => Promise<T>): Promise<T> {
    const { credentials = {} } = this.#options;
    const how = { url: this.url, credentials };
    const connection = await openNatsConnection(how, ANYWHERE, new AbortController().signal);
    try {
      return await work(connection);
    } finally {
      connection.close();
    }
  }
}

async function natsServerBinary(): Promise<string> {
  const folder = await fetchOnce(`nats-server-${VERSION}`, async (cwd) => {
    const args = ['install', '-trimpath', '-ldflags=-s -w', `github.com/nats-io/nats-server/v2@${VERSION}`];
    const env = { GOBIN: cwd, CGO_ENABLED: '0', GOFLAGS: '', GOWORK: 'off' };
    await run('go', args, { cwd, env, needed: 'the NATS server' });
  });
  return join(folder, 'nats-server');
}
