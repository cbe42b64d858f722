/** A login for a broker in Secrets of the trigger's namespace: awaited, wrong, right, rotated, and shown to nobody. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BrokerUser } from '../support/brokers/broker-under-test.ts';
import { NatsServer, type NatsServerOptions } from '../support/brokers/nats-server.ts';
import { eventually } from '../support/eventually.ts';
import { startBench } from '../support/widgets.ts';

const FIELD = 'spec.target.nats.auth.basic.secretRef';

/** Takes that password, over TLS. */
function taking({ username, ca, own, files }: BrokerUser, password: string): NatsServerOptions {
  return {
    args: ['--user', username, '--pass', password, '--tls', '--tlskey', 'key.pem', '--tlscert', 'cert.pem'],
    files,
    credentials: { login: { kind: 'basic', username, password }, tls: { ca: ca.cert, ...own } },
  };
}

describe('A broker with a login', () => {
  it('waits for its Secret, follows its rotation, uses no attempts, and shows it to nobody', async (t) => {
    const user = new BrokerUser();
    const server = await NatsServer.start(taking(user, 'canary-first'));
    t.after(() => server[Symbol.asyncDispose]());
    await server.createStream('shop');
    const bench = await startBench(t);
    const { cluster, namespace, forwarder } = bench;
    const secret = (name: string, stringData: Record<string, string>): Promise<unknown> =>
      bench.apply({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, stringData });
    const login = (password: string): Promise<unknown> =>
      secret('login', { username: user.username, password });
    const toldTo = async (name: string): Promise<readonly string[]> =>
      (await server.messages('shop'))
        .filter(({ headers }) => headers['ce-name'] === name)
        .map(({ headers }) => `attempt ${headers['ce-statewireattempt']}`);
    const unreachable = (words: string): Promise<{ readonly reason: string; readonly message: string }> =>
      eventually(`the condition says ${words}`, async () => {
        const condition = await bench.condition('widget', 'TargetReachable');
        return condition?.status === 'False' && condition.message.includes(words) && condition;
      });

    await secret('tls', { 'ca.crt': user.ca.cert });
    const target = {
      nats: {
        url: `tls://localhost:${server.port}`,
        subject: 'shop.widgets',
        auth: { basic: { secretRef: { name: 'login' } } },
        tls: { secretRef: { name: 'tls' } },
      },
    };
    await bench.trigger({ spec: { target, delivery: { backoff: { initial: '1s', max: '1s' } } } });
    await bench.widgets({ name: 'one' });
    const missing = await unreachable('there is no Secret');
    assert.equal(missing.message, `${FIELD}: there is no Secret "login" in this namespace`);
    assert.equal(missing.reason, 'TargetMisconfigured');

    await login('canary-wrong');
    const wrong = await unreachable('the login is refused');
    assert.ok(wrong.message.startsWith(`${FIELD}: nats shop.widgets: the login is refused (`), wrong.message);
    assert.equal(wrong.reason, 'TargetForbidden');

    await login('canary-first');
    await eventually('it is published', async () => (await toldTo('one')).length > 0);
    assert.deepEqual(await toldTo('one'), ['attempt 1']);
    await eventually('the condition is mended', async () => {
      return (await bench.condition('widget', 'TargetReachable'))?.status === 'True';
    });

    await server.kill();
    await server.start(taking(user, 'canary-second'));
    await login('canary-second');
    await bench.widgets({ name: 'two' });
    await eventually('it is published after the rotation', async () => (await toldTo('two')).length > 0);
    assert.deepEqual(await toldTo('two'), ['attempt 1']);

    const all = `functiontriggers,deadletters,events,triggercheckpoints,widgets.${bench.group}`;
    const everything = await cluster.kubectl(['-n', namespace, 'get', all, '--output=json']);
    const said = [everything, ...forwarder.logs.map((line) => JSON.stringify(line)), ...forwarder.other];
    assert.deepEqual(
      said.filter((text) => text.includes('canary-')),
      [],
    );
    assert.deepEqual(forwarder.other, []);
  });
});
