import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TargetError } from '../../../../forwarder/lib/errors.ts';
import type { Principal } from '../../../../forwarder/model/principal.ts';
import {
  brokerCredentials,
  type BrokerCredentials,
} from '../../../../forwarder/target/broker/credentials.ts';
import { hideSecretsOf, logIn } from '../../../../forwarder/target/broker/log-in.ts';
import { principalWith } from '../../../support/principals.ts';

const SECURITY = { auth: { basic: { secretRef: { name: 'login' } } } };
const REFUSAL = 'who are you?';
const FIELD = 'spec.target.nats.auth.basic.secretRef: ';

interface Scene {
  readonly open: () => Promise<{ readonly closed: boolean; close(): void }>;
  /** Passwords that were tried. */
  readonly tried: string[];
}

/** @param passwords of the Secret, one for each reading; the last stays */
function scene(
  passwords: readonly string[],
  answer: (password: string) => Error | undefined,
  security = SECURITY,
): Scene {
  let readings = 0;
  const principal: Principal = {
    ...principalWith(),
    secretData: () => {
      const password = passwords[Math.min(readings++, passwords.length - 1)] ?? '';
      return Promise.resolve(
        new Map(Object.entries({ username: 'a', password }).map(([key, value]) => [key, Buffer.from(value)])),
      );
    },
  };
  const tried: string[] = [];
  const open = logIn({
    where: 'nats apps',
    credentials: brokerCredentials('nats', security, principal),
    connect: ({ login }: BrokerCredentials) => {
      const password = login?.kind === 'basic' ? login.password : '';
      tried.push(password);
      const error = answer(password);
      return error === undefined
        ? Promise.resolve({ closed: false, close: () => undefined })
        : Promise.reject(error);
    },
    isLoginRefusal: (error) => error instanceof Error && error.message.startsWith(REFUSAL),
  });
  return { open: () => open(new AbortController().signal), tried };
}

describe('logIn', () => {
  it('reads Secrets anew once when the login is refused, and tries what is new', async () => {
    const { open, tried } = scene(['old', 'new'], (one) => (one === 'new' ? undefined : new Error(REFUSAL)));
    await open();
    assert.deepEqual(tried, ['old', 'new']);
  });

  it('tries twice at most, and says whose login is refused', async () => {
    const { open, tried } = scene(['one', 'two', 'three'], () => new Error(REFUSAL));
    await assert.rejects(open(), {
      code: 'TARGET_FORBIDDEN',
      message: `${FIELD}nats apps: the login is refused (${REFUSAL})`,
    });
    assert.deepEqual(tried, ['one', 'two']);
  });

  it('does not try again with what is the same', async () => {
    const { open, tried } = scene(['same'], () => new Error(REFUSAL));
    await assert.rejects(open(), { code: 'TARGET_FORBIDDEN' });
    assert.deepEqual(tried, ['same']);
  });

  it('reads nothing anew where nobody is there, or where there is nothing to read', async () => {
    const away = scene(['old', 'new'], () => Object.assign(new Error('a'), { code: 'ECONNREFUSED' }));
    await assert.rejects(away.open(), { code: 'ECONNREFUSED' });
    assert.deepEqual(away.tried, ['old']);
    const nobody = scene(['old', 'new'], () => new Error(REFUSAL), {} as typeof SECURITY);
    await assert.rejects(nobody.open(), { message: `nats apps: the login is refused (${REFUSAL})` });
    assert.deepEqual(nobody.tried, ['']);
  });

  it('reads Secrets anew where a handshake failed, and names the field where that was in vain', async () => {
    const failed = new Error('a', { cause: Object.assign(new Error('b'), { code: 'CERT_HAS_EXPIRED' }) });
    const renewed = scene(['old', 'new'], (one) => (one === 'new' ? undefined : failed));
    await renewed.open();
    assert.deepEqual(renewed.tried, ['old', 'new']);
    const { open } = scene(['same'], () => failed);
    await assert.rejects(open(), {
      code: 'TARGET_UNREACHABLE',
      conclusive: true,
      message: 'cannot connect to nats apps: TLS: b',
    });
  });

  it('repeats no password that a broker repeats, neither of a login nor of a message', async () => {
    const password = 'canary-0123456789';
    const refused = scene([password], (one) => new Error(`${REFUSAL} ${one}`));
    await assert.rejects(refused.open(), {
      message: `${FIELD}nats apps: the login is refused (${REFUSAL} [redacted])`,
    });
    const { open } = scene([password], () => undefined);
    const connection = await open();
    const cause = new Error(`no ${password}`);
    const error = new TargetError('TARGET_REFUSED', `x: ${password}`, { blame: 'delivery', cause });
    hideSecretsOf(connection, error);
    assert.deepEqual([error.message, cause.message], ['x: [redacted]', 'no [redacted]']);
  });
});

describe('brokerCredentials', () => {
  const id = (security: object, name = 'shop/default'): string =>
    brokerCredentials('nats', security, principalWith({ name })).id;

  it('tell apart whose they are and which Secrets they name, and nothing where there are none', () => {
    const tls = { secretRef: { name: 'tls' } };
    const all = [
      id({}),
      id(SECURITY),
      id(SECURITY, 'mall/default'),
      id({ auth: { basic: { secretRef: { name: 'other' } } } }),
      id({ ...SECURITY, tls }),
      id({ tls }),
      id({ tls: {} }),
    ];
    assert.equal(new Set(all).size, all.length);
    assert.equal(id({}, 'mall/default'), '');
  });
});
