import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { pipeline } from 'node:stream';
import { refusal, type SimulatedApiServer } from './api-server.ts';
import { refusalError } from './fault.ts';
import type { SimulatedAnswer, SimulatedRequest } from './request.ts';

const MAX_BODY_BYTES = 3 * 1024 * 1024;

/**
 * The simulated API server over HTTP on loopback, for programs that speak with real ones. Whoever comes may do anything.
 */
export class HttpFront {
  readonly #api: SimulatedApiServer;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(api: SimulatedApiServer) {
    this.#api = api;
    this.#server = createServer((request, response) => void this.#serve(request, response));
    this.#server.on('connection', (socket) => {
      if (api.refusing) socket.destroy();
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  /** Resolves with the URL. Rejects where the port is taken. */
  async start(port: number = 0): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, '127.0.0.1', () => resolve());
    });
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Ends every connection and listens no more. */
  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    incoming.on('error', () => undefined);
    response.on('error', () => undefined);
    const body = await readBody(incoming);
    if (body === undefined) {
      incoming.destroy();
      return;
    }
    const { pathname, searchParams } = new URL(incoming.url ?? '/', 'http://api');
    const request: SimulatedRequest = {
      method: incoming.method ?? 'GET',
      path: pathname,
      query: Object.fromEntries(searchParams),
      headers: incoming.headers as Readonly<Record<string, string | undefined>>,
      body,
    };
    const fault = this.#api.fault(request);
    if (fault?.kind === 'silence') return;
    if (fault?.kind === 'unreachable' || fault?.kind === 'lost-request') {
      incoming.destroy();
      return;
    }
    const answer = fault?.kind === 'refuse' ? refusal(refusalError(fault)) : this.#api.handle(request);
    if (fault?.kind === 'lost-answer') {
      if ('stream' in answer) answer.stream.destroy();
      incoming.destroy();
      return;
    }
    send(answer, response, fault?.kind === 'cut' ? fault.afterBytes : Infinity);
  }
}

function send(answer: SimulatedAnswer, response: ServerResponse, bytes: number): void {
  response.writeHead(answer.status, answer.headers);
  if ('stream' in answer) {
    response.flushHeaders();
    if (bytes < Infinity) cutAfter(answer.stream, response, bytes);
    else pipeline(answer.stream, response, () => void (response.writableFinished || response.destroy()));
  } else if (bytes < Infinity) {
    response.write(Buffer.from(answer.body).subarray(0, bytes), () => response.destroy());
  } else {
    response.end(answer.body);
  }
}

function cutAfter(
  stream: AsyncIterable<Buffer> & { destroy(): void },
  response: ServerResponse,
  bytes: number,
): void {
  const write = async (): Promise<void> => {
    let left = bytes;
    for await (const chunk of stream) {
      response.write(chunk.subarray(0, left));
      left -= chunk.length;
      if (left <= 0) break;
    }
  };
  response.once('close', () => stream.destroy());
  write().then(
    () => response.socket?.destroySoon(),
    () => response.destroy(),
  );
}

/** Undefined where it is cut short or too large. */
async function readBody(incoming: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of incoming as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > MAX_BODY_BYTES) return undefined;
      chunks.push(chunk);
    }
  } catch {
    return undefined;
  }
  return Buffer.concat(chunks).toString('utf8');
}
