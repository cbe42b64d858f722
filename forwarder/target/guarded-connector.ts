/**
 * HTTP connections that go nowhere the address guard forbids: the host is checked as a literal, each address a name
 * resolves to is checked before any is tried, and the peer once more when the connection stands.
 */
import type { SecureContext } from 'node:tls';
import { buildConnector } from 'undici';
import type { TargetError } from '../lib/errors.ts';
import type { AddressGuard } from './address-guard.ts';
import { guardedHost } from './guarded-host.ts';

/** Longer than three lost SYN packets take to be sent again. */
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * An undici connector for one origin. Fails with TargetError TARGET_FORBIDDEN (target, conclusive).
 *
 * @param secureContext whom to trust and what to show; absent: as Node does
 */
export function guardedConnector(
  guard: AddressGuard,
  origin: URL,
  secureContext?: SecureContext,
): buildConnector.connector {
  const port = origin.port === '' ? (origin.protocol === 'https:' ? 443 : 80) : Number(origin.port);
  const { lookup, ready, refusal } = guardedHost(guard, origin.hostname, port);
  const connect = buildConnector({
    lookup,
    timeout: CONNECT_TIMEOUT_MS,
    allowH2: false,
    ...(secureContext !== undefined && { secureContext }),
  });

  return (options, callback) => {
    const start = (refused: TargetError | undefined): void => {
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
          // After a TLS alert the socket merely ends, and undici keeps that end in mind rather than the reason.
          socket.on('error', (broken) => socket.destroy(broken));
          callback(null, socket);
          return;
        }
        socket.destroy();
        callback(late, null);
      });
    };
    void ready().then(start);
  };
}
