/**
 * Whom a TLS connection trusts, and who we are in it. As a rule that is what a trigger's `tls.secretRef` names: a Secret of
 * its namespace with the keys of type kubernetes.io/tls, `ca.crt` (whom to trust), `tls.crt` and `tls.key` (who we are).
 */
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { messageOf, TargetError } from '../lib/errors.ts';
import type { Asking, Principal, WholeSecretRef } from '../model/principal.ts';

/** For `node:tls` and all that takes its options. */
export interface TlsMaterial {
  /** PEM: these authorities vouch for the server, and nobody else does. Absent: those that Node knows. */
  readonly ca?: string;
  /** Those that Node knows vouch as well. @defaultValue false */
  readonly trustsKnown?: boolean;
  /** PEM, the certificate of the client before those of its authorities. */
  readonly cert?: string;
  /** PEM. */
  readonly key?: string;
  /** Tells one reading from another and shows nothing of it: for keys of connection pools. */
  readonly id: string;
}

/** Throws as readTlsSecret. `fresh`: what was read before was refused. */
export type ReadTls = (fresh: boolean) => Promise<TlsMaterial>;

/** Reads for each call, and looks closer only at what is new. */
export function tlsReader(principal: Principal, ref: WholeSecretRef, field: string): ReadTls {
  let last: TlsMaterial | undefined;
  return async (fresh) => {
    last = await readTlsSecret(principal, ref, { field, fresh }, last);
    return last;
  };
}

/**
 * Throws TargetError (target) whose message begins with the field.
 *
 * @param known is given back where nothing has changed since
 */
export async function readTlsSecret(
  principal: Principal,
  ref: WholeSecretRef,
  asking: Asking,
  known?: TlsMaterial,
): Promise<TlsMaterial> {
  const data = await principal.secretData(ref, asking);
  const [ca, cert, key] = ['ca.crt', 'tls.crt', 'tls.key'].map((name) => {
    const value = data.get(name)?.toString('latin1').trim();
    return value === '' ? undefined : value;
  });
  const id = tlsId([ca, cert, key]);
  if (known?.id === id) return known;
  const problem = problemOf(ca, cert, key);
  if (problem !== undefined) throw misconfigured(`${asking.field}: Secret "${ref.name}" ${problem}`);
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && key !== undefined && { cert, key }),
    id,
  };
}

/**
 * Who vouches for a server beside those that Node knows. Throws TargetError (target).
 *
 * @param known is given back where nothing has changed since
 */
export function trustAlso(ca: string, field: string, known?: TlsMaterial): TlsMaterial {
  const id = tlsId(['and all that Node knows', ca]);
  if (known?.id === id) return known;
  if (certificatesIn(ca) === undefined) throw misconfigured(`${field}: holds no certificates in PEM`);
  return { ca, trustsKnown: true, id };
}

function problemOf(
  ca: string | undefined,
  cert: string | undefined,
  key: string | undefined,
): string | undefined {
  if (ca === undefined && cert === undefined && key === undefined)
    return 'has none of the keys "ca.crt", "tls.crt" and "tls.key"';
  if (ca !== undefined && certificatesIn(ca) === undefined)
    return 'has no certificates in PEM under "ca.crt"';
  if (cert === undefined) return key === undefined ? undefined : 'has "tls.key" without "tls.crt"';
  if (key === undefined) return 'has "tls.crt" without "tls.key"';
  const [own] = certificatesIn(cert) ?? [];
  if (own === undefined) return 'has no certificate in PEM under "tls.crt"';
  if (!isKeyOf(own, key)) return 'has a "tls.key" that is not that of "tls.crt"';
  try {
    createSecureContext({ cert, key });
    return undefined;
  } catch (error) {
    return `is refused by OpenSSL: ${messageOf(error)}`;
  }
}

/** Undefined where there is none, or one of them is broken: Node would take such a text for no authority at all. */
function certificatesIn(pem: string): readonly X509Certificate[] | undefined {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  try {
    return blocks.length === 0 ? undefined : blocks.map((block) => new X509Certificate(block));
  } catch {
    return undefined;
  }
}

/** Of all that makes connections differ. */
function tlsId(parts: readonly (string | undefined)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}

function isKeyOf(certificate: X509Certificate, key: string): boolean {
  try {
    return certificate.checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}

function misconfigured(message: string): TargetError {
  return new TargetError('TARGET_MISCONFIGURED', message, { blame: 'target', conclusive: true });
}
