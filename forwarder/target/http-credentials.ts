/** How a call proves who we are: headers whose values come from Secrets and tokens, read when they are needed. */
import { TargetError } from '../lib/errors.ts';
import { headerProblem } from '../lib/http-headers.ts';
import type { Principal, SecretRef, WholeSecretRef } from '../model/principal.ts';
import { readBasicSecret } from './basic-secret.ts';
import type { TlsMaterial } from './tls-secret.ts';
import { type SignedMessage, webhookHeaders } from './webhook-signature.ts';

export interface Credentials {
  /** Lower-case names; they replace all others. */
  readonly headers: Readonly<Record<string, string>>;
  /** What must not be shown, and by which one reading is told from another. */
  readonly secrets: readonly string[];
}

/**
 * Throws TargetError (target). `fresh`: those read before were refused. `tls`: how the target itself is connected to, for
 * credentials that it gives out.
 */
export type ReadCredentials = (
  message: SignedMessage,
  fresh: boolean,
  tls?: TlsMaterial,
) => Promise<Credentials>;

interface Piece {
  readonly secrets: readonly string[];
  readonly headers: (message: SignedMessage) => Readonly<Record<string, string>>;
}

export type ReadPiece = (fresh: boolean, tls?: TlsMaterial) => Promise<Piece>;

/** Undefined where there are none. */
export function credentialsOf(pieces: readonly ReadPiece[]): ReadCredentials | undefined {
  if (pieces.length === 0) return undefined;
  return async (message, fresh, tls) => {
    const read = await Promise.all(pieces.map((piece) => piece(fresh, tls)));
    return {
      headers: Object.assign({}, ...read.map(({ headers }) => headers(message))) as Record<string, string>,
      secrets: read.flatMap(({ secrets }) => secrets),
    };
  };
}

/** Standard Webhooks with the key in a Secret. */
export function signature(ref: SecretRef, field: string, principal: Principal): ReadPiece {
  return async (fresh) => {
    const key = await principal.secret(ref, { field, fresh });
    return { secrets: [key.toString('latin1').trim()], headers: (message) => webhookHeaders(key, message) };
  };
}

export function bearerSecret(ref: SecretRef, field: string, principal: Principal): ReadPiece {
  return headerSecret('authorization', ref, field, principal, 'Bearer ');
}

/** A header whose value is a text in a Secret; the line end that editors leave is not part of it. */
export function headerSecret(
  name: string,
  ref: SecretRef,
  field: string,
  principal: Principal,
  prefix = '',
): ReadPiece {
  return async (fresh) => {
    const secret = (await principal.secret(ref, { field, fresh })).toString('latin1').replace(/\r?\n$/, '');
    const problem = secret === '' ? 'the value is empty' : headerProblem(name, secret);
    if (problem !== undefined) throw misconfigured(`${field}: ${problem}`);
    return { secrets: [secret], headers: () => ({ [name]: `${prefix}${secret}` }) };
  };
}

/** User and password of a Secret of type kubernetes.io/basic-auth (RFC 7617, in UTF-8). */
export function basicSecret(ref: WholeSecretRef, field: string, principal: Principal): ReadPiece {
  return async (fresh) => {
    const { username, password } = await readBasicSecret(principal, ref, { field, fresh });
    if (username.includes(':')) throw misconfigured(`${field}: "username" holds a colon`);
    const pair = Buffer.from(`${username}:${password}`).toString('base64');
    return { secrets: [password, pair], headers: () => ({ authorization: `Basic ${pair}` }) };
  };
}

export function bearerToken(token: string): Piece {
  return { secrets: [token], headers: () => ({ authorization: `Bearer ${token}` }) };
}

function misconfigured(message: string): TargetError {
  return new TargetError('TARGET_MISCONFIGURED', message, { blame: 'target', conclusive: true });
}

/** Shorter texts are no secrets, and would be found everywhere. */
const MIN_SECRET_LENGTH = 6;

/** The text without what must not be shown: a function may repeat what it was sent. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets
    .flatMap((secret) => [secret, ...secret.split(/\s+/)])
    .filter((secret) => secret.length >= MIN_SECRET_LENGTH)
    .reduce((shown, secret) => shown.replaceAll(secret, '[redacted]'), text);
}

/** Whether what was read anew is something else. */
export function isRenewed(before: Credentials, after: Credentials): boolean {
  return before.secrets.some((secret, index) => secret !== after.secrets[index]);
}
