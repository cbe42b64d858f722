/** How functions reach the API server (`payload.token`): its address, whom to trust, and for how long a token is needed. */
import type { KubeAccess } from '../kube/kube-access.ts';
import { messageOf, TargetError } from '../lib/errors.ts';
import type { ApiAccess, Asking } from '../model/principal.ts';
import { isYoung, type Token } from './token.ts';

/** The least that Kubernetes gives. */
const MIN_LIFE_SECONDS = 600;
/** A token is good for the whole call, and for clocks that differ by so much. */
const SPARE_MS = 60_000;

/** The API server as functions see it. */
export type FunctionApiServer = (asking: Asking) => Pick<ApiAccess, 'server' | 'certificateAuthority'>;

/**
 * @param server `--function-api-server`. @defaultValue the forwarder's own
 * @returns throws TargetError (target) where it is not https, is below a path, or its authority cannot be read
 */
export function functionApiServer(
  access: Pick<KubeAccess, 'server' | 'tls'>,
  server: string | undefined,
): FunctionApiServer {
  const url = server === undefined ? access.server : new URL(server);
  return ({ field }) => {
    if (url.protocol !== 'https:' || url.pathname !== '/') {
      const why = 'the API server is not known as https://host:port; set --function-api-server';
      throw new TargetError('TARGET_MISCONFIGURED', `${field}: ${why}`, {
        blame: 'target',
        conclusive: true,
      });
    }
    try {
      const { ca } = access.tls();
      return { server: url.origin, ...(ca !== undefined && { certificateAuthority: ca }) };
    } catch (error) {
      const why = `the API server's certificate authority cannot be read: ${messageOf(error)}`;
      throw new TargetError('TARGET_UNAVAILABLE', `${field}: ${why}`, { blame: 'target', cause: error });
    }
  };
}

/** For calls of so long: room for a second one, in whole minutes. */
export function lifeSecondsFor(callMs: number): number {
  return Math.max(MIN_LIFE_SECONDS, Math.ceil((2 * (callMs + SPARE_MS)) / 60_000) * 60);
}

/** Whether a token of that age may be handed over for a call of so long. */
export function outlives(token: Token, ageMs: number, callMs: number): boolean {
  return isYoung(token, ageMs) && token.lifeMs - ageMs >= callMs + SPARE_MS;
}

/** A token that was just made, or could not be replaced, and ends too soon. */
export function tooShort(
  { lifeMs }: Token,
  callMs: number,
  { field }: Asking,
  serviceAccount: string,
): TargetError {
  if (lifeMs >= callMs + SPARE_MS) {
    const why = `no new token of ServiceAccount "${serviceAccount}" can be had now`;
    return new TargetError('TARGET_UNAVAILABLE', `${field}: ${why}`, { blame: 'target' });
  }
  const why = `tokens of ServiceAccount "${serviceAccount}" end before delivery.timeout and a minute are over`;
  return new TargetError('TARGET_MISCONFIGURED', `${field}: ${why}`, { blame: 'target', conclusive: true });
}
