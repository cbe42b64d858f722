/** What is read of the resources that a configuration is made of: crd.yaml as types. */
import type { KubernetesObject, ResourceObject } from '@statewire/functions';

export const API_VERSION = 'gateway.example.com/v1';

export interface GatewayConfigSpec {
  readonly modelRefs: readonly string[];
  readonly routingPolicyRef?: string | undefined;
  readonly promptTemplateRefs?: readonly string[] | undefined;
  readonly rateLimitPolicyRef?: string | undefined;
  readonly publish: { readonly to: 'ConfigMap' | 'AdminAPI'; readonly adminUrl?: string | undefined };
}

export interface GatewayConfigStatus {
  readonly phase: 'Pending' | 'Applied' | 'Invalid' | 'Failed';
  readonly appliedModels?: string[] | undefined;
  readonly lastAppliedTimestamp?: string | undefined;
  readonly configDigest?: string | undefined;
}

export type GatewayConfig = ResourceObject<GatewayConfigSpec, GatewayConfigStatus>;

/** Of each kind, the spec. */
export interface Parts {
  readonly LLMModel: {
    readonly provider: string;
    readonly model: string;
    readonly endpoint: string;
    readonly maxTokens: number;
  };
  readonly LLMRoutingPolicy: {
    readonly routes: readonly { readonly modelRef: string; readonly weight: number }[];
    readonly fallbackRef?: string;
  };
  readonly PromptTemplate: { readonly template: string };
  readonly RateLimitPolicy: { readonly requestsPerMinute?: number; readonly tokensPerMinute?: number };
}

export type PartKind = keyof Parts;

/** Names of one kind that a configuration refers to. */
export function referencesOf(spec: GatewayConfigSpec, kind: PartKind): readonly string[] {
  const one = (name: string | undefined): readonly string[] => (name === undefined ? [] : [name]);
  const names: Readonly<Record<PartKind, readonly string[]>> = {
    LLMModel: spec.modelRefs,
    LLMRoutingPolicy: one(spec.routingPolicyRef),
    PromptTemplate: spec.promptTemplateRefs ?? [],
    RateLimitPolicy: one(spec.rateLimitPolicyRef),
  };
  return names[kind];
}

/** The spec of an object that the API server has checked. */
export function specOf<K extends PartKind>(_kind: K, object: KubernetesObject): Parts[K] {
  return object['spec'] as Parts[K];
}
