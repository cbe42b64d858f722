/** What a trigger's `openfaas.auth` asks for. */
import type { Principal } from '../model/principal.ts';
import type { OpenFaasTarget } from '../model/trigger.ts';
import type { FunctionTokens } from './function-tokens.ts';
import {
  basicSecret,
  bearerSecret,
  bearerToken,
  credentialsOf,
  type ReadCredentials,
  type ReadPiece,
  signature,
} from './http-credentials.ts';

/** Where functions are that name no namespace. */
const DEFAULT_NAMESPACE = 'openfaas-fn';

/**
 * Undefined where the target asks for none.
 *
 * @param field that of the target, `spec.target.openfaas`
 */
export function openFaasCredentials(
  spec: Pick<OpenFaasTarget, 'auth' | 'name' | 'namespace'>,
  gateway: string,
  field: string,
  principal: Principal,
  tokens: FunctionTokens,
): ReadCredentials | undefined {
  const { name, namespace = DEFAULT_NAMESPACE, auth = {} } = spec;
  const { hmac, bearer, basic, tokenExchange } = auth;
  const secret = (kind: string): string => `${field}.auth.${kind}.secretRef`;
  const pieces: ReadPiece[] = [];
  if (hmac !== undefined) pieces.push(signature(hmac.secretRef, secret('hmac'), principal));
  if (bearer !== undefined) pieces.push(bearerSecret(bearer.secretRef, secret('bearer'), principal));
  if (basic !== undefined) pieces.push(basicSecret(basic.secretRef, secret('basic'), principal));
  if (tokenExchange !== undefined) {
    const asking = { field: `${field}.auth.tokenExchange` };
    pieces.push(async (fresh, material) => {
      const wanted = {
        gateway,
        functionName: `${namespace}:${name}`,
        audience: tokenExchange.audience,
        tls: material && { material, field: `${field}.tls.secretRef` },
      };
      return bearerToken(await tokens.token(wanted, principal, { ...asking, fresh }));
    });
  }
  return credentialsOf(pieces);
}
