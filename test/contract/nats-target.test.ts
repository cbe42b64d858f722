import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import type { TargetError } from '../../forwarder/lib/errors.ts';
import type { Target } from '../../forwarder/model/target.ts';
import { type AddressGuard, createAddressGuard } from '../../forwarder/target/address-guard.ts';
import { natsTargets } from '../../forwarder/target/nats.ts';
import { NatsServer } from '../support/brokers/nats-server.ts';
import { eventually } from '../support/eventually.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { invocationAt } from '../support/invocations.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { principalWith } from '../support/principals.ts';
import { selfSigned } from '../support/certificates.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { type BrokerMessage, brokerTargetContract, send, type TestBroker } from './broker-target.contract.ts';
import { assertFails } from './target.contract.ts';

const guard = createAddressGuard({ inPod: false, apiServers: [], deniedCidrs: [] });

function natsTarget(url: string, subject: string, clock: ManualClock, by: AddressGuard = guard): Target {
  return natsTargets({ clock, guard: by, env: {} }).create(
    { type: 'nats', url, subject },
    { reply: 'Result' },
    principalWith(),
  );
}

class StreamServer implements TestBroker {
  readonly #server: NatsServer;
  constructor(server: NatsServer) {
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
    const messages = await this.#server.messages('apps');
    return messages.map(({ headers, body }) => ({ id: headers['ce-id'] ?? '', body }));
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }
}

brokerTargetContract({
  name: 'NATS target',
  async start() {
    const server = await NatsServer.start();
    await server.createStream('apps');
    return new StreamServer(server);
  },
  targetAt: ({ host, port, missing = false }, clock, by) =>
    natsTarget(`nats://${host}:${port}`, missing ? 'nowhere' : 'apps.web', clock, by),
  tooManyBytes: 1_048_576,
});

describe('NATS target', () => {
  it('publishes the event in binary mode', async () => {
    await using server = await NatsServer.start();
    await server.createStream('apps');
    const clock = new ManualClock();
    await using target = natsTarget(server.url, 'apps.web', clock);
    const invocation = invocationAt(clock, { id: 'a "b" ü\r\nX-Evil: 1' });
    await target.invoke(invocation, new AbortController().signal);
    const [message] = await server.messages('apps');
    const { datacontenttype, ...attributes } = invocation.attributes;
    assert.deepEqual(message, {
      subject: 'apps.web',
      headers: {
        ...Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`ce-${name}`, value])),
        'ce-id': 'a%20%22b%22%20%C3%BC%0D%0AX-Evil:%201',
        'content-type': datacontenttype,
        'Nats-Msg-Id': invocation.idempotencyKey,
        'idempotency-key': invocation.idempotencyKey,
        traceparent: attributes.traceparent,
      },
      body: invocation.dataJson,
    });
  });

  it('is stored once however often it is called within the duplicate window', async () => {
    await using server = await NatsServer.start();
    await server.createStream('apps');
    const clock = new ManualClock();
    await using target = natsTarget(server.url, 'apps.web', clock);
    for (let attempt = 1; attempt <= 3; attempt++) {
      assert.deepEqual(await send(target, clock, { id: 'one' }), { kind: 'accepted' });
    }
    assert.equal((await server.messages('apps')).length, 1);
  });

  it('shares one connection among all targets of a URL, until the last is disposed', async () => {
    await using server = await NatsServer.start();
    await server.createStream('apps');
    const clock = new ManualClock();
    await using targets = natsTargets({ clock, guard, env: {} });
    await using proxy = await FaultProxy.start(server.port);
    const spec = { type: 'nats', url: `nats://127.0.0.1:${proxy.port}` } as const;
    const [a, b] = ['apps.a', 'apps.b'].map((subject) =>
      targets.create({ ...spec, subject }, { reply: 'Result' }, principalWith()),
    ) as [Target, Target];
    await Promise.all([send(a, clock), send(b, clock)]);
    assert.equal(proxy.accepted, 1);
    await a[Symbol.asyncDispose]();
    await send(b, clock);
    assert.equal(proxy.accepted, 1);
    await b[Symbol.asyncDispose]();
    await eventually('it is closed', () => proxy.open === 0);
  });

  for (const { reason, config, expected, message } of [
    {
      reason: 'larger than the stream takes',
      config: { max_msg_size: 100 },
      expected: { code: 'TARGET_TOO_LARGE', blame: 'delivery', permanent: true },
      message: /data of \d+ bytes: message size exceeds maximum allowed \(10054\)/,
    },
    {
      reason: 'for a stream that is full',
      config: { max_msgs: 1, discard: 'new' },
      expected: { code: 'TARGET_UNAVAILABLE', blame: 'target' },
      message: /maximum messages exceeded/,
    },
    {
      reason: 'for a stream that is sealed',
      config: { sealed: true },
      expected: { code: 'TARGET_MISCONFIGURED', blame: 'target' },
      message: /sealed/,
    },
  ] as const) {
    it(`says whose failure a message is that is ${reason}`, async () => {
      await using server = await NatsServer.start();
      await server.createStream('apps');
      await server.api('STREAM.UPDATE.apps', { name: 'apps', subjects: ['apps.>'], ...config });
      const clock = new ManualClock();
      await using target = natsTarget(server.url, 'apps.web', clock);
      if ('max_msgs' in config) await send(target, clock);
      const call = send(target, clock);
      await assertFails(call, expected);
      await assert.rejects(call, { message });
    });
  }

  it('takes what answers but keeps nothing for a bad reply', async () => {
    await using server = await NatsServer.start();
    const clock = new ManualClock();
    await using target = natsTarget(server.url, 'echo', clock);
    const responder = connect(server.port, '127.0.0.1');
    responder.write('CONNECT {"verbose":false}\r\nSUB echo 1\r\n');
    responder.setEncoding('utf8').on('data', (text: string) => {
      const inbox = /H?MSG echo 1 (\S+) /.exec(text)?.[1];
      if (inbox !== undefined) responder.write(`PUB ${inbox} 5\r\nhello\r\n`);
    });
    using _ = { [Symbol.dispose]: () => void responder.destroy() };
    await eventually('it listens', async () => {
      const error = await send(target, clock).catch((thrown: TargetError) => thrown.code);
      return error !== 'TARGET_NOT_FOUND';
    });
    await assertFails(send(target, clock), { code: 'TARGET_BAD_REPLY', blame: 'delivery', permanent: false });
  });

  it("is the target's failure where the server asks for credentials, and says so", async () => {
    await using server = await NatsServer.start(['--user', 'a', '--pass', 'b']);
    const clock = new ManualClock();
    await using target = natsTarget(server.url, 'apps.web', clock);
    await assertFails(send(target, clock), { code: 'TARGET_FORBIDDEN', blame: 'target' });
    await assert.rejects(send(target, clock), { message: /^nats apps\.web: .*Authorization/i });
  });

  it('speaks TLS with a server that somebody vouches for, and with no other', async () => {
    await using folder = await temporaryFolder();
    const { key, cert } = selfSigned();
    const [keyFile, certFile] = [join(folder.path, 'key.pem'), join(folder.path, 'cert.pem')];
    writeFileSync(keyFile, key);
    writeFileSync(certFile, cert);
    await using server = await NatsServer.start(['--tls', '--tlskey', keyFile, '--tlscert', certFile]);
    const clock = new ManualClock();
    const known = getCACertificates();
    for (const scheme of ['tls', 'nats']) {
      await using target = natsTarget(`${scheme}://localhost:${server.port}`, 'apps.web', clock);
      setDefaultCACertificates(known);
      await assertFails(send(target, clock), {
        code: 'TARGET_UNREACHABLE',
        blame: 'target',
        conclusive: true,
      });
      await assert.rejects(send(target, clock), { message: /^cannot connect to nats apps\.web: TLS: / });
      setDefaultCACertificates([...known, cert]);
      // The server was asked: it has no stream.
      await assertFails(send(target, clock), { code: 'TARGET_NOT_FOUND' });
    }
    setDefaultCACertificates(known);
  });

  it("is the target's failure where TLS is demanded and not offered", async () => {
    await using server = await NatsServer.start();
    const clock = new ManualClock();
    await using target = natsTarget(server.url.replace('nats:', 'tls:'), 'apps.web', clock);
    await assertFails(send(target, clock), { code: 'TARGET_UNREACHABLE', blame: 'target', conclusive: true });
  });
});
