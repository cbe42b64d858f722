/**
 * One resource of an API server over real sockets: consistent lists in pages, streaming lists, watches that go on from
 * a version, bookmarks, compaction; and faults where a test asks for them.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { KubeAccess } from '../../forwarder/kube/kube-access.ts';

export interface FakeObject {
  readonly namespace?: string;
  readonly name: string;
  readonly uid: string;
  readonly spec?: unknown;
}

export interface Stored extends FakeObject {
  readonly version: number;
}

export interface Change {
  readonly version: number;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: Stored;
}

export interface FakeRequest {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  /** What the request is about, for counting. */
  readonly kind: 'list' | 'stream' | 'watch' | 'other';
}

/** What happens to a request instead of its answer; `answer` goes on as usual. */
export type Fault =
  | { readonly kind: 'answer' }
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly headers?: Record<string, string>;
      readonly body?: string;
      /** @defaultValue at once */
      readonly when?: Promise<void>;
    }
  /** The socket is taken away, at once or after this many bytes of the body. */
  | { readonly kind: 'cut'; readonly afterBytes: number }
  /** No byte ever comes; the connection stands. */
  | { readonly kind: 'mute' }
  /** Head of a watch, these bytes, and then the end of the body. */
  | { readonly kind: 'body'; readonly text: string };

interface OpenWatch {
  readonly response: ServerResponse;
  readonly write: (text: string) => void;
}

const PATH = '/apis/example.com/v1/applications';

export class FakeApiServer implements AsyncDisposable {
  readonly requests: FakeRequest[] = [];
  /** Asked for every request in turn; undefined answers as usual. */
  fault: (request: FakeRequest) => Fault | undefined = () => undefined;
  /** What watches tell of a change: as a faulty server may, nothing, something else, or that and more. */
  told: (change: Change) => readonly Change[] = (change) => [change];
  /** Whether the kind is served. */
  served = true;
  plural = 'applications';
  /** Whether streaming lists are known. */
  streaming = true;
  #version = 10;
  #compactedTo = 0;
  readonly #objects = new Map<string, Stored>();
  readonly #history: Change[] = [];
  readonly #watches = new Set<OpenWatch>();
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => this.#serve(request, response));
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  static async start(): Promise<FakeApiServer> {
    const server = new FakeApiServer();
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get access(): KubeAccess {
    return {
      kind: 'anonymous',
      server: new URL(this.origin),
      namespace: undefined,
      tls: () => ({ rejectUnauthorized: true }),
      headers: async () => ({}),
      refresh: () => undefined,
    };
  }

  /** Connections that stand now. */
  get open(): number {
    return this.#sockets.size;
  }

  get watches(): number {
    return this.#watches.size;
  }

  get version(): string {
    return String(this.#version);
  }

  /** uid → resourceVersion of what exists. */
  get state(): ReadonlyMap<string, string> {
    return new Map([...this.#objects.values()].map(({ uid, version }) => [uid, String(version)]));
  }

  count(kind: FakeRequest['kind']): number {
    return this.requests.filter((request) => request.kind === kind).length;
  }

  put(object: FakeObject): void {
    const key = `${object.namespace ?? ''}/${object.name}`;
    const before = this.#objects.get(key);
    if (before !== undefined && before.uid !== object.uid) this.delete(before);
    const stored = { ...object, version: ++this.#version };
    this.#objects.set(key, stored);
    this.#happens({
      version: stored.version,
      type: before?.uid === object.uid ? 'MODIFIED' : 'ADDED',
      object: stored,
    });
  }

  delete({ namespace, name }: Pick<FakeObject, 'namespace' | 'name'>): void {
    const key = `${namespace ?? ''}/${name}`;
    const before = this.#objects.get(key);
    if (before === undefined) return;
    this.#objects.delete(key);
    const version = ++this.#version;
    this.#happens({ version, type: 'DELETED', object: { ...before, version } });
  }

  /** Forgets history: watches from before now get 410. */
  compact(): void {
    this.#compactedTo = this.#version;
    this.#history.length = 0;
  }

  bookmark(): void {
    this.#version++;
    for (const watch of this.#watches) watch.write(bookmark(this.#version));
  }

  /** Writes text into every open watch. */
  say(text: string): void {
    for (const watch of this.#watches) watch.write(text);
  }

  /** Ends every watch: cleanly, or by taking the socket away. */
  endWatches(how: 'close' | 'reset' = 'close'): void {
    for (const { response } of this.#watches) {
      if (how === 'close') response.end();
      else response.destroy();
    }
    this.#watches.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #happens(change: Change): void {
    this.#history.push(change);
    for (const told of this.told(change)) for (const watch of this.#watches) watch.write(event(told));
  }

  #serve(incoming: IncomingMessage, response: ServerResponse): void {
    const url = new URL(incoming.url ?? '/', this.origin);
    const query = url.searchParams;
    const kind =
      url.pathname.split('/').at(-1) !== this.plural
        ? 'other'
        : query.get('watch') !== 'true'
          ? 'list'
          : query.has('sendInitialEvents')
            ? 'stream'
            : 'watch';
    const request: FakeRequest = { path: url.pathname, query, headers: incoming.headers, kind };
    this.requests.push(request);
    const fault = this.fault(request) ?? { kind: 'answer' };
    switch (fault.kind) {
      case 'answer':
        this.#answer(request, response, (text) => void response.write(text));
        return;
      case 'status':
        void (fault.when ?? Promise.resolve()).then(() => {
          status(response, fault.status, fault.body ?? '', fault.headers);
        });
        return;
      case 'cut': {
        const write = cutting(response, fault.afterBytes);
        response.writeHead(200, { 'content-type': 'application/json' });
        response.flushHeaders();
        this.#answer(request, response, write);
        return;
      }
      case 'mute':
        return;
      case 'body':
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(fault.text);
        return;
      default:
        fault satisfies never;
    }
  }

  #answer(request: FakeRequest, response: ServerResponse, write: (text: string) => void): void {
    if (request.kind === 'other') {
      this.#discover(request, response, write);
      return;
    }
    if (!this.served) {
      status(response, 404, statusBody(404, 'NotFound'));
      return;
    }
    if (request.kind === 'list') this.#list(request, response, write);
    else this.#watch(request, response, write);
  }

  #discover({ path }: FakeRequest, response: ServerResponse, write: (text: string) => void): void {
    if (path !== PATH.slice(0, PATH.lastIndexOf('/')) || !this.served) {
      status(response, 404, statusBody(404, 'NotFound'));
      return;
    }
    const verbs = ['get', 'list', 'watch'];
    const resource = { name: this.plural, kind: 'Application', namespaced: true, verbs };
    const resources = [resource, { ...resource, name: `${this.plural}/status`, verbs: ['get'] }];
    write(JSON.stringify({ kind: 'APIResourceList', groupVersion: 'example.com/v1', resources }));
    response.end();
  }

  #list({ path, query }: FakeRequest, response: ServerResponse, write: (text: string) => void): void {
    const limit = Number(query.get('limit') ?? Number.MAX_SAFE_INTEGER);
    const from = Number(query.get('continue') ?? 0);
    const [, inNamespace] = /\/namespaces\/([^/]+)\//.exec(path) ?? [];
    const [, byName] = /metadata\.name=([^,]+)/.exec(query.get('fieldSelector') ?? '') ?? [];
    const selected = [...this.#objects.values()].filter(
      ({ namespace, name }) =>
        (inNamespace === undefined || namespace === inNamespace) && (byName === undefined || name === byName),
    );
    const items = selected.slice(from, from + limit).map((object) => JSON.stringify(json(object)));
    const more = from + limit < selected.length ? String(from + limit) : undefined;
    const metadata = { resourceVersion: this.version, ...(more !== undefined && { continue: more }) };
    write(
      `{"kind":"ApplicationList","apiVersion":"example.com/v1","metadata":${JSON.stringify(metadata)},"items":[${items.join(',')}]}\n`,
    );
    response.end();
  }

  #watch({ query, kind }: FakeRequest, response: ServerResponse, write: (text: string) => void): void {
    if (kind === 'stream' && !this.streaming) {
      status(response, 422, statusBody(422, 'Invalid'));
      return;
    }
    if (!response.headersSent) {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.flushHeaders();
    }
    if (kind === 'stream') {
      for (const object of this.#objects.values()) {
        write(event({ type: 'ADDED', version: object.version, object }));
      }
      write(bookmark(this.#version, { 'k8s.io/initial-events-end': 'true' }));
    } else {
      const from = Number(query.get('resourceVersion'));
      if (from < this.#compactedTo) {
        write(`{"type":"ERROR","object":${statusBody(410, 'Expired')}}\n`);
        response.end();
        return;
      }
      const since = this.#history.filter(({ version }) => version > from);
      for (const change of since.flatMap((one) => this.told(one))) write(event(change));
    }
    const watch = { response, write };
    this.#watches.add(watch);
    response.once('close', () => this.#watches.delete(watch));
  }
}

function json({ namespace, name, uid, version, spec }: Stored): object {
  return {
    apiVersion: 'example.com/v1',
    kind: 'Application',
    metadata: { name, ...(namespace !== undefined && { namespace }), resourceVersion: String(version), uid },
    ...(spec !== undefined && { spec }),
  };
}

function event({ type, object }: Change): string {
  return `${JSON.stringify({ type, object: json(object) })}\n`;
}

function bookmark(version: number, annotations?: Record<string, string>): string {
  const metadata = { resourceVersion: String(version), ...(annotations && { annotations }) };
  return `${JSON.stringify({ type: 'BOOKMARK', object: { kind: 'Application', metadata } })}\n`;
}

export function statusBody(code: number, reason: string, message = `${reason} for a test`): string {
  return JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', message, reason, code });
}

function status(
  response: ServerResponse,
  code: number,
  body: string,
  headers: Record<string, string> = {},
): void {
  response.writeHead(code, { 'content-type': 'application/json', ...headers });
  response.end(body);
}

function cutting(response: ServerResponse, afterBytes: number): (text: string) => void {
  let left = afterBytes;
  const cut = (): void => response.socket?.destroySoon();
  if (left === 0) cut();
  return (text) => {
    if (left <= 0) return;
    const bytes = Buffer.from(text);
    const part = bytes.subarray(0, left);
    left -= part.length;
    response.write(part);
    if (left === 0) cut();
  };
}
