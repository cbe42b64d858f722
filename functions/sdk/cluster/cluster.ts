import type { Manifest, ResultCondition } from '../../../protocol/result.ts';
import type { KubernetesObject, ObjectMeta } from '../custom-resource.ts';

/** A kind, as manifests name it. */
export interface KindRef {
  readonly apiVersion: string;
  readonly kind: string;
}

export interface ObjectRef extends KindRef {
  readonly name: string;
  /** Absent for cluster-scoped kinds. */
  readonly namespace?: string | undefined;
}

/** What is said about an object: all of it, each time. What was said before and is left out goes. */
export interface StatusStatement<Status = Readonly<Record<string, unknown>>> {
  readonly status?: Status | undefined;
  readonly conditions?: readonly ResultCondition[] | undefined;
}

/** `gone`: deleted, or made anew under its name. `older`: what is stated already is about a newer generation. */
export type StatusOutcome = 'written' | 'unchanged' | 'gone' | 'older';

/** The object that a status is about; a new one of the same name is another. */
export interface StatusSubject extends KindRef {
  readonly metadata: Pick<ObjectMeta, 'name' | 'namespace' | 'uid' | 'generation'>;
}

/**
 * Objects as a function reads and writes them: with a ServiceAccount in the cluster or the token of an event, or in
 * memory in tests. Everything rejects with an Error that says what was refused.
 */
export interface Cluster {
  /** The object, or undefined where there is none. */
  get(ref: ObjectRef): Promise<KubernetesObject | undefined>;
  /** All objects of a kind, in one namespace or everywhere. */
  list(
    kind: KindRef & { readonly namespace?: string | undefined; readonly labelSelector?: string | undefined },
  ): Promise<KubernetesObject[]>;
  /** Server-side apply: makes the object or changes what is named; takes fields from others. */
  apply(object: Manifest): Promise<KubernetesObject>;
  /** Nothing happens where there is no such object. */
  delete(ref: ObjectRef): Promise<void>;
  /** States a status, with the times that conditions have. Never reaches an object made anew under the same name. */
  patchStatus(
    subject: StatusSubject,
    statement: StatusStatement,
    options?: PatchStatusOptions,
  ): Promise<StatusOutcome>;
}

export interface PatchStatusOptions {
  /** A name for what this function states, where several functions state something about one object. */
  readonly part?: string | undefined;
}
