/**
 * Connections that go nowhere the address guard forbids: the host is checked as a literal, each address a name resolves
 * to is checked before any is tried, and the peer once more when the connection stands.
 */
import { isIP, type LookupFunction } from 'node:net';
import { buildConnector } from 'undici';
import { TargetError } from '../lib/errors.ts';
import type { AddressGuard } from './address-guard.ts';
import { sharedLookup } from './shared-lookup.ts';

/** Longer than three lost SYN packets take to be sent again. */
const CONNECT_TIMEOUT_MS = 10_000;

/** An undici connector for one origin. Fails with TargetError TARGET_FORBIDDEN (target, conclusive). */
export function guardedConnector(guard: AddressGuard, origin: URL): buildConnector.connector {
  const port = origin.port === '' ? (origin.protocol === 'https:' ? 443 : 80) : Number(origin.port);
  const refusal = (address: string): TargetError | undefined => {
    const problem = guard.problem(address, port);
    if (problem === undefined) return undefined;
    const named = isIP(origin.hostname.replaceAll(/[[\]]/g, '')) === 0 ? `${origin.hostname} is ` : '';
    return new TargetError('TARGET_FORBIDDEN', `never called: ${named}${address}, which ${problem}`, {
      blame: 'target',
      conclusive: true,
    });
  };

  const lookup = sharedLookup();
  const guardedLookup: LookupFunction = (hostname, options, callback) => {
    lookup(hostname, options, (error, addresses) => {
      if (error !== null) {
        callback(error, []);
        return;
      }
      const refused = addresses.map(({ address }) => refusal(address)).find((found) => found !== undefined);
      const [first] = addresses;
      if (refused !== undefined) callback(refused, []);
      else if (options.all === true || first === undefined) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
  const connect = buildConnector({ lookup: guardedLookup, timeout: CONNECT_TIMEOUT_MS, allowH2: false });

  return (options, callback) => {
    const start = (): void => {
      const refused = isIP(options.hostname) === 0 ? undefined : refusal(options.hostname);
      if (refused !== undefined) {
        callback(refused, null);
        return;
      }
      connect(options, (...[error, socket]) => {
        if (error !== null) {
          callback(error, null);
          return;
        }
        // A socket that is closed again has no address, and sends nothing either.
        const late = socket.remoteAddress === undefined ? undefined : refusal(socket.remoteAddress);
        if (late === undefined) {
          callback(null, socket);
          return;
        }
        socket.destroy();
        callback(late, null);
      });
    };
    void guard.refresh(port).then(start);
  };
}
