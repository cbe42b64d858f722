/** A loopback port that nobody uses now. */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

// Below the range from which systems choose ports for outgoing connections and for port 0, so that a server which
// restarts finds its port still free.
const LOWEST = 20_000;
const HIGHEST = 30_000;
const TRIES = 100;

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** Another process may take the port before its caller does: be ready to try again. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < TRIES; tries++) {
    const port = randomInt(LOWEST, HIGHEST);
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port between ${LOWEST} and ${HIGHEST} on 127.0.0.1`);
}
