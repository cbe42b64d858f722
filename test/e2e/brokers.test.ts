/** The bundle and real brokers: their clients are in it, and are evaluated by the first call. */
import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { type ForwarderProcess, startForwarder } from '../support/forwarder-process.ts';
import { applyCrds, applyYaml, sharedLocalCluster, testNamespace } from '../support/cluster.ts';
import { BrokerUser } from '../support/brokers/broker-under-test.ts';
import { KafkaServer } from '../support/brokers/kafka-server.ts';
import { NatsServer } from '../support/brokers/nats-server.ts';
import { RabbitmqServer } from '../support/brokers/rabbitmq-server.ts';
import { eventually } from '../support/eventually.ts';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts';

const NAME = 'statewire.cjs';
const SECURITY = { auth: { basic: { secretRef: { name: 'login' } } }, tls: { secretRef: { name: 'tls' } } };

interface Scene {
  readonly forwarder: ForwarderProcess;
  /** Creates a ConfigMap of that name, or changes it. */
  readonly write: (name: string, value: string) => Promise<void>;
}

describe('the bundle in an empty folder', () => {
  let folder: TemporaryFolder;
  before(async () => {
    folder = await temporaryFolder();
    copyFileSync(path.join('dist', NAME), path.join(folder.path, NAME));
  });
  after(() => folder[Symbol.asyncDispose]());

  /** A forwarder with one trigger that sends ConfigMaps there, and the Secrets of a user. */
  async function start(t: TestContext, target: object, user?: BrokerUser): Promise<Scene> {
    const { kubeconfigPath } = await sharedLocalCluster();
    const namespace = await testNamespace(t);
    await applyCrds();
    const forwarder = await startForwarder(t, {
      kubeconfigPath,
      namespaces: [namespace],
      entry: NAME,
      cwd: folder.path,
    });
    const apply = (object: object): Promise<unknown> => applyYaml(JSON.stringify(object));
    for (const name of user === undefined ? [] : ['login', 'tls']) {
      const stringData = Object.fromEntries(
        Object.entries(user?.secrets ?? {})
          .filter(([key]) => key.startsWith(`${name}/`))
          .map(([key, value]) => [path.basename(key), value]),
      );
      await apply({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, stringData });
    }
    const watched = { watched: 'true' };
    await apply({
      apiVersion: 'statewire.dev/v1alpha1',
      kind: 'FunctionTrigger',
      metadata: { name: 'announce', namespace },
      spec: {
        watch: { apiVersion: 'v1', kind: 'ConfigMap', labelSelector: { matchLabels: watched } },
        debounce: { quiet: '0s', maxWait: '1s' },
        delivery: { backoff: { initial: '1s', max: '1s' } },
        target,
      },
    });
    return {
      forwarder,
      async write(name, value) {
        await apply({
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { name, namespace, labels: watched },
          data: { value },
        });
      },
    };
  }

  it('publishes to NATS, through a restart of the server, without an attempt used up', async (t) => {
    const server = await NatsServer.start();
    t.after(() => server[Symbol.asyncDispose]());
    await server.createStream('shop');
    const { write, forwarder } = await start(t, { nats: { url: server.url, subject: 'shop.settings' } });
    await write('a', '1');
    const ofName = async (name: string): Promise<readonly string[]> =>
      (await server.messages('shop'))
        .filter(({ headers }) => headers['ce-name'] === name)
        .map(({ headers, body }) => `${headers['ce-statewireattempt']} ${valueIn(body)}`);
    await eventually('the first is there', async () => (await ofName('a')).length === 1);
    await server.kill();
    await write('a', '2');
    await eventually('it was tried', () =>
      forwarder.logs.some(({ msg, outcome }) => msg === 'invoked' && outcome === 'target_unavailable'),
    );
    await server.start();
    await eventually('the second is there', async () => (await ofName('a')).length === 2);
    assert.deepEqual(await ofName('a'), ['1 1', '1 2']);
    assert.deepEqual(forwarder.other, []);
  });

  it('publishes to Kafka, with a login and TLS', async (t) => {
    const user = new BrokerUser();
    const server = await KafkaServer.start(undefined, user);
    t.after(() => server[Symbol.asyncDispose]());
    await server.createTopic('settings', { partitions: 3 });
    const brokers = [`127.0.0.1:${server.port}`];
    const { write, forwarder } = await start(t, { kafka: { brokers, topic: 'settings', ...SECURITY } }, user);
    await write('a', '1');
    const [record] = await eventually('it is there', async () => {
      const records = await server.records('settings');
      return records.length > 0 && records;
    });
    assert.equal(valueIn(String(record?.value)), '1');
    assert.deepEqual(forwarder.other, []);
  });

  it('publishes to RabbitMQ, with a login and TLS', async (t) => {
    const user = new BrokerUser();
    const server = await RabbitmqServer.start(user);
    t.after(() => server[Symbol.asyncDispose]());
    await server.createQueue('shop', 'settings');
    const url = `amqps://127.0.0.1:${server.port}`;
    const rabbitmq = { url, exchange: 'shop', routingKey: 'settings', ...SECURITY };
    const { write, forwarder } = await start(t, { rabbitmq }, user);
    await write('a', '1');
    const [message] = await eventually('it is there', async () => {
      const messages = await server.messages('settings');
      return messages.length > 0 && messages;
    });
    assert.equal(valueIn(JSON.stringify(message?.body)), '1');
    assert.deepEqual(forwarder.other, []);
  });
});

function valueIn(body: string): string | undefined {
  return (JSON.parse(body) as { object: { data?: { value?: string } } }).object.data?.value;
}
