import type { Cluster, KubernetesObject } from '@statewire/functions';
import { API_VERSION, type PolicySpec, type PublicApiSpec, type RouteSpec } from './kinds.ts';

/** A route as the gateway has it. */
export interface GatewayRoute {
  readonly path: string;
  readonly methods: readonly string[];
  readonly upstream: string;
  /** By name. */
  readonly policies: Readonly<Record<string, PolicySpec>>;
}

/** By name. */
export type Routes = Readonly<Record<string, GatewayRoute>>;

/** The routes that an API should have, from what is in its namespace now. `missing` names policies that are not there. */
export async function desiredRoutes(
  name: string,
  namespace: string | undefined,
  spec: PublicApiSpec,
  cluster: Cluster,
): Promise<{ readonly routes: Routes; readonly missing: readonly string[] }> {
  const list = async (kind: string): Promise<KubernetesObject[]> => {
    const all = await cluster.list({ apiVersion: API_VERSION, kind, namespace });
    return all.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  };
  const policies = new Map(
    (await list('APIPolicy')).map(({ metadata, spec: policy }) => [metadata.name, policy as PolicySpec]),
  );
  const missing = new Set<string>();
  const routes: Record<string, GatewayRoute> = {};
  for (const { metadata, spec: raw } of await list('APIRoute')) {
    const route = raw as RouteSpec;
    if (route.api !== name) continue;
    const asked = new Set([...(spec.policies ?? []), ...(route.policies ?? [])]);
    const found = [...asked].toSorted().flatMap((one) => {
      const policy = policies.get(one);
      if (policy === undefined) missing.add(one);
      return policy === undefined ? [] : [[one, policy] as const];
    });
    routes[metadata.name] = {
      path: spec.basePath + route.path,
      methods: route.methods.toSorted(),
      upstream: spec.upstream,
      policies: Object.fromEntries(found),
    };
  }
  return { routes, missing: [...missing].toSorted() };
}
