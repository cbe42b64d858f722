/**
 * One producer for one topic, on sockets of our own: guarded (a broker names further brokers, wherever they are) and
 * ours to end. One for each topic, because the client asks for the metadata of all its topics at once, and one that is
 * gone would fail the others.
 *
 * Not the client's idempotent producer: it protects the client's own repeats, and there are none.
 */
import type { Socket } from 'node:net';
import type { ISocketFactoryArgs, Message, Producer, RetryOptions, SASLOptions } from 'kafkajs';
import type { SaslMechanism } from '../../model/trigger.ts';
import type { AddressGuard } from '../address-guard.ts';
import type { BrokerConnection } from './connections.ts';
import type { BrokerCredentials } from './credentials.ts';
import { guardedSocket, guardedTlsSocket } from './guarded-socket.ts';

/** Of the topic; nobody's default is another. */
const LIMIT_NAME = 'max.message.bytes';
/** Attempts are counted and spaced by the forwarder. */
const NO_RETRY: RetryOptions = { retries: 0 };
/** Calls end at their own deadlines, before the longest time that a timer has. */
const NEVER_MS = 2_147_483_647;
/** How long the leader waits for the replicas. */
const REPLICATION_TIMEOUT_MS = 30_000;

export interface KafkaConnection extends BrokerConnection {
  /** Resolves once all in-sync replicas have the record. */
  send(message: Message): Promise<void>;
  /** Largest batch that the topic takes, in bytes; undefined where the broker does not tell us. */
  readMaxMessageBytes(): Promise<number | undefined>;
}

export interface KafkaConnectionOptions {
  /** `host:port` of some, of which one must answer. */
  readonly brokers: readonly string[];
  readonly topic: string;
  /** Set where there is a login. */
  readonly mechanism: SaslMechanism | undefined;
  readonly credentials: BrokerCredentials;
}

export async function openKafkaConnection(
  { brokers, topic, mechanism, credentials }: KafkaConnectionOptions,
  guard: AddressGuard,
  signal: AbortSignal,
): Promise<KafkaConnection> {
  const { ConfigResourceTypes, Kafka, logLevel, Partitioners } = await import('./kafka-client.ts');
  signal.throwIfAborted();
  const { login, tls } = credentials;
  const sockets = new Set<Socket>();
  const state = { closed: false };
  const end = (): void => {
    state.closed = true;
    // The client hears of errors only.
    for (const socket of sockets) socket.destroy(new Error('connection closed by the forwarder'));
  };
  signal.addEventListener('abort', end, { once: true });
  const seeds = seedsOf(brokers);
  const kafka = new Kafka({
    clientId: 'statewire',
    brokers: seeds.addresses,
    ...(login?.kind === 'basic' && mechanism !== undefined && { sasl: saslOptions(mechanism, login) }),
    logLevel: logLevel.NOTHING,
    retry: NO_RETRY,
    enforceRequestTimeout: false,
    connectionTimeout: NEVER_MS,
    socketFactory: ({ host: name, port, onConnect }: ISocketFactoryArgs) => {
      const host = seeds.hostOf(name);
      const socket =
        tls === undefined ? guardedSocket(guard, host, port) : guardedTlsSocket(guard, host, port, tls);
      socket.on(tls === undefined ? 'connect' : 'secureConnect', onConnect);
      sockets.add(socket);
      // Also where a broker closes what was idle: the next call begins anew rather than on half of the brokers.
      socket.on('close', () => {
        sockets.delete(socket);
        state.closed = true;
      });
      if (signal.aborted) socket.destroy(new Error('connection closed by the forwarder'));
      return socket;
    },
  });
  const producer: Producer = kafka.producer({
    createPartitioner: Partitioners.DefaultPartitioner,
    allowAutoTopicCreation: false,
    retry: NO_RETRY,
  });
  try {
    await producer.connect();
    // Sends nothing but asks for the topic: a broker that wants a login hangs up only when it is asked for something, and
    // after a record was sent nobody could tell that from a lost connection.
    await producer.send({ topic, messages: [] });
  } catch (error) {
    end();
    throw error;
  }
  return {
    get closed() {
      return state.closed;
    },
    close: end,
    async send(message) {
      await producer.send({ topic, acks: -1, timeout: REPLICATION_TIMEOUT_MS, messages: [message] });
    },
    async readMaxMessageBytes() {
      const admin = kafka.admin({ retry: NO_RETRY });
      try {
        await admin.connect();
        const { resources } = await admin.describeConfigs({
          includeSynonyms: false,
          resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configNames: [LIMIT_NAME] }],
        });
        const value = resources[0]?.configEntries.find(({ configName }) => configName === LIMIT_NAME);
        return Number(value?.configValue) || undefined;
      } catch {
        // It needs a right of its own, DescribeConfigs.
        return undefined;
      } finally {
        await admin.disconnect().catch(() => undefined);
      }
    },
  };
}

/** The client takes an address apart at its first colon: one of IPv6 gets another name, which no host has. */
function seedsOf(brokers: readonly string[]): {
  readonly addresses: string[];
  readonly hostOf: (name: string) => string;
} {
  const hosts = new Map<string, string>();
  const addresses = brokers.map((address, index) => {
    const [, host, port] = /^(\[.+\]):(\d+)$/.exec(address) ?? [];
    if (host === undefined) return address;
    hosts.set(`[${index}]`, host);
    return `[${index}]:${port}`;
  });
  return { addresses, hostOf: (name) => hosts.get(name) ?? name };
}

function saslOptions(
  mechanism: SaslMechanism,
  { username, password }: { readonly username: string; readonly password: string },
): SASLOptions {
  const name = mechanism.toLowerCase() as 'plain' | 'scram-sha-256' | 'scram-sha-512';
  return { mechanism: name, username, password };
}
