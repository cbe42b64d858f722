/** A token of a ServiceAccount, made by the TokenRequest API and used for most of its life. */
import type { Clock } from '../lib/clock.ts';
import type { KubeClient } from '../model/kube-client.ts';

/** What is asked for, where nothing else is; the API server may give less. */
const LIFE_SECONDS = 3600;
/** The rest is left for calls on their way and for clocks that differ. */
const USED_PART = 0.8;

export interface Token {
  readonly text: string;
  readonly lifeMs: number;
  /** RFC 3339, UTC. */
  readonly expiresAt: string;
}

interface AskedToken {
  readonly namespace: string;
  readonly serviceAccount: string;
  /** Absent: the API server itself. */
  readonly audience?: string;
  /** @defaultValue an hour */
  readonly lifeSeconds?: number;
}

/** Throws ApiError. */
export async function requestToken(
  client: KubeClient,
  clock: Pick<Clock, 'now'>,
  { namespace, serviceAccount, audience, lifeSeconds = LIFE_SECONDS }: AskedToken,
): Promise<Token> {
  const name = encodeURIComponent(serviceAccount);
  const { text } = await client.request({
    method: 'POST',
    path: `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`,
    body: JSON.stringify({
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: {
        ...(audience !== undefined && { audiences: [audience] }),
        expirationSeconds: lifeSeconds,
      },
    }),
  });
  const { status } = JSON.parse(text) as {
    readonly status: { readonly token: string; readonly expirationTimestamp: string };
  };
  const expiresAt = status.expirationTimestamp;
  return { text: status.token, lifeMs: Date.parse(expiresAt) - clock.now(), expiresAt };
}

/** Whether a token of that age may still be sent. */
export function isYoung({ lifeMs }: Token, ageMs: number): boolean {
  return ageMs < lifeMs * USED_PART;
}
