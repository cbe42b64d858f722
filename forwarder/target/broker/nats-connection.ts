/**
 * One connection to a NATS server, on a socket of our own: guarded, and ours to end while it is being opened. JetStream's
 * part of a publish is one request with an answer in JSON, so its client is not needed.
 */
import type { Socket } from 'node:net';
import type {
  Authenticator,
  ConnectionOptions,
  MsgHdrs,
  NatsConnectionImpl,
  TlsOptions,
} from '@nats-io/transport-node';
import { TargetError } from '../../lib/errors.ts';
import type { AddressGuard } from '../address-guard.ts';
import type { BrokerConnection } from './connections.ts';
import type { BrokerCredentials, TextLogin } from './credentials.ts';
import { guardedSocket } from './guarded-socket.ts';
import { tlsOptions } from './tls-options.ts';

/** What remains of the client once its transport is ours. */
interface NatsClient {
  readonly headers: () => MsgHdrs;
  /** By the kind of login. */
  readonly signers: Readonly<Record<'nkey' | 'credentials', (text: string) => Authenticator>>;
  readonly connect: (options: OwnSocketOptions) => Promise<NatsConnectionImpl>;
}

/** Stale after two of these without a word. */
const PING_INTERVAL_MS = 20_000;
const DEFAULT_PORT = 4222;

interface OwnSocketOptions extends ConnectionOptions {
  readonly openSocket: () => Socket;
}

export interface NatsConnection extends BrokerConnection {
  /** Largest message, headers included, in bytes: `max_payload` of the server. */
  readonly maxMessageBytes: number;
  headers(): MsgHdrs;
  /** Resolves with the body of the answer. */
  request(subject: string, body: Buffer, headers: MsgHdrs, timeoutMs: number): Promise<string>;
}

/** Opens a connection to `nats://host[:port]` or, with TLS demanded, `tls://host[:port]`. */
export async function openNatsConnection(
  { url, credentials = {} }: { readonly url: string; readonly credentials?: BrokerCredentials },
  guard: AddressGuard,
  signal: AbortSignal,
): Promise<NatsConnection> {
  const client = await loadClient();
  signal.throwIfAborted();
  const { protocol, hostname, port } = new URL(url);
  let socket: Socket | undefined;
  signal.addEventListener('abort', () => socket?.destroy(), { once: true });
  const options: OwnSocketOptions = {
    openSocket: () => (socket = guardedSocket(guard, hostname, Number(port || DEFAULT_PORT))),
    servers: [`${hostname}:${port || DEFAULT_PORT}`],
    name: 'statewire',
    ...((protocol === 'tls:' || credentials.tls !== undefined) && {
      tls: tlsOptions(hostname, credentials.tls) as TlsOptions,
    }),
    ...loginOptions(client, credentials),
    resolve: false,
    reconnect: false,
    ignoreClusterUpdates: true,
    noAsyncTraces: true,
    pingInterval: PING_INTERVAL_MS,
  };
  return connectionOf(client, await client.connect(options));
}

function loginOptions(client: NatsClient, { login }: BrokerCredentials): Partial<ConnectionOptions> {
  switch (login?.kind) {
    case undefined:
      return {};
    case 'basic':
      return { user: login.username, pass: login.password };
    case 'token':
      return { token: login.text };
    case 'nkey':
    case 'credentials':
      return { authenticator: signer(client, login) };
  }
}

/** What answers the server's challenge. Throws TargetError for a text that is no seed, or no .creds file. */
function signer({ signers }: NatsClient, { kind, text, field }: TextLogin): Authenticator {
  const authenticator = signers[kind === 'nkey' ? 'nkey' : 'credentials'](text);
  try {
    authenticator('');
  } catch {
    const what = kind === 'nkey' ? 'no seed of a user' : 'no .creds file of a user';
    throw new TargetError('TARGET_MISCONFIGURED', `${field}: the value is ${what}`, {
      blame: 'target',
      conclusive: true,
    });
  }
  return authenticator;
}

let loading: Promise<NatsClient> | undefined;

/** The client weighs eight megabytes in memory: it is loaded by the first call of any NATS target. */
function loadClient(): Promise<NatsClient> {
  loading ??= import('./nats-client.ts').then((client) => {
    const { credsAuthenticator, headers, nkeyAuthenticator, NodeTransport, setTransportFactory } = client;
    /** The client's own transport on a socket that the options bring. */
    class OwnSocketTransport extends NodeTransport {
      #openSocket: (() => Socket) | undefined;

      override connect(
        { hostname, port, tlsName }: { hostname: string; port: number; tlsName: string },
        options: OwnSocketOptions,
      ): Promise<void> {
        this.#openSocket = options.openSocket;
        return super.connect({ hostname, port, tlsName: tlsName || hostname }, options);
      }

      override dial(): Promise<Socket> {
        const socket = this.#openSocket?.();
        if (socket === undefined) throw new Error('connect comes before dial');
        return new Promise((resolve, reject) => {
          socket.once('error', reject);
          socket.once('close', () => reject(new Error('connection closed')));
          socket.once('connect', () => {
            socket.removeAllListeners();
            resolve(socket);
          });
        });
      }
    }
    setTransportFactory({ factory: () => new OwnSocketTransport() });
    return {
      headers: () => headers(),
      signers: {
        nkey: (text) => nkeyAuthenticator(Buffer.from(text)),
        // It wants a line after the last one of the file.
        credentials: (text) => credsAuthenticator(Buffer.from(`${text}\n`)),
      },
      connect: async (options) => (await client.NatsConnectionImpl.connect(options)) as NatsConnectionImpl,
    };
  });
  return loading;
}

function connectionOf({ headers }: NatsClient, connection: NatsConnectionImpl): NatsConnection {
  const { info } = connection;
  if (info === undefined) throw new TargetError('TARGET_BAD_REPLY', 'no INFO', { blame: 'target' });
  return {
    get closed() {
      return connection.isClosed();
    },
    close: () => void connection.close().catch(() => undefined),
    maxMessageBytes: info.max_payload,
    headers: () => headers(),
    async request(subject, body, messageHeaders, timeoutMs) {
      const answer = await connection.request(subject, body, { headers: messageHeaders, timeout: timeoutMs });
      return answer.string();
    },
  };
}
