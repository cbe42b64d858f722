/** A function on a real HTTP server: remembers each call, answers what the test says. */
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { EventData } from '../../protocol/event.ts';
import type { KubeObject } from '../../forwarder/model/kube-object.ts';
import type { Cleanup } from './cluster.ts';

export interface Call {
  readonly id: string;
  /** The last word of the type: created, updated, deleted. */
  readonly type: string;
  /** `namespace/name`. */
  readonly key: string;
  readonly headers: IncomingHttpHeaders;
  readonly data: EventData<KubeObject>;
  readonly text: string;
  readonly startedMs: number;
  endedMs: number;
}

export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A FunctionResult, or any JSON. */
  readonly body?: unknown;
  /** Answers only then. */
  readonly after?: Promise<void>;
}

export class FunctionHost {
  readonly calls: Call[] = [];
  /** How calls are answered. @defaultValue 204 */
  answer: (call: Call) => Answer | Promise<Answer> = () => ({ status: 204 });
  /** The most calls that ran at one time for one object. */
  overlap = 0;
  readonly #running = new Map<string, number>();
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const { headers } = request;
        const call: Call = {
          id: String(headers['ce-id']),
          type: String(headers['ce-type']).split('.').at(-1) ?? '',
          key: [headers['ce-namespace'], headers['ce-name']].filter((part) => part !== undefined).join('/'),
          headers,
          data: JSON.parse(text) as EventData<KubeObject>,
          text,
          startedMs: performance.now(),
          endedMs: 0,
        };
        this.calls.push(call);
        const uid = String(headers['ce-partitionkey']);
        const running = (this.#running.get(uid) ?? 0) + 1;
        this.#running.set(uid, running);
        this.overlap = Math.max(this.overlap, running);
        void Promise.resolve(this.answer(call)).then(async ({ status, headers: extra, body, after }) => {
          await after;
          call.endedMs = performance.now();
          this.#running.set(uid, (this.#running.get(uid) ?? 1) - 1);
          const type = body === undefined ? {} : { 'content-type': 'application/json' };
          response.writeHead(status ?? 200, { ...type, ...extra });
          response.end(body === undefined ? '' : JSON.stringify(body));
        });
      });
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  of(name: string): Call[] {
    return this.calls.filter(({ key }) => key.endsWith(`/${name}`));
  }

  listen(port = 0): Promise<void> {
    return new Promise((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
  }

  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

export async function startFunction(cleanup: Cleanup): Promise<FunctionHost> {
  const host = new FunctionHost();
  await host.listen();
  cleanup.after(() => host.close());
  return host;
}
