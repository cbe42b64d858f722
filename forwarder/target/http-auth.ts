/** What a trigger's `http.headersFrom` and `http.auth` ask for. */
import type { Principal } from '../model/principal.ts';
import type { HttpTarget } from '../model/trigger.ts';
import type { GoogleIdTokens } from './google-id-token.ts';
import {
  bearerSecret,
  bearerToken,
  credentialsOf,
  headerSecret,
  type ReadCredentials,
  type ReadPiece,
  signature,
} from './http-credentials.ts';

/**
 * Undefined where the target asks for none.
 *
 * @param field that of the target, `spec.target.http`
 */
export function httpCredentials(
  { headersFrom = [], auth = {} }: Pick<HttpTarget, 'headersFrom' | 'auth'>,
  field: string,
  principal: Principal,
  google: GoogleIdTokens,
): ReadCredentials | undefined {
  const { hmac, bearer, azureFunctionKey, serviceAccountToken, googleIdToken } = auth;
  const secret = (kind: string): string => `${field}.auth.${kind}.secretRef`;
  const pieces: ReadPiece[] = headersFrom.map(({ name, secretRef }) =>
    headerSecret(
      name.toLowerCase(),
      secretRef,
      `${field}.headersFrom[${JSON.stringify(name)}].secretRef`,
      principal,
    ),
  );
  if (hmac !== undefined) pieces.push(signature(hmac.secretRef, secret('hmac'), principal));
  if (bearer !== undefined) pieces.push(bearerSecret(bearer.secretRef, secret('bearer'), principal));
  if (azureFunctionKey !== undefined) {
    const from = secret('azureFunctionKey');
    pieces.push(headerSecret('x-functions-key', azureFunctionKey.secretRef, from, principal));
  }
  if (serviceAccountToken !== undefined) {
    const asking = { field: `${field}.auth.serviceAccountToken` };
    pieces.push(async (fresh) =>
      bearerToken(await principal.token(serviceAccountToken.audience, { ...asking, fresh })),
    );
  }
  if (googleIdToken !== undefined) {
    const asking = { field: `${field}.auth.googleIdToken` };
    pieces.push(async (fresh) =>
      bearerToken(await google.token(googleIdToken.audience, principal, { ...asking, fresh })),
    );
  }
  return credentialsOf(pieces);
}
