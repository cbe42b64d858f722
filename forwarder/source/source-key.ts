import { apiVersionOf, type Resource } from '../model/resource.ts';

/** What makes two triggers share one watch: the same objects, seen through the same eyes. */
export interface SourceKey {
  readonly apiVersion: string;
  readonly kind: string;
  /** Absent: all namespaces, or a cluster-scoped kind. */
  readonly namespace?: string | undefined;
  /** As the API server's query parameters; '' is the same as absent. */
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  /** Whose credentials read. */
  readonly identity: string;
}

/** One string for equal keys and only for those. */
export function keyText(key: SourceKey): string {
  const { apiVersion, kind, namespace = '', labelSelector = '', fieldSelector = '', identity } = key;
  return JSON.stringify([apiVersion, kind, namespace, labelSelector, fieldSelector, identity]);
}

/** The `source` label: `<plural>.<group>/<version>[:namespace]`; the core group `<plural>.<version>`. */
export function sourceLabel(resource: Resource, namespace: string | undefined): string {
  const scope = resource.namespaced && namespace !== undefined ? `:${namespace}` : '';
  return `${resource.plural}.${apiVersionOf(resource)}${scope}`;
}

/** The key's selectors as query parameters. */
export function selectorQuery({ labelSelector, fieldSelector }: SourceKey): Readonly<Record<string, string>> {
  return {
    ...(labelSelector !== undefined && labelSelector !== '' && { labelSelector }),
    ...(fieldSelector !== undefined && fieldSelector !== '' && { fieldSelector }),
  };
}
