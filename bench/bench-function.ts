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
}

export async function startFunction(): Promise<BenchFunction> {
  let arrivals: Arrival[] = [];
  let result: string | undefined;
  let running = 0;
  let atOnce = 0;
  const server = createServer((request, response) => {
    const atMs = performance.now();
    const { headers } = request;
    arrivals.push({ name: String(headers['ce-name']), generation: Number(headers['ce-generation']), atMs });
    atOnce = Math.max(atOnce, ++running);
    request.resume().once('end', () => {
      running -= 1;
      if (result === undefined) response.writeHead(204).end();
      else response.writeHead(200, { 'content-type': 'application/json' }).end(result);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
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
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
