/** What has to be written so that an object carries a finalizer, or does so no longer. */
import type { KubeObject } from '../model/kube-object.ts';

export function hasFinalizer({ metadata }: Pick<KubeObject, 'metadata'>, finalizer: string): boolean {
  return metadata.finalizers?.includes(finalizer) === true;
}

/**
 * The merge patch, bound to this state of this life: any other answers a conflict. Other finalizers stay as they are.
 * Undefined where there is nothing to write; what is being deleted takes no new finalizer.
 */
export function finalizerPatch(
  object: Pick<KubeObject, 'metadata'>,
  finalizer: string,
  wanted: boolean,
): string | undefined {
  const { uid, resourceVersion, finalizers = [], deletionTimestamp } = object.metadata;
  if (hasFinalizer(object, finalizer) === wanted) return undefined;
  if (wanted && deletionTimestamp !== undefined) return undefined;
  const after = wanted ? [...finalizers, finalizer] : finalizers.filter((one) => one !== finalizer);
  return JSON.stringify({ metadata: { uid, resourceVersion, finalizers: after } });
}
