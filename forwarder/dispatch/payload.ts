/**
 * What of an object is sent. `managedFields` and the last-applied annotation never are, since they repeat the object;
 * nor is the content of Secrets; nor what the trigger redacts. Objects are copied along the way, never changed.
 */
import { type FieldPath, removeFieldPath } from '../lib/field-path.ts';
import type { KubeObject, ObjectMeta } from '../model/kube-object.ts';
import { type GroupVersionKind, kindName } from '../model/resource.ts';

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** All children of one kind. */
export interface ChildrenOfKind {
  readonly kind: GroupVersionKind;
  readonly objects: readonly KubeObject[];
}

/** A watched object as it is sent: redacted; of a Secret apiVersion, kind and metadata alone. */
export function watchedObject(object: KubeObject, redact: readonly FieldPath[]): KubeObject {
  const { apiVersion, kind } = object;
  const slim = isSecret(object)
    ? { apiVersion, kind, metadata: slimMetadata(object.metadata) }
    : { ...object, metadata: slimMetadata(object.metadata) };
  return redact.reduce<KubeObject>((rest, path) => removeFieldPath(rest, path), slim);
}

/** What is known of an object that went while nobody watched, and what is sent of one that is too large. */
export function identityOf({ apiVersion, kind, metadata }: KubeObject): KubeObject {
  const { name, namespace, uid } = metadata;
  return {
    apiVersion,
    kind,
    metadata: { name, ...(namespace !== undefined && { namespace }), uid } as ObjectMeta,
  };
}

/**
 * `children`: a key for each kind, also without objects; objects by name, for a cluster-scoped owner by
 * `namespace/name`. Sorted, so that a retry sends the same bytes.
 */
export function childrenByKind(
  kinds: readonly ChildrenOfKind[],
  ownerNamespaced: boolean,
): Record<string, Record<string, KubeObject>> {
  return Object.fromEntries(
    kinds.map(({ kind, objects }) => [
      kindName(kind),
      Object.fromEntries(
        objects
          .map((object) => [childName(object.metadata, ownerNamespaced), slimChild(object)] as const)
          .toSorted(([a], [b]) => (a < b ? -1 : 1)),
      ),
    ]),
  );
}

function childName({ namespace, name }: ObjectMeta, ownerNamespaced: boolean): string {
  return ownerNamespaced || namespace === undefined ? name : `${namespace}/${name}`;
}

function slimChild(object: KubeObject): KubeObject {
  const slim = { ...object, metadata: slimMetadata(object.metadata) };
  if (!isSecret(object)) return slim;
  const {
    data: _data,
    stringData: _stringData,
    ...rest
  } = slim as KubeObject & Record<'data' | 'stringData', unknown>;
  return rest;
}

function isSecret({ apiVersion, kind }: KubeObject): boolean {
  return kind === 'Secret' && apiVersion === 'v1';
}

function slimMetadata(metadata: ObjectMeta): ObjectMeta {
  const { managedFields: _managedFields, ...slim } = metadata;
  if (slim.annotations?.[LAST_APPLIED] === undefined) return slim;
  const { [LAST_APPLIED]: _lastApplied, ...annotations } = slim.annotations;
  if (Object.keys(annotations).length > 0) return { ...slim, annotations };
  const { annotations: _annotations, ...bare } = slim;
  return bare;
}
