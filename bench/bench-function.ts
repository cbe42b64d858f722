/** The function that is called: notes when each call arrives, and answers at once. In this process, for one clock. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Arrival {
  readonly name: string;
  readonly generation: number;
  /** performance.now() when the head of the request had come. */
  readonly atMs: number;
}

export interface BenchFunction extends AsyncDisposable {
  readonly url: string;
  /** All since the last `reset`. */
  readonly arrivals: readonly Arrival[];
  /** The most calls under way at once since the last `reset`. */
  readonly atOnce: number;
  /** From now on it answers with this status to write; without one, 204. */
  reset(phase?: string): void;
  /** From now on it answers nobody until `release`, which answers all. */
  hold(): void;
  release(): void;
}

/** @param port where it listens; 0 is any */
export async function startFunction(port = 0): Promise<BenchFunction> {
  let arrivals: Arrival[] = [];
  let result: string | undefined;
  let running = 0;
  let atOnce = 0;
  let held: (() => void)[] | undefined;
  const server = createServer((request, response) => {
    const atMs = performance.now();
    const { headers } = request;
    arrivals.push({ name: String(headers['ce-name']), generation: Number(headers['ce-generation']), atMs });
    atOnce = Math.max(atOnce, ++running);
    const answer = (): void => {
      running -= 1;
      if (result === undefined) response.writeHead(204).end();
      else response.writeHead(200, { 'content-type': 'application/json' }).end(result);
    };
    request.resume().once('end', () => {
      if (held === undefined) answer();
      else held.push(answer);
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const { port: listening } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${listening}/`,
    get arrivals() {
      return arrivals;
    },
    get atOnce() {
      return atOnce;
    },
    reset: (phase) => {
      arrivals = [];
      result =
        phase === undefined ? undefined : JSON.stringify({ kind: 'FunctionResult', status: { phase } });
      atOnce = 0;
    },
    hold: () => {
      held ??= [];
    },
    release: () => {
      const waiting = held ?? [];
      held = undefined;
      for (const answer of waiting) answer();
    },
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
