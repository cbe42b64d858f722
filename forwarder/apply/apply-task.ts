/** What the pipeline asks of apply/, and what it gets back. */
import type { FunctionResult } from '../../protocol/result.ts';
import type { KindSchema } from '../model/kind-schema.ts';
import type { KubeObject } from '../model/kube-object.ts';
import type { GroupVersionKind, Resource } from '../model/resource.ts';

/** The schemas of kinds, as the API server publishes them. Throws ApiError. */
export interface SchemaSource {
  /** @param options.fresh read it again, even where it is known */
  schemaOf(resource: Resource, options?: { readonly fresh?: boolean }): Promise<KindSchema | undefined>;
}

/** Discovery. Throws ApiError. */
export interface ResourceResolver {
  /** undefined: the API server serves no such kind. */
  resolve(apiVersion: string, kind: string): Promise<Resource | undefined>;
}

/** One result to be carried out. */
export interface ApplyTask {
  readonly resource: Resource;
  readonly uid: string;
  /** Absent for cluster-scoped objects. */
  readonly namespace?: string;
  readonly name: string;
  /** `metadata.generation` of the state that was sent. */
  readonly deliveredGeneration?: number;
  readonly result: FunctionResult;
  /** One line each: what is to be named in Warning Events (unknown fields of the result). */
  readonly warnings: readonly string[];
  /**
   * Kind (as `kindName` has it) → the objects of that kind that this object owns, complete and with managedFields, as
   * read when the delivery was built. Saves requests: without it every child is applied each time, and the first
   * result for an object lists what there is to prune.
   */
  readonly childrenRead?: ReadonlyMap<string, readonly KubeObject[]>;
  /** The newest state known; its resourceVersion guards the write. undefined: none, it is read. */
  newest(): KubeObject | undefined;
  /** A newer state that had to be read. */
  observe(object: KubeObject, text: string): void;
  /** False once a newer result for this object exists or the object is gone: no more tries. */
  isCurrent(): boolean;
  /** Called before every longer wait, because the API server refuses for now: the key need not be held any more. */
  onRetrying?(problem: ApplyProblem): void;
  /** Around every try of every part. What the watch shows in between may be what it wrote: the answer says so first. */
  onTry?(): void;
  onTried?(): void;
  /** Answers to writes, within their tries. */
  onStatus?(object: KubeObject, text: string): void;
  onChild?(child: AppliedChild): void;
  onPruned?(child: AppliedChild): void;
  readonly signal: AbortSignal;
}

/** Why a part of a result did not take effect: the reason of `StatusApplied=False`, or why it is being retried. */
export interface ApplyProblem {
  readonly reason:
    | 'FieldNotDeclared'
    | 'FieldConflict'
    | 'Forbidden'
    | 'Invalid'
    | 'NotFound'
    | 'ChildNotOwned'
    | 'Conflict'
    | 'Unavailable';
  /** One line, the same for the same problem. */
  readonly message: string;
}

/** A child as the API server now has it. */
export interface AppliedChild extends GroupVersionKind {
  readonly namespace?: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
}

export interface ApplyReport {
  /** False where a newer result, a deletion or the signal ended it before everything was tried. */
  readonly complete: boolean;
  /** Parts that were refused for good. */
  readonly problems: readonly ApplyProblem[];
}
