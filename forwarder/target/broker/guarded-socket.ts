/** Sockets for clients of brokers, which go nowhere the address guard forbids. */
import { Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import type { AddressGuard } from '../address-guard.ts';
import { guardedHost } from '../guarded-host.ts';
import type { TlsMaterial } from '../tls-secret.ts';
import { tlsOptions } from './tls-options.ts';

/**
 * A socket that connects once the guard has agreed. A refusal ends it with TargetError TARGET_FORBIDDEN as its error,
 * before anything is sent.
 */
export function guardedSocket(guard: AddressGuard, host: string, port: number): Socket {
  const { lookup, ready, refusal } = guardedHost(guard, host, port);
  const socket = new Socket();
  socket.setNoDelay(true);
  void ready().then((refused) => {
    if (socket.destroyed) return;
    if (refused !== undefined) {
      socket.destroy(refused);
      return;
    }
    socket.connect({ host: host.replaceAll(/[[\]]/g, ''), port, lookup });
    // First of all listeners, so that a peer that must not be called never hears a word.
    socket.prependOnceListener('connect', () => {
      const late = socket.remoteAddress === undefined ? undefined : refusal(socket.remoteAddress);
      if (late !== undefined) socket.destroy(late);
    });
  });
  return socket;
}

/** The same with TLS on it: `secureConnect` comes once the peer has shown a certificate for that host. */
export function guardedTlsSocket(
  guard: AddressGuard,
  host: string,
  port: number,
  tls: Partial<TlsMaterial>,
): TLSSocket {
  return connect({ ...tlsOptions(host, tls), socket: guardedSocket(guard, host, port) });
}
