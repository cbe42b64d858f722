/**
 * A proxy in front of an API server that ends TLS with the server's own certificate, so that it can answer requests
 * itself and deal with the body of an answer as it likes. For faults of connections alone see fault-proxy.ts.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent, createServer, request as httpsRequest, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { SharedCluster } from './cluster.ts';

export interface ProxiedRequest {
  readonly method: string;
  /** With the query. */
  readonly url: string;
  readonly watch: boolean;
}

export interface FaultAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export class HttpFaultProxy implements AsyncDisposable {
  readonly requests: ProxiedRequest[] = [];
  /** An answer instead of the server's; `cut` ends the connection without one; undefined passes the request on. */
  fault: (request: ProxiedRequest) => FaultAnswer | 'cut' | undefined = () => undefined;
  /** What becomes of the body of the server's answer. One that throws ends the connection in the middle of it. */
  shape: ((body: AsyncIterable<Buffer>, request: ProxiedRequest) => AsyncIterable<Buffer>) | undefined;
  readonly #watches = new Set<ServerResponse>();
  readonly #upstream: URL;
  readonly #agent: Agent;
  readonly #server: Server;

  private constructor(cluster: Pick<SharedCluster, 'dir' | 'server' | 'caPem'>) {
    const certificate = path.join(cluster.dir, 'certificates', 'apiserver');
    this.#upstream = new URL(cluster.server);
    this.#agent = new Agent({ keepAlive: true, ca: cluster.caPem });
    const tls = { key: readFileSync(`${certificate}.key`), cert: readFileSync(`${certificate}.crt`) };
    this.#server = createServer(tls, (request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
  }

  static async start(cluster: Pick<SharedCluster, 'dir' | 'server' | 'caPem'>): Promise<HttpFaultProxy> {
    const proxy = new HttpFaultProxy(cluster);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  /** URL for a kubeconfig. */
  get server(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Ends every watch in the middle of its answer. */
  endWatches(): void {
    for (const response of this.#watches) response.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#agent.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/', headers } = request;
    const asked: ProxiedRequest = { method, url, watch: /[?&]watch=(?:true|1)\b/.test(url) };
    this.requests.push(asked);
    const fault = this.fault(asked);
    if (fault === 'cut') {
      request.socket.destroy();
      return;
    }
    if (fault !== undefined) {
      request.resume();
      response.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers });
      response.end(fault.body ?? '{}');
      return;
    }
    const { hostname: host, port } = this.#upstream;
    const outgoing = httpsRequest({ agent: this.#agent, host, port, method, path: url, headers });
    if (asked.watch) this.#watches.add(response);
    response.on('close', () => {
      this.#watches.delete(response);
      outgoing.destroy();
    });
    request.pipe(outgoing);
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    response.flushHeaders();
    await pipeline(this.shape === undefined ? answer : this.shape(answer, asked), response);
  }
}

/** A Status as kube-apiserver sends it. */
export function statusBody(code: number, reason: string): string {
  return JSON.stringify({
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    reason,
    code,
    message: reason,
  });
}
