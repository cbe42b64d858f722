import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { TargetError } from '../../forwarder/lib/errors.ts';
import type { Target } from '../../forwarder/model/target.ts';
import type { AddressGuard } from '../../forwarder/target/address-guard.ts';
import { rabbitmqTargets } from '../../forwarder/target/rabbitmq.ts';
import { ANYWHERE, targetAlone } from '../support/brokers/broker-under-test.ts';
import { RabbitmqServer } from '../support/brokers/rabbitmq-server.ts';
import { eventually, quietFor } from '../support/eventually.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { invocationAt } from '../support/invocations.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { principalWith } from '../support/principals.ts';
import { brokerSecurityContract } from './broker-security.contract.ts';
import { type BrokerMessage, brokerTargetContract, send } from './broker-target.contract.ts';
import { assertFails } from './target.contract.ts';

interface Destination {
  readonly exchange: string;
  readonly routingKey: string;
}

function rabbitmqTarget(
  url: string,
  destination: Destination,
  clock: ManualClock,
  by: AddressGuard = ANYWHERE,
): Target {
  return targetAlone(rabbitmqTargets, { type: 'rabbitmq', url, ...destination }, { clock, guard: by });
}

async function idsAndBodies(server: RabbitmqServer): Promise<readonly BrokerMessage[]> {
  const messages = await server.messages('apps');
  // The client that reads has parsed it; the test of binary mode sees the bytes.
  return messages.map(({ headers, body }) => ({
    id: String(headers?.['cloudEvents_id']),
    body: JSON.stringify(body),
  }));
}

brokerTargetContract({
  name: 'RabbitMQ target',
  async start() {
    const server = await RabbitmqServer.start();
    await server.createQueue('events', 'apps');
    return server;
  },
  messages: idsAndBodies,
  targetAt: ({ host, port, missing = false }, clock, by) =>
    rabbitmqTarget(
      `amqp://${host}:${port}`,
      { exchange: missing ? 'nowhere' : 'events', routingKey: 'apps' },
      clock,
      by,
    ),
  tooManyBytes: 1_000_000,
});

brokerSecurityContract({
  name: 'RabbitMQ target',
  type: 'rabbitmq',
  async start(_clientPort, user) {
    const server = await RabbitmqServer.start(user);
    await server.createQueue('events', 'apps');
    return server;
  },
  messages: idsAndBodies,
  targets: rabbitmqTargets,
  spec: (address, security) => ({
    type: 'rabbitmq',
    url: `amqps://${address}`,
    exchange: 'events',
    routingKey: 'apps',
    ...security,
  }),
});

describe('RabbitMQ target', () => {
  let server: RabbitmqServer;
  before(async () => {
    server = await RabbitmqServer.start();
  });
  after(() => server?.[Symbol.asyncDispose]());

  it('publishes the event in binary mode, persistent', async () => {
    await server.createQueue('events', 'binary');
    const clock = new ManualClock();
    await using target = rabbitmqTarget(server.url, { exchange: 'events', routingKey: 'binary' }, clock);
    const { attributes: usual, ...rest } = invocationAt(clock, { id: 'a "b" ü' });
    // The client that reads parses what is plainly application/json, and the bytes could not be seen.
    const datacontenttype = 'application/json; charset=utf-8' as 'application/json';
    const invocation = { ...rest, attributes: { ...usual, datacontenttype } };
    await target.invoke(invocation, new AbortController().signal);
    const [message] = await server.messages('binary');
    const { datacontenttype: _, ...attributes } = usual;
    assert.partialDeepStrictEqual(message, {
      exchange: 'events',
      routingKey: 'binary',
      contentType: datacontenttype,
      messageId: invocation.idempotencyKey,
      durable: true,
    });
    assert.equal(String(message?.body), invocation.dataJson);
    assert.deepEqual(message?.headers, {
      ...Object.fromEntries(
        Object.entries(attributes).map(([name, value]) => [`cloudEvents_${name}`, value]),
      ),
      'idempotency-key': invocation.idempotencyKey,
      traceparent: attributes.traceparent,
    });
  });

  it('publishes to a queue by its name on the default exchange', async () => {
    await server.createQueue('events', 'by-name');
    const clock = new ManualClock();
    await using target = rabbitmqTarget(server.url, { exchange: '', routingKey: 'by-name' }, clock);
    assert.equal(target.description, 'rabbitmq by-name');
    await send(target, clock);
    assert.equal((await server.messages('by-name')).length, 1);
  });

  it("takes a message that no queue wants for the target's failure, and no other with it", async () => {
    await server.createQueue('events', 'wanted');
    const clock = new ManualClock();
    const targets = rabbitmqTargets({ clock, guard: ANYWHERE, env: {} });
    await using _ = targets;
    const [wanted, unwanted] = ['wanted', 'unwanted'].map((routingKey) =>
      targets.create(
        { type: 'rabbitmq', url: server.url, exchange: 'events', routingKey },
        { reply: 'Result' },
        principalWith(),
      ),
    ) as [Target, Target];
    for (let round = 0; round < 20; round++) {
      await Promise.all([
        assertFails(send(unwanted, clock), {
          code: 'TARGET_NOT_FOUND',
          blame: 'target',
          conclusive: true,
        }),
        send(wanted, clock),
      ]);
    }
    await assert.rejects(send(unwanted, clock), {
      message: 'rabbitmq events: no queue takes routing key "unwanted"',
    });
    assert.equal((await server.messages('wanted')).length, 20);
  });

  it('shares one connection among all targets of a URL, until the last is disposed', async () => {
    await server.createQueue('events', 'shared');
    const clock = new ManualClock();
    await using proxy = await FaultProxy.start(server.port);
    await using targets = rabbitmqTargets({ clock, guard: ANYWHERE, env: {} });
    const spec = { type: 'rabbitmq', url: `amqp://127.0.0.1:${proxy.port}`, routingKey: 'shared' } as const;
    const [a, b] = ['events', ''].map((exchange) =>
      targets.create({ ...spec, exchange }, { reply: 'Result' }, principalWith()),
    ) as [Target, Target];
    await Promise.all([send(a, clock), send(b, clock)]);
    await a[Symbol.asyncDispose]();
    await send(b, clock);
    assert.equal(proxy.accepted, 1);
    await b[Symbol.asyncDispose]();
    await eventually('it is closed', () => proxy.open === 0);
  });

  it("is the target's failure where a queue is full", async () => {
    await server.createQueue('events', 'full', { maxLength: 1 });
    const clock = new ManualClock();
    await using target = rabbitmqTarget(server.url, { exchange: 'events', routingKey: 'full' }, clock);
    await send(target, clock);
    await assertFails(send(target, clock), { code: 'TARGET_UNAVAILABLE', blame: 'target' });
    assert.equal((await server.messages('full')).length, 1);
  });

  it("is the target's failure where the virtual host does not exist", async () => {
    const clock = new ManualClock();
    await using target = rabbitmqTarget(
      `${server.url}/nowhere`,
      { exchange: 'events', routingKey: 'a' },
      clock,
    );
    await assertFails(send(target, clock), { code: 'TARGET_MISCONFIGURED', blame: 'target' });
    await assert.rejects(send(target, clock), { message: /vhost nowhere not found/ });
  });

  it("is the target's failure where the exchange is the server's own", async () => {
    const clock = new ManualClock();
    const internal = { exchange: 'amq.rabbitmq.trace', routingKey: 'a' };
    await using target = rabbitmqTarget(server.url, internal, clock);
    await assertFails(send(target, clock), { code: 'TARGET_FORBIDDEN', blame: 'target' });
  });

  it("is the target's failure where the server is out of memory and takes no messages", async () => {
    await server.createQueue('events', 'blocked');
    const clock = new ManualClock();
    await using target = rabbitmqTarget(server.url, { exchange: 'events', routingKey: 'blocked' }, clock);
    await send(target, clock);
    await server.control('set_vm_memory_high_watermark', '0.000001');
    await eventually('the server has said so', async () => {
      const code = send(target, clock).then(
        () => 'accepted',
        (error: TargetError) => `${error.code} ${error.blame}`,
      );
      // Its word comes after the first message that it does not take.
      await quietFor(100);
      await clock.advance(30_000);
      return (await code) === 'TARGET_UNAVAILABLE target';
    });
    await server.control('set_vm_memory_high_watermark', '0.4');
    await eventually('it takes messages again', async () => {
      await send(target, clock);
      return true;
    });
  });
});
