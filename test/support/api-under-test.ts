/** An API server as its contract suite uses it: any request, and watches whose events are waited for. */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { ClusterAccess } from '../../local-cluster/start.ts';

// oxlint-disable-next-line typescript/no-explicit-any -- answers of any shape, taken apart by tests
export type Loose = any;

export interface Answer {
  readonly status: number;
  readonly body: Loose;
}

export interface Asked {
  readonly query?: Readonly<Record<string, string>>;
  /** A string is sent as it is. */
  readonly body?: unknown;
  readonly type?: string;
  readonly accept?: string;
  readonly userAgent?: string;
}

const TIMEOUT_MS = 15_000;

export class ApiUnderTest {
  readonly #access: Pick<ClusterAccess, 'server' | 'token' | 'caPem'>;
  readonly #watches = new Set<WatchUnderTest>();

  constructor(access: Pick<ClusterAccess, 'server' | 'token' | 'caPem'>) {
    this.#access = access;
  }

  async ask(method: string, path: string, asked: Asked = {}): Promise<Answer> {
    const incoming = await this.#send(method, path, asked);
    const chunks: Buffer[] = [];
    for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString('utf8');
    return { status: incoming.statusCode ?? 0, body: text.startsWith('{') ? JSON.parse(text) : text };
  }

  /** Resolves once the server has accepted it. */
  async watch(
    path: string,
    query: Readonly<Record<string, string>>,
    accept?: string,
  ): Promise<WatchUnderTest> {
    const incoming = await this.#send('GET', path, {
      query: { watch: 'true', timeoutSeconds: '60', ...query },
      ...(accept !== undefined && { accept }),
    });
    const watch = new WatchUnderTest(incoming);
    this.#watches.add(watch);
    return watch;
  }

  /** Ends every watch. */
  close(): void {
    for (const watch of this.#watches) watch.close();
  }

  #send(method: string, path: string, asked: Asked): Promise<IncomingMessage> {
    const { server, token, caPem } = this.#access;
    const url = new URL(path, server);
    for (const [name, value] of Object.entries(asked.query ?? {})) url.searchParams.set(name, value);
    const { body, type = 'application/json', accept = 'application/json', userAgent = 'contract/1' } = asked;
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    const headers = {
      authorization: `Bearer ${token}`,
      'content-type': type,
      accept,
      'user-agent': userAgent,
      ...(text !== undefined && { 'content-length': Buffer.byteLength(text) }),
    };
    return new Promise((resolve, reject) => {
      const secure = url.protocol === 'https:';
      const outgoing = (secure ? httpsRequest : httpRequest)(
        url,
        { method, headers, agent: false, ...(secure && { ca: caPem }) },
        resolve,
      );
      outgoing.once('error', reject);
      outgoing.end(text);
    });
  }
}

export interface WatchEvent {
  readonly type: string;
  readonly object: Loose;
}

export class WatchUnderTest {
  readonly status: number;
  readonly events: WatchEvent[] = [];
  /** The server has ended it. */
  ended: boolean = false;
  readonly #incoming: IncomingMessage;
  #notify: () => void = () => undefined;

  constructor(incoming: IncomingMessage) {
    this.#incoming = incoming;
    this.status = incoming.statusCode ?? 0;
    let rest = '';
    incoming.setEncoding('utf8');
    incoming.on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() as string;
      this.events.push(...lines.filter((line) => line !== '').map((line) => JSON.parse(line) as WatchEvent));
      this.#notify();
    });
    const onEnd = (): void => {
      this.ended = true;
      this.#notify();
    };
    incoming.once('end', onEnd);
    incoming.on('error', onEnd);
  }

  /** Waits until so many events have come, or more. */
  async has(count: number): Promise<readonly WatchEvent[]> {
    await this.until(() => this.events.length >= count, `${count} events`);
    return this.events;
  }

  /** The events as `TYPE name`, once there are so many; bookmarks by their type alone. */
  async tells(count: number): Promise<readonly string[]> {
    return (await this.has(count)).map(({ type, object }) =>
      [type, object.metadata?.name].filter((part) => part !== undefined).join(' '),
    );
  }

  async until(ready: () => boolean, what: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`no ${what}; there were ${JSON.stringify(this.events.map(({ type }) => type))}`));
      }, TIMEOUT_MS);
      this.#notify = () => {
        if (!ready()) return;
        clearTimeout(timer);
        resolve();
      };
      this.#notify();
    });
  }

  close(): void {
    this.#incoming.destroy();
  }
}
