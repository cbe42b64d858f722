/** Kubernetes objects as they come over the wire, and what this project calls their names. */

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

/** One entry of `metadata.managedFields`; `fieldsV1` is the tree of `f:`, `k:`, `v:` and `.` keys. */
export interface ManagedFieldsEntry {
  readonly manager?: string;
  readonly operation?: 'Apply' | 'Update';
  readonly subresource?: string;
  readonly fieldsV1?: Readonly<Record<string, unknown>>;
}

export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly OwnerReference[];
  readonly managedFields?: readonly ManagedFieldsEntry[];
}

export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly [field: string]: unknown;
}

/**
 * The key that travels from filter to dispatch: the object's uid. Two lives of one name are two keys, so nothing that
 * was meant for the first can land on the second.
 */
export type ObjectKey = string & { readonly __objectKey: true };

export function objectKey(uid: string): ObjectKey {
  return uid as ObjectKey;
}

/** `namespace/name`, or `name` for cluster-scoped objects. */
export function qualifiedName(object: {
  readonly namespace?: string | undefined;
  readonly name: string;
}): string {
  return object.namespace === undefined ? object.name : `${object.namespace}/${object.name}`;
}
