/**
 * An operator of NATS with one account that may use JetStream: makes .creds files, and the configuration of a server that
 * takes them. JWTs as https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/jwt has them.
 */
import { randomUUID } from 'node:crypto';
import { nkeys } from '@nats-io/transport-node';

type KeyPair = ReturnType<typeof nkeys.createUser>;

const UNLIMITED = -1;

export class NatsOperator {
  readonly #operator: KeyPair = nkeys.createOperator();
  readonly #account: KeyPair = nkeys.createAccount();
  readonly #system: KeyPair = nkeys.createAccount();

  /** Of nats-server, as text. */
  get config(): string {
    const [account, system] = [this.#account.getPublicKey(), this.#system.getPublicKey()];
    const own = { type: 'operator', version: 2, system_account: system };
    const usual = { subs: UNLIMITED, data: UNLIMITED, payload: UNLIMITED, conn: UNLIMITED, leaf: UNLIMITED };
    const jetStream = {
      mem_storage: UNLIMITED,
      disk_storage: UNLIMITED,
      streams: UNLIMITED,
      consumer: UNLIMITED,
    };
    const accounts = {
      [account]: jwt(this.#operator, account, {
        type: 'account',
        version: 2,
        limits: { ...usual, ...jetStream },
      }),
      [system]: jwt(this.#operator, system, { type: 'account', version: 2, limits: usual }),
    };
    return [
      `operator: ${jwt(this.#operator, this.#operator.getPublicKey(), own)}`,
      `system_account: ${system}`,
      'resolver: MEMORY',
      `resolver_preload: {\n${Object.entries(accounts)
        .map(([key, token]) => `${key}: ${token}\n`)
        .join('')}}`,
    ].join('\n');
  }

  /** A .creds file of a new user of the account. */
  credentials(): string {
    const user = nkeys.createUser();
    const token = jwt(this.#account, user.getPublicKey(), {
      type: 'user',
      version: 2,
      subs: UNLIMITED,
      data: UNLIMITED,
      payload: UNLIMITED,
    });
    return [
      `-----BEGIN NATS USER JWT-----\n${token}\n------END NATS USER JWT------\n`,
      `-----BEGIN USER NKEY SEED-----\n${seedOf(user)}\n------END USER NKEY SEED------\n`,
    ].join('\n');
  }
}

export function seedOf(pair: KeyPair): string {
  return Buffer.from(pair.getSeed()).toString();
}

function jwt(issuer: KeyPair, subject: string, nats: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { jti: randomUUID(), iat: 1_600_000_000, iss: issuer.getPublicKey(), sub: subject, nats };
  const signed = `${part({ typ: 'JWT', alg: 'ed25519-nkey' })}.${part({ name: subject, ...claims })}`;
  return `${signed}.${Buffer.from(issuer.sign(Buffer.from(signed))).toString('base64url')}`;
}
