import { createHash } from 'node:crypto';
import type { GatewayConfigSpec, Parts } from './kinds.ts';
import type { Resolved } from './resolve.ts';

/** What a gateway reads. */
export interface RenderedConfig {
  readonly models: readonly ({ readonly name: string } & Parts['LLMModel'])[];
  readonly routes: readonly { readonly model: string; readonly weight: number }[];
  readonly fallback?: string;
  readonly prompts: Readonly<Record<string, string>>;
  readonly rateLimit?: Parts['RateLimitPolicy'];
}

/** Pure; in the order of names, so that equal resources render equal text. Every reference is resolved. */
export function render(
  spec: GatewayConfigSpec,
  resolved: Resolved,
): { readonly config: RenderedConfig } | { readonly problem: string } {
  const models = byName(resolved.LLMModel).map(([name, { provider, model, endpoint, maxTokens }]) => {
    return { name, provider, model, endpoint, maxTokens };
  });
  const policy = resolved.LLMRoutingPolicy[spec.routingPolicyRef ?? ''];
  const routes = policy?.routes ?? models.map(({ name }) => ({ modelRef: name, weight: 1 }));
  const named = [
    ...routes.map(({ modelRef }) => modelRef),
    ...(policy?.fallbackRef === undefined ? [] : [policy.fallbackRef]),
  ];
  const stranger = named.find((name) => !Object.hasOwn(resolved.LLMModel, name));
  if (stranger !== undefined) {
    return {
      problem: `LLMRoutingPolicy/${spec.routingPolicyRef} routes to ${stranger}, which is not in spec.modelRefs`,
    };
  }
  const limit = resolved.RateLimitPolicy[spec.rateLimitPolicyRef ?? ''];
  return {
    config: {
      models,
      routes: routes.map(({ modelRef, weight }) => ({ model: modelRef, weight })),
      ...(policy?.fallbackRef !== undefined && { fallback: policy.fallbackRef }),
      prompts: Object.fromEntries(
        byName(resolved.PromptTemplate).map(([name, { template }]) => [name, template]),
      ),
      ...(limit !== undefined && { rateLimit: limit }),
    },
  };
}

function byName<T>(found: Readonly<Record<string, T>>): [string, T][] {
  return Object.entries(found).toSorted(([a], [b]) => (a < b ? -1 : 1));
}

export function digestOf(config: RenderedConfig): string {
  return createHash('sha256').update(JSON.stringify(config)).digest('hex');
}
