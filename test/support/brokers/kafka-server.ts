/** A real Kafka broker (KRaft, one node), fetched once by Maven; it needs Java 17 or newer. */
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import kafkajs, { type Kafka, type KafkaMessage } from 'kafkajs';
import { freePort } from '../../../local-cluster/free-port.ts';
import { BrokerProcess } from './broker-process.ts';
import type { BrokerServer, BrokerUser } from './broker-under-test.ts';
import { fetchOnce, isInPath, run } from './fetch-once.ts';

const VERSION = '4.4.0';

// kafka-tools-api is in no repository, and the broker runs without it.
const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>statewire</groupId><artifactId>kafka</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${VERSION}</version>
      <exclusions>
        <exclusion><groupId>org.apache.kafka</groupId><artifactId>kafka-tools-api</artifactId></exclusion>
      </exclusions>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
`;

const JAVA = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
const CONFIGURATION = 'server.properties';
const KEY_STORE = 'key-store.pem';
const SCRAM = ['SCRAM-SHA-256', 'SCRAM-SHA-512'];
const MECHANISMS: readonly string[] = ['PLAIN', ...SCRAM];

interface Ports {
  /** For clients. */
  readonly port: number;
  /** What clients are told of it. */
  readonly clientPort: number;
  /** For the test itself. */
  readonly own: number;
  readonly controller: number;
}

/** Who alone comes in, and how. */
interface Entry {
  readonly user: BrokerUser;
  readonly mechanisms: readonly string[];
}

export class KafkaServer implements BrokerServer {
  readonly port: number;
  readonly #process: BrokerProcess;
  readonly #classPath: string;
  readonly #kafka: Kafka;

  private constructor(jars: string, ports: Ports, entry: Entry | undefined) {
    this.port = ports.port;
    this.#classPath = join(jars, '*');
    this.#process = new BrokerProcess('kafka');
    const { folder } = this.#process;
    const settings = { ...properties(ports, folder), ...(entry !== undefined && security(entry, folder)) };
    const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
    this.#process.write({ [CONFIGURATION]: lines.join(''), ...entry?.user.files });
    if (entry !== undefined) {
      const { key, cert } = entry.user.own;
      this.#process.write({ [KEY_STORE]: key + cert });
    }
    this.#kafka = new kafkajs.Kafka({
      brokers: [`127.0.0.1:${ports.own}`],
      logLevel: kafkajs.logLevel.NOTHING,
    });
  }

  /**
   * @param clientPort where clients are told that it listens @defaultValue where it does
   * @param user who alone may come in by that way @defaultValue everybody
   * @param mechanisms by which @defaultValue all that there are
   */
  static async start(
    clientPort?: number,
    user?: BrokerUser,
    mechanisms: readonly string[] = MECHANISMS,
  ): Promise<KafkaServer> {
    const jars = await kafkaJars();
    const [port, own, controller] = [await freePort(), await freePort(), await freePort()];
    const server = new KafkaServer(
      jars,
      { port, own, controller, clientPort: clientPort ?? port },
      user && { user, mechanisms },
    );
    const id = 'c3RhdGV3aXJlLXRlc3RzMQ';
    await run(
      'java',
      [
        '-cp',
        server.#classPath,
        'kafka.tools.StorageTool',
        'format',
        '--standalone',
        '-t',
        id,
        '-c',
        CONFIGURATION,
        ...SCRAM.flatMap((mechanism) =>
          user === undefined
            ? []
            : ['--add-scram', `${mechanism}=[name=${user.username},password=${user.password}]`],
        ),
      ],
      { cwd: server.#process.folder, needed: 'the Kafka broker' },
    );
    await server.start();
    return server;
  }

  /** Starts it (again), with what its topics held. */
  async start(): Promise<void> {
    const args = [...JAVA, '-cp', this.#classPath, 'kafka.Kafka', CONFIGURATION];
    await this.#process.start({ file: 'java', args, ready: 'Kafka Server started' });
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    await this.#process.stop();
  }

  async createTopic(
    topic: string,
    {
      partitions = 1,
      config = {},
    }: { readonly partitions?: number; readonly config?: Record<string, string> } = {},
  ): Promise<void> {
    const admin = this.#kafka.admin();
    await admin.connect();
    const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
    await admin.createTopics({
      waitForLeaders: true,
      topics: [{ topic, numPartitions: partitions, configEntries }],
    });
    await admin.disconnect();
  }

  /** All records of a topic: of each partition oldest first. */
  async records(topic: string): Promise<readonly (KafkaMessage & { readonly partition: number })[]> {
    const admin = this.#kafka.admin();
    await admin.connect();
    const offsets = await admin.fetchTopicOffsets(topic);
    await admin.disconnect();
    const wanted = offsets.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
    const found: (KafkaMessage & { partition: number })[] = [];
    if (wanted === 0) return found;
    const consumer = this.#kafka.consumer({ groupId: randomUUID() });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    const all = Promise.withResolvers<void>();
    await consumer.run({
      eachMessage({ message, partition }) {
        found.push({ ...message, partition });
        if (found.length === wanted) all.resolve();
        return Promise.resolve();
      },
    });
    await all.promise;
    await consumer.disconnect();
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }
}

type Properties = Readonly<Record<string, string>>;

function properties({ port, clientPort, own, controller }: Ports, folder: string): Properties {
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.bootstrap.servers': `127.0.0.1:${controller}`,
    'controller.listener.names': 'CONTROLLER',
    listeners: `CLIENTS://127.0.0.1:${port},OWN://127.0.0.1:${own},CONTROLLER://127.0.0.1:${controller}`,
    'advertised.listeners': `CLIENTS://127.0.0.1:${clientPort},OWN://127.0.0.1:${own}`,
    'listener.security.protocol.map': 'CLIENTS:PLAINTEXT,OWN:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'OWN',
    'log.dirs': join(folder, 'logs'),
    'auto.create.topics.enable': 'false',
    // After a kill it is taken for dead, and may come back, only then.
    'broker.session.timeout.ms': '2000',
    'broker.heartbeat.interval.ms': '500',
    'group.initial.rebalance.delay.ms': '0',
    'offsets.topic.num.partitions': '1',
    'offsets.topic.replication.factor': '1',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
  };
}

/** Of the way in for clients. */
function security({ user: { username, password }, mechanisms }: Entry, folder: string): Properties {
  const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule required;';
  const plain = 'org.apache.kafka.common.security.plain.PlainLoginModule required';
  const settings: Properties = {
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': join(folder, KEY_STORE),
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': join(folder, 'ca.pem'),
    'ssl.client.auth': 'required',
    'plain.sasl.jaas.config': `${plain} user_${username}="${password}";`,
    ...Object.fromEntries(SCRAM.map((name) => [`${name.toLowerCase()}.sasl.jaas.config`, scram])),
  };
  return {
    'listener.security.protocol.map': 'CLIENTS:SASL_SSL,OWN:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'sasl.enabled.mechanisms': mechanisms.join(','),
    ...Object.fromEntries(
      Object.entries(settings).map(([name, value]) => [`listener.name.clients.${name}`, value]),
    ),
  };
}

async function kafkaJars(): Promise<string> {
  if (!isInPath('java'))
    throw new Error('there is no java in PATH, which is needed for the Kafka broker (17 or newer)');
  return await fetchOnce(`kafka-${VERSION}`, async (cwd) => {
    writeFileSync(join(cwd, 'pom.xml'), POM);
    const args = [
      '-q',
      '-B',
      'dependency:copy-dependencies',
      `-DoutputDirectory=${cwd}`,
      '-DincludeScope=runtime',
    ];
    await run('mvn', args, { cwd, needed: 'the Kafka broker' });
  });
}
