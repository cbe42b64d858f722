/** Sockets for clients of brokers, which go nowhere the address guard forbids. */
import { Socket } from 'node:net';
import type { AddressGuard } from '../address-guard.ts';
import { guardedHost } from '../guarded-host.ts';

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
