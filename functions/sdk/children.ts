import type { KubernetesObject } from './custom-resource.ts';

/** Kind and apiVersion (`ConfigMap.v1`, `Deployment.apps/v1`) → name → object. */
export type Children = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/**
 * The children of one kind by name (`namespace/name` for cluster-scoped owners), `{}` when there are none.
 *
 * Undefined when the event does not say: the kind is not in the trigger's `watch.owns`, or children were left out
 * because the event would have been too large. That is not the same as none.
 */
export function childrenOf<T = KubernetesObject>(
  children: Children,
  kind: `${string}.${string}`,
): Readonly<Record<string, T>> | undefined {
  return children[kind] as Readonly<Record<string, T>> | undefined;
}
