/** How a call proves who we are: headers whose values come from Secrets and tokens, read when they are needed. */
import { TargetError } from '../lib/errors.ts';
import { headerProblem } from '../lib/http-headers.ts';
import type { Asking, Principal, SecretRef } from '../model/principal.ts';
import type { HttpTarget } from '../model/trigger.ts';
import type { GoogleIdTokens } from './google-id-token.ts';
import { type SignedMessage, webhookHeaders } from './webhook-signature.ts';

export interface Credentials {
  /** Lower-case names; they replace all others. */
  readonly headers: Readonly<Record<string, string>>;
  /** What must not be shown, and by which one reading is told from another. */
  readonly secrets: readonly string[];
}

/** Throws TargetError (target). `fresh`: those read before were refused. */
export type ReadCredentials = (message: SignedMessage, fresh: boolean) => Promise<Credentials>;

interface Piece {
  readonly secret: string;
  readonly headers: (message: SignedMessage) => Readonly<Record<string, string>>;
}

const AUTH = 'spec.target.http.auth';

/** Undefined where the target asks for none. */
export function httpCredentials(
  { headersFrom = [], auth = {} }: Pick<HttpTarget, 'headersFrom' | 'auth'>,
  principal: Principal,
  google: GoogleIdTokens,
): ReadCredentials | undefined {
  const { hmac, bearer, azureFunctionKey, serviceAccountToken, googleIdToken } = auth;
  const readers: ((fresh: boolean) => Promise<Piece>)[] = headersFrom.map(
    ({ name, secretRef }) =>
      (fresh) =>
        header(
          name.toLowerCase(),
          principal,
          secretRef,
          `spec.target.http.headersFrom[${JSON.stringify(name)}].secretRef`,
          fresh,
        ),
  );
  if (hmac !== undefined) {
    readers.push(async (fresh) => {
      const key = await principal.secret(hmac.secretRef, { field: `${AUTH}.hmac.secretRef`, fresh });
      return { secret: key.toString('latin1').trim(), headers: (message) => webhookHeaders(key, message) };
    });
  }
  if (bearer !== undefined) {
    const field = `${AUTH}.bearer.secretRef`;
    readers.push((fresh) => header('authorization', principal, bearer.secretRef, field, fresh, 'Bearer '));
  }
  if (azureFunctionKey !== undefined) {
    const field = `${AUTH}.azureFunctionKey.secretRef`;
    readers.push((fresh) => header('x-functions-key', principal, azureFunctionKey.secretRef, field, fresh));
  }
  if (serviceAccountToken !== undefined) {
    readers.push(async (fresh) =>
      bearerToken(
        await principal.token(serviceAccountToken.audience, {
          field: `${AUTH}.serviceAccountToken`,
          fresh,
        }),
      ),
    );
  }
  if (googleIdToken !== undefined) {
    readers.push(async (fresh) =>
      bearerToken(
        await google.token(googleIdToken.audience, principal, { field: `${AUTH}.googleIdToken`, fresh }),
      ),
    );
  }
  if (readers.length === 0) return undefined;
  return async (message, fresh) => {
    const pieces = await Promise.all(readers.map((read) => read(fresh)));
    return {
      headers: Object.assign({}, ...pieces.map(({ headers }) => headers(message))) as Record<string, string>,
      secrets: pieces.map(({ secret }) => secret),
    };
  };
}

/** A header whose value is a text in a Secret; the line end that editors leave is not part of it. */
async function header(
  name: string,
  principal: Principal,
  ref: SecretRef,
  field: string,
  fresh: boolean,
  prefix = '',
): Promise<Piece> {
  const asking: Asking = { field, fresh };
  const secret = (await principal.secret(ref, asking)).toString('latin1').replace(/\r?\n$/, '');
  const problem = headerProblem(name, secret);
  if (problem !== undefined || secret === '') {
    throw new TargetError('TARGET_MISCONFIGURED', `${field}: ${problem ?? 'the value is empty'}`, {
      blame: 'target',
      conclusive: true,
    });
  }
  return { secret, headers: () => ({ [name]: `${prefix}${secret}` }) };
}

function bearerToken(token: string): Piece {
  return { secret: token, headers: () => ({ authorization: `Bearer ${token}` }) };
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
