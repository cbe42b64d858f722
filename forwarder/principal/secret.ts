/** One Secret, and one value of it. */
import { TargetError } from '../lib/errors.ts';
import type { KubeClient } from '../model/kube-client.ts';
import type { Asking, SecretRef } from '../model/principal.ts';

/** Values by key, in base64 as the API server sends them. Throws ApiError. */
export async function readSecret(
  client: KubeClient,
  namespace: string,
  name: string,
): Promise<ReadonlyMap<string, string>> {
  const path = `/api/v1/namespaces/${namespace}/secrets/${encodeURIComponent(name)}`;
  const { text } = await client.request({ method: 'GET', path });
  const { data } = JSON.parse(text) as { readonly data?: Readonly<Record<string, string>> | null };
  return new Map(Object.entries(data ?? {}));
}

/** Throws TargetError where there is no such key, or nothing under it. */
export function secretValue(
  data: ReadonlyMap<string, string>,
  { name, key }: SecretRef,
  { field }: Asking,
): Buffer {
  const base64 = data.get(key);
  if (base64 !== undefined && base64 !== '') return Buffer.from(base64, 'base64');
  const problem = base64 === undefined ? 'has no key' : 'has nothing under key';
  throw new TargetError('TARGET_MISCONFIGURED', `${field}: Secret "${name}" ${problem} "${key}"`, {
    blame: 'target',
    conclusive: true,
  });
}
