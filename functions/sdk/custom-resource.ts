import type { $ZodType, input, output } from 'zod/v4/core';
import type { FunctionResult } from '../../protocol/result.ts';

/** What a function works on: one version of one kind, with the shape of its spec and status. */
export interface CustomResource<Spec extends $ZodType = $ZodType, Status extends $ZodType = $ZodType> {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** `group/version`, or `version` in the core group. */
  readonly apiVersion: string;
  readonly spec: Spec;
  /** Absent: any object. */
  readonly status: Status | undefined;
}

/**
 * Names a kind and describes its spec and status with zod (`zod` or `zod/mini`); every type of a handler follows.
 *
 * Fields that the schemas do not name are kept, at every depth, unless a schema forbids them.
 */
export function customResource<
  Spec extends $ZodType,
  Status extends $ZodType = $ZodType<Record<string, unknown>, Record<string, unknown>>,
>(definition: {
  /** `''` for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly spec: Spec;
  readonly status?: Status;
}): CustomResource<Spec, Status> {
  const { group, version, kind, spec, status } = definition;
  return { group, version, kind, apiVersion: group === '' ? version : `${group}/${version}`, spec, status };
}

export interface ObjectMeta {
  readonly name: string;
  /** Absent for cluster-scoped objects. */
  readonly namespace?: string;
  readonly uid: string;
  readonly generation?: number;
  readonly resourceVersion?: string;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

/** Any Kubernetes object, as children are. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly [field: string]: unknown;
}

/** The object as handlers get it. `status` is left out where it does not have the declared shape. */
export interface ResourceObject<Spec, Status> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly spec: Spec;
  readonly status?: Status | undefined;
}

export type ObjectOf<R extends CustomResource> = ResourceObject<
  output<R['spec']>,
  output<NonNullable<R['status']>>
>;

/** A deleted object: nobody may have seen its last spec, and a spec of the wrong shape must not stop a deletion. */
export type DeletedObjectOf<R extends CustomResource> = Omit<ObjectOf<R>, 'spec'> & {
  readonly spec?: output<R['spec']> | undefined;
};

/** Takes what is written as a literal as well: that is readonly, at every depth, in `done({ … })`. */
type DeepReadonly<T> = T extends object ? { readonly [Field in keyof T]: DeepReadonly<T[Field]> } : T;

/** A status as a function of the kind states it, whole. */
export type StatusOf<R extends CustomResource> = DeepReadonly<input<NonNullable<R['status']>>>;

/**
 * What a handler may return: a FunctionResult without the need to stamp it, its status of the declared shape. A field
 * that is undefined counts as left out.
 */
export type ResultOf<R extends CustomResource> = {
  readonly [Field in Exclude<keyof FunctionResult, 'status'>]?: FunctionResult[Field] | undefined;
} & {
  readonly status?: StatusOf<R> | undefined;
};
