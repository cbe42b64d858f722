import type { Cluster } from '@statewire/functions';
import { API_VERSION, type GatewayConfig, type PartKind, type Parts, referencesOf, specOf } from './kinds.ts';

/** By kind and name, what a configuration refers to. */
export type Resolved = { readonly [K in PartKind]: Readonly<Record<string, Parts[K]>> };

/** Reads everything that a configuration refers to. `missing` names what does not exist, as `Kind/name`. */
export async function resolve(
  { metadata, spec }: GatewayConfig,
  cluster: Cluster,
): Promise<{ readonly resolved: Resolved; readonly missing: readonly string[] }> {
  const missing: string[] = [];
  const read = async <K extends PartKind>(kind: K): Promise<Readonly<Record<string, Parts[K]>>> => {
    const found: Record<string, Parts[K]> = {};
    for (const name of referencesOf(spec, kind)) {
      const object = await cluster.get({
        apiVersion: API_VERSION,
        kind,
        name,
        namespace: metadata.namespace,
      });
      if (object === undefined) missing.push(`${kind}/${name}`);
      else found[name] = specOf(kind, object);
    }
    return found;
  };
  const resolved: Resolved = {
    LLMModel: await read('LLMModel'),
    LLMRoutingPolicy: await read('LLMRoutingPolicy'),
    PromptTemplate: await read('PromptTemplate'),
    RateLimitPolicy: await read('RateLimitPolicy'),
  };
  return { resolved, missing };
}
