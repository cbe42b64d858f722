/** How servers of this process begin and end. */
import type { Server } from 'node:http';
import type { Clock } from './clock.ts';
import { ConfigError, messageOf } from './errors.ts';

const CLOSE_GRACE_MS = 1000;

/** Rejects with a ConfigError for that flag where nothing can listen there. */
export function listen(
  server: Server,
  { host, port }: { readonly host?: string; readonly port: number },
  flag: string,
): Promise<void> {
  return new Promise((resolve, reject) => {
    // Stays: what comes after listening, such as too many open files, ends one connection and not the process.
    server.on('error', (error) => {
      reject(new ConfigError('CONFIG_INVALID', flag, messageOf(error), { cause: error }));
    });
    server.listen({ port, ...(host === undefined ? {} : { host }) }, resolve);
  });
}

/** Ends within a second, whatever a client does. */
export function closeServer(server: Server, clock: Pick<Clock, 'after'>): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.after(CLOSE_GRACE_MS, () => server.closeAllConnections());
    server.close(() => {
      timer.cancel();
      resolve();
    });
    server.closeIdleConnections();
  });
}
