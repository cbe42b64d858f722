/**
 * A TCP proxy that misbehaves on demand, for the way between the forwarder and an API server. It passes bytes on and
 * knows nothing of what they mean, so TLS goes through untouched. For faults of HTTP see http-fault-proxy.ts.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** How a connection ends: orderly, as when a server stops, or at once, as when a computer does. */
export type Cut = 'FIN' | 'RST';

interface Link {
  readonly client: Socket;
  readonly server: Socket;
  /** Both ends stay open, and nothing gets through any more. */
  lost: boolean;
  /** Bytes of either direction wait for the latency in their order. */
  up: Promise<void>;
  down: Promise<void>;
}

export class FaultProxy implements AsyncDisposable {
  /** Where new connections lead; on 127.0.0.1. */
  upstreamPort: number;
  /** Each piece of either direction is held that long. */
  latencyMs = 0;
  /** Connections ever taken. */
  accepted = 0;
  /** Connections ended by `cutAfter`. */
  cuts = 0;
  /** Bytes passed on to clients. */
  bytes = 0;
  readonly #links = new Set<Link>();
  #server: Server;
  #port = 0;
  #paused = false;
  #lostForAll = false;
  #cutAt: { readonly bytes: number; readonly how: Cut } | undefined;

  private constructor(upstreamPort: number) {
    this.upstreamPort = upstreamPort;
    this.#server = this.#create();
  }

  /** A proxy on a port of its own that passes on to that port. */
  static async start(upstreamPort: number): Promise<FaultProxy> {
    const proxy = new FaultProxy(upstreamPort);
    await proxy.accept();
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  /** URL for a kubeconfig. */
  get server(): string {
    return `https://127.0.0.1:${this.#port}`;
  }

  /** Connections that stand, lost ones included. */
  get open(): number {
    return this.#links.size;
  }

  /** Ends every connection. */
  cut(how: Cut): void {
    for (const link of this.#links) this.#end(link, how);
  }

  /** Ends the connection that brings a client the n-th byte from now on, right after that byte. */
  cutAfter(bytes: number, how: Cut): void {
    this.#cutAt = { bytes: this.bytes + bytes, how };
  }

  /** The connections that stand carry nothing any more and nobody is told: the peer is gone. New ones work. */
  lose(): void {
    for (const link of this.#links) this.#lose(link);
  }

  /** As `lose`, and new connections too, until `heal`. They are taken, as the backlog of a stopped server does. */
  loseAll(): void {
    this.#lostForAll = true;
    this.lose();
  }

  /** New connections work again. Lost ones stay lost. */
  heal(): void {
    this.#lostForAll = false;
  }

  /** Holds every byte back, in both directions, until `resume`. */
  pause(): void {
    this.#paused = true;
    for (const { client, server } of this.#links) {
      client.pause();
      server.pause();
    }
  }

  resume(): void {
    this.#paused = false;
    for (const { client, server } of this.#links) {
      client.resume();
      server.resume();
    }
  }

  /** Nothing listens: new connections are refused until `accept`; standing ones stay. */
  async refuse(): Promise<void> {
    this.#server.close();
    while (this.#server.listening) await sleep(1);
  }

  /** Listens (again), on the same port. */
  async accept(): Promise<void> {
    if (this.#server.listening) return;
    if (this.#port !== 0) this.#server = this.#create();
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    for (const { client, server } of this.#links) {
      client.destroy();
      server.destroy();
    }
    while (this.#links.size > 0) await sleep(1);
  }

  #create(): Server {
    return createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#serve(client));
  }

  #serve(client: Socket): void {
    this.accepted++;
    const server = connect({
      port: this.upstreamPort,
      host: '127.0.0.1',
      allowHalfOpen: true,
      noDelay: true,
    });
    const link: Link = { client, server, lost: false, up: Promise.resolve(), down: Promise.resolve() };
    this.#links.add(link);
    if (this.#lostForAll) this.#lose(link);
    // What the far end says by a reset or a refusal is said here by the same.
    client.on('error', () => server.resetAndDestroy());
    server.on('error', () => {
      if (!link.lost) client.resetAndDestroy();
    });
    const up = (act: () => void): void => void (link.up = this.#later(link.up, act));
    const down = (act: () => void): void => void (link.down = this.#later(link.down, act));
    client.on('data', (chunk) => up(() => this.#pass(link, server, chunk)));
    server.on('data', (chunk) => down(() => this.#answer(link, chunk)));
    client.on('end', () => up(() => void (link.lost || server.end())));
    server.on('end', () => down(() => void (link.lost || client.end())));
    client.on('close', () => {
      this.#links.delete(link);
      server.destroy();
    });
    server.on('close', () => {
      if (!link.lost) client.destroySoon();
    });
    if (this.#paused) {
      client.pause();
      server.pause();
    }
  }

  async #later(before: Promise<void>, act: () => void): Promise<void> {
    const { latencyMs } = this;
    if (latencyMs === 0) {
      await before;
    } else {
      await Promise.all([before, sleep(latencyMs)]);
    }
    act();
  }

  #pass({ lost }: Link, to: Socket, chunk: Buffer): void {
    if (!lost && to.writable) to.write(chunk);
  }

  #answer(link: Link, chunk: Buffer): void {
    const cut = this.#cutAt;
    if (cut === undefined || this.bytes + chunk.length < cut.bytes) {
      this.bytes += chunk.length;
      this.#pass(link, link.client, chunk);
      return;
    }
    this.#cutAt = undefined;
    const last = chunk.subarray(0, cut.bytes - this.bytes);
    this.bytes += last.length;
    this.#pass(link, link.client, last);
    this.#end(link, cut.how);
    this.cuts++;
  }

  #end(link: Link, how: Cut): void {
    this.#links.delete(link);
    link.lost = true;
    if (how === 'RST') link.client.resetAndDestroy();
    else link.client.destroySoon();
    link.server.destroy();
  }

  #lose(link: Link): void {
    link.lost = true;
    // It must not hear of the end that the server's side may come to.
    link.server.removeAllListeners('close');
  }
}
