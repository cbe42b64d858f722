/** A function as a durable consumer of a JetStream stream: the host of this example. */
import { toFetch } from '@statewire/functions/fetch';
import type { StatewireFunction } from '@statewire/functions';
import { connect, type Msg, type NatsConnection } from '@nats-io/transport-node';
import type { ApiAccess } from '../../protocol/event.ts';

const NANOSECONDS = 1_000_000;
const ACK_WITHIN_MS = 30_000;
const AGAIN_AFTER_MS = 1000;

export interface NatsHostOptions {
  readonly stream: string;
  /** By name of the consumer: processes with equal names share its messages. */
  readonly functions: Readonly<Record<string, StatewireFunction>>;
  /** For functions outside of the cluster; absent: as the ServiceAccount of this pod. */
  readonly access?: Omit<ApiAccess, 'expiresAt'> | undefined;
}

/** Each function gets every message. What it answers decides: acknowledged, repeated, or given up. */
export async function runOnNats(url: string, options: NatsHostOptions): Promise<NatsConnection> {
  const connection = await connect({ servers: url });
  for (const [name, fn] of Object.entries(options.functions)) {
    const deliver = `deliver.${options.stream}.${name}`;
    const queue = connection.subscribe(deliver, { queue: name });
    await createConsumer(connection, options.stream, name, deliver);
    const answer = toFetch(fn);
    void (async () => {
      for await (const message of queue) void handle(message, answer, options.access);
    })();
  }
  return connection;
}

async function handle(
  message: Msg,
  answer: (request: Request) => Promise<Response>,
  access: NatsHostOptions['access'],
): Promise<void> {
  const headers = [...(message.headers ?? [])].map(([name, [value = '']]): [string, string] => [name, value]);
  const data = message.json<object>();
  const body = JSON.stringify(access === undefined ? data : { ...data, access });
  const response = await answer(new Request('http://function/', { method: 'POST', headers, body }));
  await response.text();
  if (response.ok) message.respond('+ACK');
  else if (response.status === 422 || response.status === 400) message.respond('+TERM');
  else message.respond(`-NAK ${JSON.stringify({ delay: waitMs(response) * NANOSECONDS })}`);
}

function waitMs(response: Response): number {
  const seconds = Number(response.headers.get('retry-after') ?? 0);
  return seconds > 0 ? seconds * 1000 : AGAIN_AFTER_MS;
}

/** Made once; it keeps its place in the stream while no process runs. */
async function createConsumer(
  connection: NatsConnection,
  stream: string,
  name: string,
  deliver: string,
): Promise<void> {
  const config = {
    durable_name: name,
    deliver_subject: deliver,
    deliver_group: name,
    ack_policy: 'explicit',
    ack_wait: ACK_WITHIN_MS * NANOSECONDS,
    deliver_policy: 'all',
  };
  const request = JSON.stringify({ stream_name: stream, config });
  const answer = await connection.request(`$JS.API.CONSUMER.DURABLE.CREATE.${stream}.${name}`, request);
  const { error } = answer.json<{ error?: { description: string } }>();
  if (error !== undefined) throw new Error(`consumer ${name} of stream ${stream}: ${error.description}`);
}
