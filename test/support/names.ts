/** Host names as a test wants them, for everything in this process that looks names up. */
import dns from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';
import { isIPv6 } from 'node:net';
import type { Cleanup } from './cluster.ts';

type Callback = (error: Error | null, addresses: readonly dns.LookupAddress[]) => void;

/** The map may be changed at any time; a name without an address does not exist, others are looked up as always. */
export function overrideNames(cleanup: Cleanup, names: Map<string, string | undefined>): void {
  const real = dns.lookup;
  const fake = (hostname: string, options: dns.LookupOptions, callback: Callback): void => {
    if (!names.has(hostname)) {
      real(hostname, { ...options, all: true }, callback);
      return;
    }
    const address = names.get(hostname);
    setImmediate(() => {
      if (address === undefined) {
        const error = new Error(`getaddrinfo ENOTFOUND ${hostname}`);
        callback(Object.assign(error, { code: 'ENOTFOUND' }), []);
      } else callback(null, [{ address, family: isIPv6(address) ? 6 : 4 }]);
    });
  };
  Object.assign(dns, { lookup: fake });
  syncBuiltinESMExports();
  cleanup.after(() => {
    Object.assign(dns, { lookup: real });
    syncBuiltinESMExports();
    return Promise.resolve();
  });
}
