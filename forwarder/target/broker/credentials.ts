/** Who we are to a broker, and whom we trust to be it: read from Secrets of the trigger's namespace. */
import type { Principal, SecretRef, WholeSecretRef } from '../../model/principal.ts';
import type { BrokerTls, NatsAuth } from '../../model/trigger.ts';
import { type BasicLogin, readBasicSecret } from '../basic-secret.ts';
import { readTlsSecret, type TlsMaterial } from '../tls-secret.ts';

/** What a connection is opened with. Two readings are the same where they are equal in depth. */
export interface BrokerCredentials {
  /** Absent: nobody in particular. */
  readonly login?: Login;
  /** Present: TLS is demanded. */
  readonly tls?: Partial<TlsMaterial>;
}

export type Login = (BasicLogin & { readonly kind: 'basic' }) | TextLogin;

/** Of NATS alone. */
export interface TextLogin {
  readonly kind: 'token' | 'nkey' | 'credentials';
  /** Where it is from. */
  readonly field: string;
  readonly text: string;
}

export interface CredentialsReader {
  /** Tells apart what must not share a connection; '' where there is nothing to tell apart. Holds no secret. */
  readonly id: string;
  /** The fields that name Secrets; undefined where there is none. */
  readonly fields: { readonly login: string | undefined; readonly tls: string | undefined };
  /** Throws TargetError (target) whose message begins with the field. `fresh`: those read before were refused. */
  read(fresh: boolean): Promise<BrokerCredentials>;
}

export interface BrokerSecurity {
  readonly auth?: NatsAuth;
  readonly tls?: BrokerTls;
}

/** @param type of the target, as it stands in the trigger */
export function brokerCredentials(
  type: string,
  { auth, tls }: BrokerSecurity,
  principal: Principal,
): CredentialsReader {
  const kind = (['basic', 'token', 'nkey', 'credentials'] as const).find((one) => auth?.[one] !== undefined);
  const authField = kind === undefined ? undefined : `spec.target.${type}.auth.${kind}.secretRef`;
  const tlsField = tls?.secretRef === undefined ? undefined : `spec.target.${type}.tls.secretRef`;
  const readLogin = async (fresh: boolean): Promise<Login | undefined> => {
    if (kind === undefined || authField === undefined) return undefined;
    const asking = { field: authField, fresh };
    if (kind !== 'basic') {
      const ref = auth?.[kind]?.secretRef as SecretRef;
      return {
        kind,
        field: authField,
        text: (await principal.secret(ref, asking)).toString('latin1').trim(),
      };
    }
    return { kind, ...(await readBasicSecret(principal, auth?.basic?.secretRef as WholeSecretRef, asking)) };
  };
  const readTls = async (fresh: boolean): Promise<Partial<TlsMaterial> | undefined> => {
    if (tls?.secretRef === undefined || tlsField === undefined) return tls && {};
    return await readTlsSecret(principal, tls.secretRef, { field: tlsField, fresh });
  };
  return {
    // The namespace stands in the principal's name.
    id: auth === undefined && tls === undefined ? '' : `${principal.name} ${JSON.stringify({ auth, tls })}`,
    fields: { login: authField, tls: tlsField },
    async read(fresh) {
      const [login, material] = await Promise.all([readLogin(fresh), readTls(fresh)]);
      return { ...(login !== undefined && { login }), ...(material !== undefined && { tls: material }) };
    },
  };
}

/** What of it the broker gets to see, and could repeat. */
export function secretsOf({ login }: BrokerCredentials): readonly string[] {
  if (login?.kind === 'basic') return [login.password];
  return login?.kind === 'token' ? [login.text] : [];
}
