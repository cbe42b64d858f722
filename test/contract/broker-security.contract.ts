/**
 * What every Target that is a message broker keeps to about logins and TLS, shown on the real server: one that takes one
 * user with a password, over TLS, with a client certificate of the server's own authority.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, it } from 'node:test';
import type { Principal } from '../../forwarder/model/principal.ts';
import type { Target } from '../../forwarder/model/target.ts';
import type { BrokerTls, TargetSpec } from '../../forwarder/model/trigger.ts';
import { createAddressGuard } from '../../forwarder/target/address-guard.ts';
import type { TargetEnvironment, TargetMaker } from '../../forwarder/target/target-maker.ts';
import {
  ANYWHERE,
  behindProxy,
  type BrokerServer,
  BrokerUser,
} from '../support/brokers/broker-under-test.ts';
import { TestCa } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { principalWith } from '../support/principals.ts';
import { type BrokerMessage, send } from './broker-target.contract.ts';
import { assertFails } from './target.contract.ts';

type Secrets = Readonly<Record<string, string>>;

export interface BrokerSecuritySuite<S extends BrokerServer, T extends TargetSpec> {
  readonly name: string;
  /** Of the target, as it stands in fields. */
  readonly type: T['type'];
  /** The real server. Clients reach it on 127.0.0.1 by `clientPort` only. */
  start(clientPort: number, user: BrokerUser): Promise<S>;
  messages(server: S): Promise<readonly BrokerMessage[]>;
  readonly targets: (environment: TargetEnvironment) => TargetMaker<T>;
  /** @param address `host:port` */
  spec(address: string, security: Security): T;
}

interface Security {
  readonly auth?: { readonly basic: typeof BASIC };
  readonly tls?: BrokerTls;
}

const BASIC = { secretRef: { name: 'login' } } as const;
const SECURITY = { auth: { basic: BASIC }, tls: { secretRef: { name: 'tls' } } } as const;
const REFUSED = { code: 'TARGET_FORBIDDEN', blame: 'target', conclusive: true } as const;
const UNREACHABLE = { code: 'TARGET_UNREACHABLE', blame: 'target', conclusive: true } as const;
const MISCONFIGURED = { code: 'TARGET_MISCONFIGURED', blame: 'target', conclusive: true } as const;

/** Secrets that have been rotated: what was read before is told until they are read anew. */
function rotated(before: Secrets, now: Secrets): Principal {
  const [old, renewed] = [principalWith({ secrets: before }), principalWith({ secrets: now })];
  return {
    ...old,
    secretData: (ref, asking) => (asking.fresh === true ? renewed : old).secretData(ref, asking),
  };
}

export function brokerSecurityContract<S extends BrokerServer, T extends TargetSpec>(
  suite: BrokerSecuritySuite<S, T>,
): void {
  describe(`${suite.name} with a login and TLS`, () => {
    const user = new BrokerUser();
    const broker = behindProxy((clientPort) => suite.start(clientPort, user));
    const good: Secrets = user.secrets;
    const field = (name: 'auth.basic' | 'tls'): string => `spec.target.${suite.type}.${name}.secretRef: `;

    interface Scene extends AsyncDisposable {
      readonly clock: ManualClock;
      /** On connections that all of the scene share. */
      target(principal: Principal, security?: Security, host?: string): Target;
    }
    const scene = (guard = ANYWHERE): Scene => {
      const clock = new ManualClock();
      const targets = suite.targets({ clock, guard, env: {} });
      return {
        clock,
        target: (principal, security = SECURITY, host = '127.0.0.1') =>
          targets.create(
            suite.spec(`${host}:${broker.proxy.port}`, security),
            { reply: 'Result' },
            principal,
          ),
        [Symbol.asyncDispose]: async () => {
          await targets[Symbol.asyncDispose]();
        },
      };
    };
    const isStored = async (id: string): Promise<boolean> =>
      (await suite.messages(broker.server)).some((message) => message.id === id);

    /** The call fails, says why, shows no secret, and nothing is sent or left open. */
    const assertRefused = async (
      secrets: Secrets,
      expected: Parameters<typeof assertFails>[1],
      message: RegExp,
      { security, host }: { readonly security?: Security; readonly host?: string } = {},
    ): Promise<void> => {
      await using here = scene();
      const id = randomUUID();
      const call = send(here.target(principalWith({ secrets }), security, host), here.clock, { id });
      await assertFails(call, expected);
      await assert.rejects(call, ({ message: said }: Error) => {
        assert.match(said, message);
        return !said.includes('canary');
      });
      assert.equal(await isStored(id), false);
      await eventually('it hangs up', () => broker.proxy.open === 0);
      assert.equal(here.clock.pending, 0);
    };

    it('publishes as the user of a Secret', async () => {
      await using here = scene();
      const id = randomUUID();
      assert.deepEqual(await send(here.target(principalWith({ secrets: good })), here.clock, { id }), {
        kind: 'accepted',
      });
      assert.ok(await isStored(id));
    });

    it("is the target's failure where the password is wrong", async () => {
      const secrets = { ...good, 'login/password': 'canary-of-mallory' };
      await assertRefused(
        secrets,
        REFUSED,
        new RegExp(`^${field('auth.basic')}.*the login is refused \\(.+\\)$`),
      );
    });

    it("is the target's failure where there is no login", async () => {
      await assertRefused(good, { blame: 'target', conclusive: true }, /./, {
        security: { tls: SECURITY.tls },
      });
    });

    it("is the target's failure where another authority vouches for the broker", async () => {
      const secrets = { ...good, 'tls/ca.crt': new TestCa('Another CA').cert };
      await assertRefused(secrets, UNREACHABLE, new RegExp(`^${field('tls')}cannot connect to .*: TLS: `));
    });

    it("is the target's failure where nobody vouches for the broker", async () => {
      await assertRefused(good, UNREACHABLE, /^cannot connect to .*: TLS: /, {
        security: { auth: SECURITY.auth, tls: {} },
      });
    });

    it("is the target's failure where the certificate of the broker is for another host", async () => {
      const host = '[::ffff:127.0.0.1]';
      await assertRefused(good, UNREACHABLE, /TLS: .* does not match certificate/, { host });
    });

    it('never calls a forbidden address', async () => {
      await using here = scene(createAddressGuard({ inPod: true, apiServers: [], deniedCidrs: [] }));
      const { accepted } = broker.proxy;
      for (const host of ['127.0.0.1', 'localhost']) {
        const target = here.target(principalWith({ secrets: good }), SECURITY, host);
        await assertFails(send(target, here.clock), REFUSED);
        await assert.rejects(send(target, here.clock), { message: /never called/ });
      }
      assert.equal(broker.proxy.accepted, accepted);
    });

    it("is the target's failure where the client certificate lacks, or is of another authority", async () => {
      const { 'tls/tls.crt': _crt, 'tls/tls.key': _key, ...none } = good;
      const { cert, key } = new TestCa('Another CA').issue();
      for (const secrets of [none, { ...good, 'tls/tls.crt': cert, 'tls/tls.key': key }]) {
        await assertRefused(secrets, UNREACHABLE, /cannot connect to /);
      }
    });

    it('logs in with what is new, in the same call, where Secrets were rotated', async () => {
      for (const old of [
        { 'login/password': 'canary-of-yesterday' },
        { 'tls/ca.crt': new TestCa('Another CA').cert },
      ]) {
        await using here = scene();
        const target = here.target(rotated({ ...good, ...old }, good));
        const ids = [randomUUID(), randomUUID()];
        await Promise.all(ids.map((id) => send(target, here.clock, { id })));
        for (const id of ids) assert.ok(await isStored(id));
      }
    });

    it('connects to nobody where a key of a Secret lacks', async () => {
      const before = broker.proxy.accepted;
      const { 'login/password': _, ...noPassword } = good;
      await assertRefused(
        noPassword,
        MISCONFIGURED,
        new RegExp(`^${field('auth.basic')}Secret "login" has no key "password"$`),
      );
      await assertRefused(
        { ...good, 'tls/ca.crt': 'canary' },
        MISCONFIGURED,
        new RegExp(`^${field('tls')}Secret "tls" has no certificates in PEM`),
      );
      assert.equal(broker.proxy.accepted, before);
    });

    it('is left at the deadline while a Secret cannot be read', async () => {
      await using here = scene();
      const never = new Promise<never>(() => undefined);
      const target = here.target({ ...principalWith(), secretData: () => never });
      const failure = assertFails(send(target, here.clock), UNREACHABLE);
      await here.clock.advance(30_000);
      await failure;
      assert.equal(here.clock.pending, 0);
    });

    it('shares a connection with those of its own namespace and Secrets, and with nobody else', async () => {
      await using here = scene();
      const of = (name: string, secrets: Secrets): Principal => principalWith({ name, secrets });
      const [first, second] = [here.target(of('shop/default', good)), here.target(of('shop/default', good))];
      await send(first, here.clock);
      const { accepted } = broker.proxy;
      await send(second, here.clock);
      assert.equal(broker.proxy.accepted, accepted);
      const mallory = { ...good, 'login/password': 'canary-of-mallory' };
      await assertFails(send(here.target(of('mall/default', mallory)), here.clock), REFUSED);
      await assertFails(send(here.target(of('mall/default', {}), {}), here.clock), { blame: 'target' });
      await send(first, here.clock);
      assert.ok(broker.proxy.accepted > accepted);
    });
  });
}
