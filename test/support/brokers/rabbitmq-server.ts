/**
 * A real RabbitMQ: the one in PATH where there is one, else Debian's, unpacked once into the user's cache with the Erlang
 * that it needs. Nothing is installed.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Connection, type SyncMessage } from 'rabbitmq-client';
import { freePort } from '../../../local-cluster/free-port.ts';
import { BrokerProcess } from './broker-process.ts';
import type { BrokerServer, BrokerUser } from './broker-under-test.ts';
import { fetchOnce, isInPath, run } from './fetch-once.ts';

/** RabbitMQ and what it needs of Erlang. */
const PACKAGES: readonly string[] = [
  'rabbitmq-server',
  ...[
    'asn1',
    'base',
    'crypto',
    'eldap',
    'inets',
    'mnesia',
    'os-mon',
    'public-key',
    'runtime-tools',
    'ssl',
    'syntax-tools',
    'tools',
    'xmerl',
  ].map((part) => `erlang-${part}`),
];
/** Messages above this are refused, so that tests need not send 128 MB. */
const MAX_MESSAGE_BYTES = 1_000_000;
const ERLANG = 'usr/lib/erlang';
const DEBIAN = '/usr/lib/rabbitmq/bin';

interface Programs {
  readonly server: string;
  readonly control: string;
  readonly epmd: string;
  /** In front of PATH. */
  readonly folder: string;
}

interface Ports {
  /** For clients. */
  readonly port: number;
  /** For the test itself. */
  readonly own: number;
  /** Erlang's own: between nodes, and its port mapper's. */
  readonly distribution: number;
  readonly epmd: number;
}

export class RabbitmqServer implements BrokerServer {
  readonly port: number;
  readonly #ports: Ports;
  readonly #programs: Programs;
  readonly #login: { readonly username: string; readonly password: string };
  readonly #broker: BrokerProcess = new BrokerProcess('rabbitmq');
  /** Finds Erlang nodes by name; a node does not start without. */
  readonly #portMapper: BrokerProcess = new BrokerProcess('epmd');

  private constructor(programs: Programs, ports: Ports, user: BrokerUser | undefined) {
    this.#programs = programs;
    this.#login = user ?? { username: 'guest', password: 'guest' };
    this.#ports = ports;
    this.port = ports.port;
    const settings = {
      'listeners.tcp.1': `127.0.0.1:${ports.own}`,
      ...(user === undefined
        ? { 'listeners.tcp.2': `127.0.0.1:${ports.port}` }
        : security(user, ports.port, this.#broker.folder)),
      max_message_size: MAX_MESSAGE_BYTES,
    };
    this.#broker.write({
      'rabbitmq.conf': Object.entries(settings)
        .map(([name, value]) => `${name} = ${value}\n`)
        .join(''),
      'advanced.config': '[{kernel, [{inet_dist_use_interface, {127,0,0,1}}]}].\n',
      enabled_plugins: '[].\n',
      ...user?.files,
    });
  }

  /** @param user who alone may come in @defaultValue everybody from this computer */
  static async start(user?: BrokerUser): Promise<RabbitmqServer> {
    const programs = await rabbitmqPrograms();
    const [port, own] = [await freePort(), await freePort()];
    const ports = { port, own, distribution: await freePort(), epmd: await freePort() };
    const server = new RabbitmqServer(programs, ports, user);
    const args = ['-d', '-port', String(ports.epmd), '-address', '127.0.0.1'];
    await server.#portMapper.start({ file: programs.epmd, args, ready: 'epmd running' });
    await server.start();
    return server;
  }

  get url(): string {
    return `amqp://127.0.0.1:${this.port}`;
  }

  /** Starts it (again), with what its durable queues held. */
  async start(): Promise<void> {
    const env = this.#environment();
    await this.#broker.start({
      file: this.#programs.server,
      args: [],
      env,
      ready: 'Server startup complete',
    });
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    await this.#broker.stop();
  }

  /** Runs `rabbitmqctl`. */
  async control(...args: readonly string[]): Promise<void> {
    const cwd = this.#broker.folder;
    await run(this.#programs.control, args, {
      cwd,
      env: this.#environment(),
      needed: 'a change of RabbitMQ',
    });
  }

  /** Works on a connection of its own. */
  async connected<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    const { username, password } = this.#login;
    const connection = new Connection({ hostname: '127.0.0.1', port: this.#ports.own, username, password });
    connection.on('error', () => undefined);
    try {
      return await work(connection);
    } finally {
      await connection.close();
    }
  }

  /** A durable queue, bound to a durable topic exchange. */
  async createQueue(
    exchange: string,
    queue: string,
    options: { readonly maxLength?: number } = {},
  ): Promise<void> {
    await this.connected(async (connection) => {
      await connection.exchangeDeclare({ exchange, type: 'topic', durable: true });
      await connection.queueDeclare({
        queue,
        durable: true,
        arguments:
          options.maxLength === undefined
            ? {}
            : { 'x-max-length': options.maxLength, 'x-overflow': 'reject-publish' },
      });
      await connection.queueBind({ exchange, queue, routingKey: queue });
    });
  }

  /** All messages of a queue, oldest first; they stay in it. */
  async messages(queue: string): Promise<readonly SyncMessage[]> {
    return await this.connected(async (connection) => {
      const channel = await connection.acquire();
      const found: SyncMessage[] = [];
      for (;;) {
        const message = await channel.basicGet({ queue });
        if (message === undefined) break;
        found.push(message);
      }
      await channel.close();
      return found;
    });
  }

  #environment(): NodeJS.ProcessEnv {
    const { folder } = this.#broker;
    return {
      PATH: `${this.#programs.folder}:${process.env['PATH']}`,
      HOME: folder,
      ERL_EPMD_PORT: String(this.#ports.epmd),
      ERL_EPMD_ADDRESS: '127.0.0.1',
      RABBITMQ_NODENAME: `statewire${this.port}@localhost`,
      RABBITMQ_DIST_PORT: String(this.#ports.distribution),
      RABBITMQ_MNESIA_BASE: join(folder, 'mnesia'),
      RABBITMQ_LOG_BASE: join(folder, 'log'),
      RABBITMQ_LOGS: '-',
      RABBITMQ_PID_FILE: join(folder, 'pid'),
      RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
      RABBITMQ_ADVANCED_CONFIG_FILE: join(folder, 'advanced.config'),
      RABBITMQ_GENERATED_CONFIG_DIR: join(folder, 'generated'),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#broker[Symbol.asyncDispose]();
    await this.#portMapper[Symbol.asyncDispose]();
  }
}

/** Of the way in for clients, and the user in place of `guest`. */
function security(
  { username, password }: BrokerUser,
  port: number,
  folder: string,
): Readonly<Record<string, string>> {
  return {
    'listeners.ssl.1': `127.0.0.1:${port}`,
    'ssl_options.cacertfile': join(folder, 'ca.pem'),
    'ssl_options.certfile': join(folder, 'cert.pem'),
    'ssl_options.keyfile': join(folder, 'key.pem'),
    'ssl_options.verify': 'verify_peer',
    'ssl_options.fail_if_no_peer_cert': 'true',
    default_user: username,
    default_pass: password,
  };
}

async function rabbitmqPrograms(): Promise<Programs> {
  if (isInPath('rabbitmq-server') && isInPath('epmd')) {
    // Debian's in PATH change to another user; those beside its libraries do not.
    const folder = existsSync(DEBIAN) ? DEBIAN : '';
    return {
      server: join(folder, 'rabbitmq-server'),
      control: join(folder, 'rabbitmqctl'),
      epmd: 'epmd',
      folder,
    };
  }
  const root = await fetchOnce('rabbitmq-debian', unpackDebianPackages);
  const libraries = join(root, 'usr/lib/rabbitmq/lib');
  const [version = ''] = readdirSync(libraries);
  const scripts = join(libraries, version, 'sbin');
  const folder = join(root, ERLANG, 'bin');
  return {
    server: join(scripts, 'rabbitmq-server'),
    control: join(scripts, 'rabbitmqctl'),
    epmd: join(folder, 'epmd'),
    folder,
  };
}

async function unpackDebianPackages(cwd: string): Promise<void> {
  const needed = 'RabbitMQ (or a rabbitmq-server in PATH)';
  await run('apt-get', ['download', ...PACKAGES], { cwd, needed });
  for (const file of readdirSync(cwd).filter((name) => name.endsWith('.deb'))) {
    await run('dpkg', ['-x', file, cwd], { cwd, needed });
    await rm(join(cwd, file));
  }
  // The script has the place for which it was built; from another, Erlang's own installer changes it like this.
  const erl = join(cwd, ERLANG, 'bin/erl');
  const script = readFileSync(erl, 'utf8');
  writeFileSync(erl, script.replaceAll('ROOTDIR=/usr/lib/erlang', 'ROOTDIR="${0%/bin/erl}"'));
}
