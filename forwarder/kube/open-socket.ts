/** Opens the sockets of every client in this folder, so that TLS, rotated certificates and proxies are handled once. */
import { request as httpRequest } from 'node:http';
import { connect as netConnect, isIP, type Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import type { Clock } from '../lib/clock.ts';
import type { KubeAccess } from './kube-access.ts';

/** How long connecting may take, TLS and proxy included. */
const CONNECT_TIMEOUT_MS = 10_000;
/** Below the idle limits of cloud load balancers; the value of client-go. */
const KEEP_ALIVE_DELAY_MS = 30_000;

/** Called once: with a socket to write to, or with why there is none. */
export type SocketDone = (error: Error | null, socket: Socket | null) => void;

/** Connects, encrypted where the server's URL says https. The socket speaks HTTP/1.1. */
export function openSocket(access: KubeAccess, clock: Clock, done: SocketDone): void {
  let socket: Socket | undefined;
  const fail = (error: Error): void => {
    timer.cancel();
    socket?.destroy();
    done(error, null);
  };
  const timer = clock.after(CONNECT_TIMEOUT_MS, () => {
    socket?.removeListener('error', fail);
    // What a destroyed socket still reports concerns nobody.
    socket?.on('error', () => undefined);
    fail(Object.assign(new Error('no connection in time'), { code: 'ETIMEDOUT' }));
  });
  const ready = (): void => {
    timer.cancel();
    socket?.removeListener('error', fail);
    done(null, socket as Socket);
  };
  const connected = (plain: Socket): void => {
    socket = plain;
    if (access.server.protocol !== 'https:') {
      ready();
      return;
    }
    try {
      socket = encrypt(access, plain);
    } catch (error) {
      fail(error as Error);
      return;
    }
    socket.once('error', fail);
    socket.once('secureConnect', ready);
  };
  if (access.proxy === undefined) {
    const plain = netConnect({
      ...endpoint(access.server),
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS,
    });
    socket = plain;
    plain.once('error', fail);
    plain.once('connect', () => {
      plain.removeListener('error', fail);
      connected(plain);
    });
  } else {
    tunnel(access.proxy, access.server, connected, fail);
  }
}

function endpoint(url: URL): { readonly host: string; readonly port: number } {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return { host, port: Number(url.port || (url.protocol === 'https:' ? 443 : 80)) };
}

function encrypt(access: KubeAccess, plain: Socket): Socket {
  const { servername, ...material } = access.tls();
  const { host } = endpoint(access.server);
  return tlsConnect({
    socket: plain,
    ...material,
    // An IP address is no server name in TLS, but it is what the certificate is checked against.
    host,
    ...(servername !== undefined ? { servername } : isIP(host) === 0 ? { servername: host } : {}),
    ALPNProtocols: ['http/1.1'],
  });
}

function tunnel(proxy: URL, server: URL, done: (socket: Socket) => void, fail: (error: Error) => void): void {
  const { host, port } = endpoint(server);
  const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const credentials = decodeURIComponent(`${proxy.username}:${proxy.password}`);
  const open = (socket?: Socket): void => {
    const request = httpRequest({
      ...endpoint(proxy),
      method: 'CONNECT',
      path: authority,
      agent: false,
      headers: {
        host: authority,
        ...(proxy.username !== '' && {
          'proxy-authorization': `Basic ${Buffer.from(credentials).toString('base64')}`,
        }),
      },
      ...(socket !== undefined && { createConnection: () => socket }),
    });
    request.once('error', fail);
    request.once('response', (response) => fail(new Error(`the proxy answered ${response.statusCode}`)));
    request.once('connect', (response, tunnelled) => {
      request.removeListener('error', fail);
      if (response.statusCode === 200) done(tunnelled);
      else fail(new Error(`the proxy answered ${response.statusCode}`));
    });
    request.end();
  };
  if (proxy.protocol === 'https:') {
    const { host: proxyHost } = endpoint(proxy);
    const socket = tlsConnect({
      ...endpoint(proxy),
      ...(isIP(proxyHost) === 0 && { servername: proxyHost }),
    });
    open(socket);
  } else {
    open();
  }
}
