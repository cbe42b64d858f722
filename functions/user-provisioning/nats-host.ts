/** A function as a durable consumer of a JetStream stream: the host of this example. */
import { toFetch } from '@statewire/functions/fetch';
import type { StatewireFunction } from '@statewire/functions';
import { connect, type Msg, type NatsConnection, type Subscription } from '@nats-io/transport-node';
import type { ApiAccess } from '../../protocol/event.ts';

const NANOSECONDS = 1_000_000;
const ACK_WITHIN_MS = 30_000;
const AGAIN_AFTER_MS = 1000;
/** No event, no event for this function, or one that it refuses for good. */
const GIVEN_UP: ReadonlySet<number> = new Set([400, 413, 415, 422]);

export interface NatsHostOptions {
  readonly stream: string;
  /** By name of the consumer: processes with equal names share its messages. */
  readonly functions: Readonly<Record<string, StatewireFunction>>;
  /** For functions outside of the cluster; absent: as the ServiceAccount of this pod. */
  readonly access?: Omit<ApiAccess, 'expiresAt'> | undefined;
}

/** What runs until it is told to stop. */
export interface NatsHost {
  /** Takes no more messages, answers those that it has, and closes the connection. */
  readonly stop: () => Promise<void>;
}

/** Each function gets every message. What it answers decides: acknowledged, repeated, or given up. */
export async function runOnNats(url: string, options: NatsHostOptions): Promise<NatsHost> {
  const connection = await connect({ servers: url, maxReconnectAttempts: -1 });
  const running = new Set<Promise<void>>();
  const queues: Subscription[] = [];
  for (const [name, fn] of Object.entries(options.functions)) {
    const deliver = `deliver.${options.stream}.${name}`;
    const queue = connection.subscribe(deliver, { queue: name });
    queues.push(queue);
    await createConsumer(connection, options.stream, name, deliver);
    const answer = toFetch(fn);
    void (async () => {
      for await (const message of queue) {
        const handling = handle(message, answer, options.access).finally(() => running.delete(handling));
        running.add(handling);
      }
    })();
  }
  return {
    async stop() {
      for (const queue of queues) queue.unsubscribe();
      await Promise.all(running);
      await connection.drain();
    },
  };
}

/** Never rejects: one message must not end the process, which all others wait for. */
async function handle(
  message: Msg,
  answer: (request: Request) => Promise<Response>,
  access: NatsHostOptions['access'],
): Promise<void> {
  try {
    const request = requestOf(message, access);
    if (request === undefined) {
      console.error('a message is given up: it is not JSON');
      message.respond('+TERM');
      return;
    }
    const response = await answer(request);
    await response.text();
    if (response.ok) message.respond('+ACK');
    else if (GIVEN_UP.has(response.status)) message.respond('+TERM');
    else message.respond(`-NAK ${JSON.stringify({ delay: waitMs(response) * NANOSECONDS })}`);
  } catch (error) {
    // Not acknowledged, it comes again.
    console.error('a message was not answered', error);
  }
}

/** Undefined for what nobody can read. */
function requestOf(message: Msg, access: NatsHostOptions['access']): Request | undefined {
  const headers = [...(message.headers ?? [])].map(([name, [value = '']]): [string, string] => [name, value]);
  let data: unknown;
  try {
    data = message.json();
  } catch {
    return undefined;
  }
  const body = JSON.stringify(access === undefined ? data : { ...(data as object), access });
  // Later than this the server delivers it once more.
  const signal = AbortSignal.timeout(ACK_WITHIN_MS);
  return new Request('http://function/', { method: 'POST', headers, body, signal });
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
