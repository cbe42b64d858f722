/** Opens connections with credentials that may have been rotated since they were read. */
import { isDeepStrictEqual } from 'node:util';
import { messageOf, TargetError } from '../../lib/errors.ts';
import { isTlsFailure } from '../connection-failures.ts';
import { withoutSecrets } from '../http-credentials.ts';
import type { BrokerConnection, OpenConnection } from './connections.ts';
import { type BrokerCredentials, type CredentialsReader, secretsOf } from './credentials.ts';
import { causesOf, connectionFailure } from './failures.ts';

/** What each connection was opened with. */
const SECRETS = new WeakMap<BrokerConnection, readonly string[]>();

export interface LogInOptions<C extends BrokerConnection> {
  readonly where: string;
  readonly credentials: CredentialsReader;
  readonly connect: (credentials: BrokerCredentials, signal: AbortSignal) => Promise<C>;
  /** Whether the broker does not let us in, by what `connect` threw. */
  readonly isLoginRefusal: (error: unknown) => boolean;
}

/**
 * Where the login is refused, or one side does not trust the other's certificate, the Secrets are read anew, and if they
 * are others by now one more attempt is made. Throws TargetError for those two, else what `connect` throws.
 */
export function logIn<C extends BrokerConnection>({
  where,
  credentials,
  connect,
  isLoginRefusal,
}: LogInOptions<C>): OpenConnection<C> {
  const { fields } = credentials;
  const attempt = async (by: BrokerCredentials, signal: AbortSignal): Promise<C | Refusal> => {
    signal.throwIfAborted();
    try {
      const connection = await connect(by, signal);
      SECRETS.set(connection, secretsOf(by));
      return connection;
    } catch (error) {
      hideSecrets(error, secretsOf(by));
      if (error instanceof TargetError) throw error;
      if (isLoginRefusal(error)) return { refusal: refusedLogin(where, fields.login ?? fields.tls, error) };
      const distrust = [...causesOf(error)].find(isTlsFailure);
      if (distrust !== undefined) return { refusal: failedHandshake(where, fields.tls, distrust) };
      throw error;
    }
  };
  return async (signal) => {
    const known = await credentials.read(false);
    const first = await attempt(known, signal);
    if (!('refusal' in first)) return first;
    if (fields.login === undefined && fields.tls === undefined) throw first.refusal;
    const renewed = await credentials.read(true);
    if (isDeepStrictEqual(known, renewed)) throw first.refusal;
    const second = await attempt(renewed, signal);
    if ('refusal' in second) throw second.refusal;
    return second;
  };
}

interface Refusal {
  readonly refusal: TargetError;
}

function refusedLogin(where: string, field: string | undefined, error: unknown): TargetError {
  const said = messageOf([...causesOf(error)].at(-1) ?? error);
  return new TargetError('TARGET_FORBIDDEN', named(field, `${where}: the login is refused (${said})`), {
    blame: 'target',
    conclusive: true,
  });
}

function failedHandshake(where: string, field: string | undefined, error: Error): TargetError {
  const { code, message } = connectionFailure(where, error, false);
  return new TargetError(code, named(field, message), { blame: 'target', conclusive: true });
}

function named(field: string | undefined, message: string): string {
  return field === undefined ? message : `${field}: ${message}`;
}

/** Whatever the broker says on that connection may repeat what it was sent; the error no longer does. */
export function hideSecretsOf(connection: BrokerConnection, error: unknown): void {
  hideSecrets(error, SECRETS.get(connection) ?? []);
}

function hideSecrets(error: unknown, secrets: readonly string[]): void {
  if (secrets.length === 0) return;
  for (const one of causesOf(error)) one.message = withoutSecrets(one.message, secrets);
}
