import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { Target } from '../../forwarder/model/target.ts';
import { type AddressGuard, createAddressGuard } from '../../forwarder/target/address-guard.ts';
import { kafkaTargets } from '../../forwarder/target/kafka.ts';
import { KafkaServer } from '../support/brokers/kafka-server.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { invocationAt } from '../support/invocations.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { principalWith } from '../support/principals.ts';
import { type BrokerMessage, brokerTargetContract, send, type TestBroker } from './broker-target.contract.ts';
import { assertFails } from './target.contract.ts';

const guard = createAddressGuard({ inPod: false, apiServers: [], deniedCidrs: [] });

function kafkaTarget(broker: string, topic: string, clock: ManualClock, by: AddressGuard = guard): Target {
  return kafkaTargets({ clock, guard: by, env: {} }).create(
    { type: 'kafka', brokers: [broker], topic },
    { reply: 'Result' },
    principalWith(),
  );
}

class TopicServer implements TestBroker {
  readonly #server: KafkaServer;
  constructor(server: KafkaServer) {
    this.#server = server;
  }
  get port(): number {
    return this.#server.port;
  }
  async kill(): Promise<void> {
    await this.#server.kill();
  }
  async start(): Promise<void> {
    await this.#server.start();
  }
  async messages(): Promise<readonly BrokerMessage[]> {
    const records = await this.#server.records('apps');
    return records.map(({ headers, value }) => ({
      id: String(headers?.['ce_id']),
      body: String(value),
    }));
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }
}

brokerTargetContract({
  name: 'Kafka target',
  async start(clientPort) {
    const server = await KafkaServer.start(clientPort);
    await server.createTopic('apps');
    return new TopicServer(server);
  },
  targetAt: ({ host, port, missing = false }, clock, by) =>
    kafkaTarget(`${host}:${port}`, missing ? 'nowhere' : 'apps', clock, by),
  tooManyBytes: 1_048_588,
});

describe('Kafka target', () => {
  // What the broker tells of itself is the address of the proxy.
  let proxy: FaultProxy;
  let server: KafkaServer;
  before(async () => {
    proxy = await FaultProxy.start(0);
    server = await KafkaServer.start(proxy.port);
    proxy.upstreamPort = server.port;
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
    await proxy?.[Symbol.asyncDispose]();
  });

  const targetFor = (topic: string, clock: ManualClock): Target =>
    kafkaTarget(`127.0.0.1:${proxy.port}`, topic, clock);

  it('produces the event in binary mode, with the uid of the object as the key', async () => {
    await server.createTopic('binary');
    const clock = new ManualClock();
    await using target = targetFor('binary', clock);
    const invocation = invocationAt(clock, { id: 'a "b" ü' });
    await target.invoke(invocation, new AbortController().signal);
    const [record] = await server.records('binary');
    const { datacontenttype, ...attributes } = invocation.attributes;
    assert.equal(String(record?.key), attributes.partitionkey);
    assert.equal(String(record?.value), invocation.dataJson);
    assert.deepEqual(
      Object.fromEntries(Object.entries(record?.headers ?? {}).map(([name, value]) => [name, String(value)])),
      {
        ...Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`ce_${name}`, value])),
        'content-type': datacontenttype,
        'idempotency-key': invocation.idempotencyKey,
        traceparent: attributes.traceparent,
      },
    );
  });

  it('keeps all of one object in one partition, in order', async () => {
    await server.createTopic('partitions', { partitions: 4 });
    const clock = new ManualClock();
    await using target = targetFor('partitions', clock);
    const objects = Array.from({ length: 8 }, () => randomUUID());
    for (let generation = 1; generation <= 5; generation++) {
      await Promise.all(
        objects.map((partitionkey) => {
          const invocation = invocationAt(clock, { id: `${partitionkey}:g${generation}` });
          return target.invoke(
            { ...invocation, attributes: { ...invocation.attributes, partitionkey } },
            new AbortController().signal,
          );
        }),
      );
    }
    const records = await server.records('partitions');
    for (const uid of objects) {
      const own = records.filter(({ key }) => String(key) === uid);
      assert.equal(new Set(own.map(({ partition }) => partition)).size, 1);
      assert.deepEqual(
        own.map(({ headers }) => String(headers?.['ce_id'])),
        [1, 2, 3, 4, 5].map((generation) => `${uid}:g${generation}`),
      );
    }
    assert.ok(new Set(records.map(({ partition }) => partition)).size > 1);
  });

  it('never calls the addresses that a broker names, where they are forbidden', async () => {
    await server.createTopic('forbidden');
    const clock = new ManualClock();
    const apiServers = [{ host: '127.0.0.1', port: proxy.port }];
    const noApiServer = createAddressGuard({ inPod: false, apiServers, deniedCidrs: [] });
    await using target = kafkaTarget(`127.0.0.1:${server.port}`, 'forbidden', clock, noApiServer);
    const before = proxy.accepted;
    await assertFails(send(target, clock), { code: 'TARGET_FORBIDDEN', blame: 'target', conclusive: true });
    assert.equal(proxy.accepted, before);
    assert.deepEqual(await server.records('forbidden'), []);
  });

  it('refuses for good what the topic has no place for', async () => {
    await server.createTopic('small', { config: { 'max.message.bytes': '9000' } });
    const clock = new ManualClock();
    await using target = targetFor('small', clock);
    const dataJson = JSON.stringify('x'.repeat(10_000));
    await assertFails(send(target, clock, { dataJson }), { code: 'TARGET_TOO_LARGE', blame: 'target' });
    assert.equal(target.maxDataBytes, 9000 - 8192);
    await assertFails(send(target, clock, { dataJson }), {
      code: 'TARGET_TOO_LARGE',
      blame: 'delivery',
      permanent: true,
    });
  });
});
