/** Where an Addressable is: any object that says so in `status.address.url`, whatever its kind (Knative's duck type). */
import type { Discovery } from '../kube/discovery.ts';
import { foreignText, TargetError } from '../lib/errors.ts';
import { urlProblem } from '../lib/http-url.ts';
import type { KubeClient } from '../model/kube-client.ts';
import type { Address, AddressableRef, Asking } from '../model/principal.ts';
import { resourcePath } from '../model/resource.ts';

interface Addressable {
  readonly status?: {
    readonly address?: { readonly url?: unknown; readonly audience?: unknown } | null;
    readonly conditions?: readonly Readonly<Record<string, unknown>>[];
  };
}

/** Throws ApiError, and TargetError where the object has no address. */
export async function readAddress(
  client: KubeClient,
  discovery: Pick<Discovery, 'resolve'>,
  namespace: string,
  { apiVersion, kind, name }: AddressableRef,
  { field }: Asking,
): Promise<Address> {
  const resource = await discovery.resolve(apiVersion, kind);
  if (resource === undefined || !resource.namespaced) {
    const problem =
      resource === undefined ? 'is not served by this cluster' : 'is not a kind of namespaced objects';
    throw unready('TARGET_MISCONFIGURED', `${field}: ${kind} of ${apiVersion} ${problem}`);
  }
  const { text } = await client.request({ method: 'GET', path: resourcePath(resource, { namespace, name }) });
  const { status } = JSON.parse(text) as Addressable;
  const { url, audience } = status?.address ?? {};
  if (typeof url !== 'string' || url === '') {
    const why = notReady(status?.conditions ?? []);
    throw unready('TARGET_UNAVAILABLE', `${field}: ${kind} "${name}" has no status.address.url${why}`);
  }
  const problem = urlProblem(url);
  if (problem !== undefined) {
    throw unready('TARGET_MISCONFIGURED', `${field}: status.address.url of ${kind} "${name}" ${problem}`);
  }
  return { url, ...(typeof audience === 'string' && audience !== '' && { audience }) };
}

function notReady(conditions: readonly Readonly<Record<string, unknown>>[]): string {
  const ready = conditions.find(({ type }) => type === 'Ready');
  if (ready === undefined || ready['status'] === 'True') return '';
  const reason = typeof ready['reason'] === 'string' ? `, ${foreignText(ready['reason'])}` : '';
  return ` (Ready is ${foreignText(String(ready['status']))}${reason})`;
}

function unready(code: 'TARGET_MISCONFIGURED' | 'TARGET_UNAVAILABLE', message: string): TargetError {
  return new TargetError(code, message, { blame: 'target', conclusive: true });
}
