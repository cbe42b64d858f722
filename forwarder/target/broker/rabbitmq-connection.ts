/**
 * One connection to RabbitMQ. Each exchange and routing key has a channel of its own on it, because the server closes a
 * channel, with all that waits on it, when a message cannot be taken.
 */
import { scheduler } from 'node:timers/promises';
import type { Channel, Connection, Envelope, ReturnedMessage } from 'rabbitmq-client';
import type { AddressGuard } from '../address-guard.ts';
import { guardedHost } from '../guarded-host.ts';
import type { BrokerConnection } from './connections.ts';
import type { BrokerCredentials } from './credentials.ts';
import { tlsOptions } from './tls-options.ts';

const PORTS: Readonly<Record<string, number>> = { 'amqp:': 5672, 'amqps:': 5671 };
/** As other clients ask for; the client's own default splits a megabyte into 128 frames. */
const FRAME_BYTES = 131_072;
/** In seconds; dead after two of these without a word. */
const HEARTBEAT_S = 20;
const NEVER = 0;
/** Who is meant where nobody is named, as other clients have it. */
const GUEST = { username: 'guest', password: 'guest' };

/** A message came back: no queue is bound that would take it. */
export class UnroutableError extends Error {
  override readonly name = 'UnroutableError';
}

export interface RabbitmqConnection extends BrokerConnection {
  /** Why the server takes no messages for now; undefined where it does. */
  readonly blocked: string | undefined;
  /**
   * Resolves once the server has taken the message into every queue that wants it, and has it on disk where those are
   * durable. Throws UnroutableError where no queue wants it, else what the client throws.
   */
  publish(envelope: Envelope & { readonly messageId: string }, body: Buffer): Promise<void>;
}

/** Opens a connection to `amqp://host[:port][/vhost]`, or `amqps:`. */
export async function openRabbitmqConnection(
  { url, credentials }: { readonly url: string; readonly credentials: BrokerCredentials },
  guard: AddressGuard,
  signal: AbortSignal,
): Promise<RabbitmqConnection> {
  const client = await import('./rabbitmq-client.ts');
  const { protocol, hostname, port: named, pathname } = new URL(url);
  const port = named === '' ? (PORTS[protocol] ?? 0) : Number(named);
  const host = hostname.replaceAll(/[[\]]/g, '');
  const { lookup, ready } = guardedHost(guard, host, port);
  const refused = await ready();
  if (refused !== undefined) throw refused;
  signal.throwIfAborted();
  const { username, password } = credentials.login?.kind === 'basic' ? credentials.login : GUEST;
  const connection = new client.Connection({
    hostname: host,
    port,
    vhost: decodeURIComponent(pathname.slice(1)) || '/',
    username,
    password,
    ...(protocol === 'amqps:' && { tls: tlsOptions(host, credentials.tls) }),
    socket: { host, port, lookup },
    connectionName: 'statewire',
    connectionTimeout: NEVER,
    acquireTimeout: NEVER,
    frameMax: FRAME_BYTES,
    heartbeat: HEARTBEAT_S,
    noDelay: true,
  });
  const opened = new OpenedConnection(connection);
  signal.addEventListener('abort', () => opened.close(), { once: true });
  await opened.stands;
  return opened;
}

/** The client would connect again by itself; its first error is the end of it. */
class OpenedConnection implements RabbitmqConnection {
  readonly stands: Promise<void>;
  readonly #connection: Connection;
  readonly #channels = new Map<string, Promise<ConfirmChannel>>();
  #closed = false;
  #blocked: string | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.stands = new Promise((resolve, reject) => {
      connection.once('connection', resolve);
      connection.on('error', (error) => {
        reject(error);
        // Errors of one channel are told here too, where nobody waits on it.
        if (!connection.ready && this.#blocked === undefined) this.close();
      });
    });
    connection.on('connection.blocked', (reason) => (this.#blocked = `takes no messages: ${reason}`));
    connection.on('connection.unblocked', () => (this.#blocked = undefined));
  }

  get closed(): boolean {
    return this.#closed;
  }

  get blocked(): string | undefined {
    return this.#blocked;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.unsafeDestroy();
  }

  async publish(envelope: Envelope & { readonly messageId: string }, body: Buffer): Promise<void> {
    const channel = await this.#channel(`${envelope.exchange} ${envelope.routingKey}`);
    await channel.publish(envelope, body);
  }

  async #channel(key: string): Promise<ConfirmChannel> {
    const known = this.#channels.get(key);
    if (known !== undefined && (await known.catch(() => undefined))?.active === true) return await known;
    // Whoever waited for the same may have opened it meanwhile.
    const newer = this.#channels.get(key);
    if (newer !== undefined && newer !== known) return await newer;
    const opening = ConfirmChannel.open(this.#connection);
    this.#channels.set(key, opening);
    return await opening;
  }
}

/** A channel whose messages are confirmed, and come back where no queue wants them. */
class ConfirmChannel {
  readonly #channel: Channel;
  /** Ids of messages that came back; each is confirmed right after. */
  readonly #returned = new Set<unknown>();
  /** Why the server refused a message, or closed the channel. */
  #fate: unknown;

  private constructor(channel: Channel) {
    this.#channel = channel;
  }

  static async open(connection: Connection): Promise<ConfirmChannel> {
    const channel = await connection.acquire();
    const confirm = new ConfirmChannel(channel);
    channel.on('basic.return', ({ messageId }: ReturnedMessage) => void confirm.#returned.add(messageId));
    await channel.confirmSelect();
    return confirm;
  }

  get active(): boolean {
    return this.#channel.active;
  }

  async publish(envelope: Envelope & { readonly messageId: string }, body: Buffer): Promise<void> {
    try {
      await this.#channel.basicPublish({ ...envelope, mandatory: true, durable: true }, body);
    } catch (error) {
      // The server says why it closes a channel, and the client tells only the oldest of those who wait on it.
      if ((error as { code?: unknown }).code !== 'CH_CLOSE') this.#fate ??= error;
      throw this.#fate ?? error;
    }
    // The message comes back before it is confirmed, but the client tells that one turn later.
    await scheduler.yield();
    if (this.#returned.delete(envelope.messageId)) throw new UnroutableError();
  }
}
