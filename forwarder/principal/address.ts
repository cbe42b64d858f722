/**
 * Where an Addressable is: any object that says so in `status.address`, whatever its kind (Knative's duck type). Of several
 * (`status.addresses`, as while Knative's `transport-encryption` is `permissive`) the first with https is the one, since
 * senders are to prefer those.
 *
 * Source: knative/pkg, apis/duck/v1/addressable_types.go; knative.dev/docs/eventing/features/transport-encryption.
 */
import type { Discovery } from '../kube/discovery.ts';
import { foreignText, TargetError } from '../lib/errors.ts';
import { urlProblem } from '../lib/http-url.ts';
import type { KubeClient } from '../model/kube-client.ts';
import type { Address, AddressableRef, Asking } from '../model/principal.ts';
import { resourcePath } from '../model/resource.ts';

interface AddressStatus {
  readonly url?: unknown;
  readonly CACerts?: unknown;
  readonly audience?: unknown;
}

interface Addressable {
  readonly status?: {
    readonly address?: AddressStatus | null;
    readonly addresses?: readonly (AddressStatus | null)[] | null;
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
  const address = chosen(status);
  if (address === undefined) {
    const why = notReady(status?.conditions ?? []);
    throw unready('TARGET_UNAVAILABLE', `${field}: ${kind} "${name}" has no status.address.url${why}`);
  }
  const { url, audience, CACerts: caCerts } = address;
  const problem = urlProblem(url);
  if (problem !== undefined) {
    throw unready('TARGET_MISCONFIGURED', `${field}: status.address.url of ${kind} "${name}" ${problem}`);
  }
  return {
    url,
    ...(isText(audience) && { audience }),
    ...(isText(caCerts) && { caCerts }),
  };
}

function chosen(status: Addressable['status']): (AddressStatus & { readonly url: string }) | undefined {
  const all = [status?.address, ...(status?.addresses ?? [])].filter((one) => hasUrl(one));
  return all.find(({ url }) => /^https:/i.test(url)) ?? all[0];
}

function hasUrl(
  address: AddressStatus | null | undefined,
): address is AddressStatus & { readonly url: string } {
  return isText(address?.url);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
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
