/** Kinds that exist before the controllers start. */
import { type ApiAccess, apiRequest } from './api-request.ts';
import { LocalClusterError } from './local-cluster-error.ts';
import { waitUntil } from './wait-until.ts';

const ESTABLISHED_TIMEOUT_MS = 30_000;
const PATH = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

/** A CustomResourceDefinition, as read from its YAML. */
export interface Crd {
  readonly metadata: { readonly name: string };
}

interface CrdStatus {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** Creates them, and resolves once all are served. */
export async function createCrds(api: ApiAccess, crds: readonly Crd[], signal?: AbortSignal): Promise<void> {
  for (const crd of crds) {
    const { name } = crd.metadata;
    const { status, body } = await apiRequest(api, 'POST', PATH, crd);
    if (status !== 201) {
      throw new LocalClusterError('CLUSTER_START_FAILED', `CRD ${name}: ${status} ${body.slice(0, 256)}`);
    }
    const established = async (): Promise<boolean> => {
      const { status: found } = JSON.parse(
        (await apiRequest(api, 'GET', `${PATH}/${name}`)).body,
      ) as CrdStatus;
      return found?.conditions?.some((one) => one.type === 'Established' && one.status === 'True') ?? false;
    };
    await waitUntil(established, { what: `${name} established`, timeoutMs: ESTABLISHED_TIMEOUT_MS, signal });
  }
}
