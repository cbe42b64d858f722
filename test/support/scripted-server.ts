/**
 * An HTTP/1.1 server on a raw socket that answers as a test says, byte by byte: the only way to send what no HTTP
 * library would.
 */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';

export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** From 0; requests on one connection share it. */
  readonly connection: number;
}

/** Answers one request by writing to its socket. */
export type Script = (socket: Socket, request: ReceivedRequest) => void | Promise<void>;

/** What begins with less is no HTTP method. */
const FIRST_LETTER = 'A'.charCodeAt(0);

export class ScriptedServer implements AsyncDisposable {
  readonly requests: ReceivedRequest[] = [];
  /** Replaced by tests at any time. */
  script: Script;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #scheme: string;
  /** Connections ever made. */
  connections = 0;
  #changed: (() => void)[] = [];

  constructor(script: Script, tls?: TlsOptions) {
    this.script = script;
    this.#scheme = tls === undefined ? 'http' : 'https';
    const onSocket = (socket: Socket): void => this.#serve(socket);
    this.#server = tls === undefined ? createServer(onSocket) : createTlsServer(tls, onSocket);
    this.#server.on('tlsClientError', () => undefined);
  }

  static async start(
    script: Script,
    tls?: TlsOptions,
    { host = '127.0.0.1', port = 0 }: { readonly host?: string; readonly port?: number } = {},
  ): Promise<ScriptedServer> {
    const server = new ScriptedServer(script, tls);
    server.#server.listen(port, host);
    await once(server.#server, 'listening');
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get origin(): string {
    return `${this.#scheme}://127.0.0.1:${this.port}`;
  }

  /** Connections that stand now. */
  get open(): number {
    return this.#sockets.size;
  }

  /** Resolves once the condition holds; it is looked at whenever a request or connection comes or goes. */
  async until(condition: (server: this) => boolean): Promise<void> {
    while (!condition(this)) await new Promise<void>((resolve) => this.#changed.push(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #serve(socket: Socket): void {
    const connection = this.connections++;
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => undefined); // clients reset connections in half of the tests
    socket.on('close', () => {
      this.#sockets.delete(socket);
      this.#notify();
    });
    let buffered = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      buffered = Buffer.concat([buffered, chunk]);
      if ((buffered[0] ?? 0) < FIRST_LETTER) {
        socket.end(head(400)); // a TLS handshake, for one
        return;
      }
      for (
        let parsed = parse(buffered, connection);
        parsed !== undefined;
        parsed = parse(buffered, connection)
      ) {
        buffered = buffered.subarray(parsed.bytes);
        this.requests.push(parsed.request);
        void this.script(socket, parsed.request);
        this.#notify();
      }
    });
    this.#notify();
  }

  #notify(): void {
    const waiting = this.#changed;
    this.#changed = [];
    for (const resolve of waiting) resolve();
  }
}

function parse(
  bytes: Buffer,
  connection: number,
): { readonly request: ReceivedRequest; readonly bytes: number } | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const [requestLine = '', ...lines] = bytes.subarray(0, headEnd).toString('latin1').split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const end = headEnd + 4 + Number(headers['content-length'] ?? 0);
  if (bytes.length < end) return undefined;
  const [method = '', path = ''] = requestLine.split(' ');
  const body = bytes.subarray(headEnd + 4, end).toString('utf8');
  return { request: { method, path, headers, body, connection }, bytes: end };
}

/** A whole answer with Content-Length. */
export function answer(
  status: number,
  headers: Readonly<Record<string, string>> = {},
  body: string | Buffer = '',
): Script {
  return (socket) => {
    socket.write(head(status, { 'content-length': String(Buffer.byteLength(body)), ...headers }));
    socket.write(body);
  };
}

/** Status line and headers. */
export function head(status: number, headers: Readonly<Record<string, string>> = {}): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} Status\r\n${lines.join('')}\r\n`;
}
