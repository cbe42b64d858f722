import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, it } from 'node:test';
import type { Target } from '../../forwarder/model/target.ts';
import type { SaslMechanism } from '../../forwarder/model/trigger.ts';
import { type AddressGuard, createAddressGuard } from '../../forwarder/target/address-guard.ts';
import { kafkaTargets } from '../../forwarder/target/kafka.ts';
import { ANYWHERE, behindProxy, BrokerUser, targetAlone } from '../support/brokers/broker-under-test.ts';
import { KafkaServer } from '../support/brokers/kafka-server.ts';
import { invocationAt } from '../support/invocations.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { principalWith } from '../support/principals.ts';
import { brokerSecurityContract } from './broker-security.contract.ts';
import { type BrokerMessage, brokerTargetContract, send } from './broker-target.contract.ts';
import { assertFails } from './target.contract.ts';

function kafkaTarget(broker: string, topic: string, clock: ManualClock, by: AddressGuard = ANYWHERE): Target {
  return targetAlone(kafkaTargets, { type: 'kafka', brokers: [broker], topic }, { clock, guard: by });
}

async function idsAndBodies(server: KafkaServer): Promise<readonly BrokerMessage[]> {
  const records = await server.records('apps');
  return records.map(({ headers, value }) => ({ id: String(headers?.['ce_id']), body: String(value) }));
}

brokerTargetContract({
  name: 'Kafka target',
  async start(clientPort) {
    const server = await KafkaServer.start(clientPort);
    await server.createTopic('apps');
    return server;
  },
  messages: idsAndBodies,
  targetAt: ({ host, port, missing = false }, clock, by) =>
    kafkaTarget(`${host}:${port}`, missing ? 'nowhere' : 'apps', clock, by),
  tooManyBytes: 1_048_588,
});

brokerSecurityContract({
  name: 'Kafka target',
  type: 'kafka',
  async start(clientPort, user) {
    const server = await KafkaServer.start(clientPort, user);
    await server.createTopic('apps');
    return server;
  },
  messages: idsAndBodies,
  targets: kafkaTargets,
  spec: (address, { auth, ...tls }) => ({
    type: 'kafka',
    brokers: [address],
    topic: 'apps',
    ...(auth !== undefined && { auth: { basic: { ...auth.basic, mechanism: 'SCRAM-SHA-512' } } }),
    ...tls,
  }),
});

describe('Kafka target with a SASL mechanism', () => {
  const user = new BrokerUser();
  const broker = behindProxy((port) => KafkaServer.start(port, user, ['PLAIN', 'SCRAM-SHA-256']));
  const REFUSED = { code: 'TARGET_FORBIDDEN', blame: 'target', conclusive: true } as const;
  const targetFor = (mechanism: SaslMechanism, clock: ManualClock, password = user.password): Target =>
    targetAlone(
      kafkaTargets,
      {
        type: 'kafka',
        brokers: [`127.0.0.1:${broker.proxy.port}`],
        topic: 'apps',
        auth: { basic: { secretRef: { name: 'login' }, mechanism } },
        tls: { secretRef: { name: 'tls' } },
      },
      { clock, principal: principalWith({ secrets: { ...user.secrets, 'login/password': password } }) },
    );

  it('logs in by each that the broker offers', async () => {
    await broker.server.createTopic('apps');
    const clock = new ManualClock();
    for (const mechanism of ['PLAIN', 'SCRAM-SHA-256'] as const) {
      await using target = targetFor(mechanism, clock);
      assert.deepEqual(await send(target, clock), { kind: 'accepted' });
      await using other = targetFor(mechanism, clock, 'canary-of-mallory');
      await assertFails(send(other, clock), REFUSED);
    }
  });

  it("is the target's failure where the broker does not offer it", async () => {
    const clock = new ManualClock();
    await using target = targetFor('SCRAM-SHA-512', clock);
    await assertFails(send(target, clock), REFUSED);
    await assert.rejects(send(target, clock), {
      message: /^spec\.target\.kafka\.auth\.basic\.secretRef: .*mechanism/i,
    });
  });
});

describe('Kafka target', () => {
  // What the broker tells of itself is the address of the broker.proxy.
  const broker = behindProxy((clientPort) => KafkaServer.start(clientPort));

  const targetFor = (topic: string, clock: ManualClock): Target =>
    kafkaTarget(`127.0.0.1:${broker.proxy.port}`, topic, clock);

  it('produces the event in binary mode, with the uid of the object as the key', async () => {
    await broker.server.createTopic('binary');
    const clock = new ManualClock();
    await using target = targetFor('binary', clock);
    const invocation = invocationAt(clock, { id: 'a "b" ü' });
    await target.invoke(invocation, new AbortController().signal);
    const [record] = await broker.server.records('binary');
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

  it('finds a broker by an IPv6 address', async () => {
    await broker.server.createTopic('six');
    const clock = new ManualClock();
    await using target = kafkaTarget(`[::ffff:127.0.0.1]:${broker.proxy.port}`, 'six', clock);
    await send(target, clock);
    assert.equal((await broker.server.records('six')).length, 1);
  });

  it('keeps all of one object in one partition, in order', async () => {
    await broker.server.createTopic('partitions', { partitions: 4 });
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
    const records = await broker.server.records('partitions');
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
    await broker.server.createTopic('forbidden');
    const clock = new ManualClock();
    const apiServers = [{ host: '127.0.0.1', port: broker.proxy.port }];
    const noApiServer = createAddressGuard({ inPod: false, apiServers, deniedCidrs: [] });
    await using target = kafkaTarget(`127.0.0.1:${broker.server.port}`, 'forbidden', clock, noApiServer);
    const before = broker.proxy.accepted;
    await assertFails(send(target, clock), { code: 'TARGET_FORBIDDEN', blame: 'target', conclusive: true });
    assert.equal(broker.proxy.accepted, before);
    assert.deepEqual(await broker.server.records('forbidden'), []);
  });

  it('refuses for good what the topic has no place for', async () => {
    await broker.server.createTopic('small', { config: { 'max.message.bytes': '9000' } });
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
