import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { nkeys } from '@nats-io/transport-node';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import type { TargetError } from '../../forwarder/lib/errors.ts';
import type { Target } from '../../forwarder/model/target.ts';
import type { AddressGuard } from '../../forwarder/target/address-guard.ts';
import { natsTargets } from '../../forwarder/target/nats.ts';
import { ANYWHERE, targetAlone } from '../support/brokers/broker-under-test.ts';
import { NatsOperator, seedOf } from '../support/brokers/nats-operator.ts';
import { NatsServer } from '../support/brokers/nats-server.ts';
import { eventually } from '../support/eventually.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { invocationAt } from '../support/invocations.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { principalWith } from '../support/principals.ts';
import { selfSigned } from '../support/certificates.ts';
import { brokerSecurityContract } from './broker-security.contract.ts';
import { type BrokerMessage, brokerTargetContract, send } from './broker-target.contract.ts';
import { assertFails } from './target.contract.ts';

const MUTUAL_TLS = '--tls --tlskey key.pem --tlscert cert.pem --tlsverify --tlscacert ca.pem'.split(' ');

function natsTarget(url: string, subject: string, clock: ManualClock, by: AddressGuard = ANYWHERE): Target {
  return targetAlone(natsTargets, { type: 'nats', url, subject }, { clock, guard: by });
}

async function idsAndBodies(server: NatsServer): Promise<readonly BrokerMessage[]> {
  const messages = await server.messages('apps');
  return messages.map(({ headers, body }) => ({ id: headers['ce-id'] ?? '', body }));
}

brokerTargetContract({
  name: 'NATS target',
  async start() {
    const server = await NatsServer.start();
    await server.createStream('apps');
    return server;
  },
  messages: idsAndBodies,
  targetAt: ({ host, port, missing = false }, clock, by) =>
    natsTarget(`nats://${host}:${port}`, missing ? 'nowhere' : 'apps.web', clock, by),
  tooManyBytes: 1_048_576,
});

brokerSecurityContract({
  name: 'NATS target',
  type: 'nats',
  async start(_clientPort, { username, password, ca, own, files }) {
    const server = await NatsServer.start({
      args: ['--user', username, '--pass', password, ...MUTUAL_TLS],
      files,
      credentials: { login: { kind: 'basic', username, password }, tls: { ca: ca.cert, ...own } },
    });
    await server.createStream('apps');
    return server;
  },
  messages: idsAndBodies,
  targets: natsTargets,
  spec: (address, security) => ({ type: 'nats', url: `tls://${address}`, subject: 'apps.web', ...security }),
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
    await using targets = natsTargets({ clock, guard: ANYWHERE, env: {} });
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
    await using server = await NatsServer.start({ args: ['--user', 'a', '--pass', 'b'] });
    const clock = new ManualClock();
    await using target = natsTarget(server.url, 'apps.web', clock);
    await assertFails(send(target, clock), { code: 'TARGET_FORBIDDEN', blame: 'target' });
    await assert.rejects(send(target, clock), { message: /^nats apps\.web: .*Authorization/i });
  });

  it('logs in with a token, with the seed of a user, or with a .creds file', async () => {
    const operator = new NatsOperator();
    const seeded = nkeys.createUser();
    for (const { kind, good, bad, config } of [
      {
        kind: 'token',
        good: 'canary-token',
        bad: 'canary-other',
        config: 'authorization { token: "canary-token" }',
      },
      {
        kind: 'nkey',
        good: seedOf(seeded),
        bad: seedOf(nkeys.createUser()),
        config: `authorization { users: [{ nkey: ${seeded.getPublicKey()} }] }`,
      },
      {
        kind: 'credentials',
        good: operator.credentials(),
        bad: new NatsOperator().credentials(),
        config: operator.config,
      },
    ] as const) {
      await using server = await NatsServer.start({
        args: ['-c', 'nats.conf'],
        files: { 'nats.conf': config },
        credentials: { login: { kind, text: good, field: '' } },
      });
      await server.createStream('apps');
      const clock = new ManualClock();
      const auth = { [kind]: { secretRef: { name: 'login', key: 'it' } } };
      const targetWith = (value: string): Target =>
        targetAlone(
          natsTargets,
          { type: 'nats', url: server.url, subject: 'apps.web', auth },
          { clock, principal: principalWith({ secrets: { 'login/it': value } }) },
        );
      await using target = targetWith(`${good}\n`);
      assert.deepEqual(await send(target, clock), { kind: 'accepted' });
      const field = `spec.target.nats.auth.${kind}.secretRef: `;
      await using other = targetWith(bad);
      await assertFails(send(other, clock), { code: 'TARGET_FORBIDDEN', blame: 'target', conclusive: true });
      await assert.rejects(send(other, clock), ({ message }: Error) => {
        assert.ok(message.startsWith(`${field}nats apps.web: the login is refused (`), message);
        return !message.includes('canary');
      });
      if (kind === 'token') continue;
      await using none = targetWith('canary');
      const broken = send(none, clock);
      await assertFails(broken, { code: 'TARGET_MISCONFIGURED', blame: 'target', conclusive: true });
      await assert.rejects(broken, {
        message: new RegExp(`^${field}the value is no (seed|\\.creds file) of a user$`),
      });
    }
  });

  it('speaks TLS with a server that somebody vouches for, and with no other', async () => {
    const { key, cert } = selfSigned();
    await using server = await NatsServer.start({
      args: ['--tls', '--tlskey', 'key.pem', '--tlscert', 'cert.pem'],
      files: { 'key.pem': key, 'cert.pem': cert },
    });
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
