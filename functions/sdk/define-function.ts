import type { ChangeClass, EventType, Reason } from '../../protocol/event.ts';
import type { Cluster, PatchStatusOptions, StatusOutcome, StatusStatement } from './cluster/cluster.ts';
import type { Children } from './children.ts';
import type { CustomResource, DeletedObjectOf, ObjectOf, ResultOf } from './custom-resource.ts';
import type { ReceivedEvent } from './event.ts';
import type { Logger } from './log.ts';

/** Everything a handler knows about its call. */
export interface HandlerContext<O> {
  readonly type: EventType;
  /** The newest state. */
  readonly object: O;
  /** The last state that was handled; only where the trigger asks for it, and known. */
  readonly previous: O | undefined;
  /** For updates: what differs from the last state that was handled. Undefined when unknown. */
  readonly changed: readonly ChangeClass[] | undefined;
  /** Objects of the kinds in `watch.owns` that name this object as owner; read them with `childrenOf`. */
  readonly children: Children;
  readonly reason: Reason;
  /** From 1. */
  readonly attempt: number;
  /** Equal for every attempt at this event, and for no other: pass it on as a client token. */
  readonly idempotencyKey: string;
  /** Aborts shortly before the caller stops waiting, or when it hangs up. */
  readonly signal: AbortSignal;
  /** One JSON line per call, with the trigger, object, event and attempt. */
  readonly log: Logger;
  /** `namespace/name` of the trigger. */
  readonly trigger: string;
  /** The event as it came, before any schema of yours; without the token that it may have carried. */
  readonly event: ReceivedEvent;
  /**
   * The cluster that the event comes from, as the ServiceAccount of this pod, or with the token that the trigger hands
   * over (`payload.token`).
   */
  readonly cluster: Cluster;
  /**
   * Writes the status now, instead of returning it: for long steps that show progress, and for carriers that take no
   * answer. In the name of the trigger, like a result: what was stated before and is left out goes, and a result with a
   * status of its own replaces this.
   */
  readonly patchStatus: (statement: StatusStatement, options?: PatchStatusOptions) => Promise<StatusOutcome>;
}

export type ContextOf<R extends CustomResource> = HandlerContext<ObjectOf<R>>;
export type DeletedContextOf<R extends CustomResource> = HandlerContext<DeletedObjectOf<R>>;

/** Nothing returned means done. */
type Returned<R extends CustomResource> = ResultOf<R> | null | void;
type Handler<C, R extends CustomResource> = (context: C) => Returned<R> | Promise<Returned<R>>;

/** One step per event type. An event without a handler is done. */
export interface Handlers<R extends CustomResource> {
  readonly created?: Handler<ContextOf<R>, R>;
  readonly updated?: Handler<ContextOf<R>, R>;
  readonly deleted?: Handler<DeletedContextOf<R>, R>;
}

/** A function for one kind, ready for any host: each subpath of this package is one. */
export interface StatewireFunction {
  readonly resource: CustomResource;
  readonly handlers: Handlers<CustomResource>;
}

/**
 * Binds handlers to a kind. A handler may be called again for the same event and must come to the same result; it gets
 * the newest state, never a list of what happened in between.
 */
export function defineFunction<R extends CustomResource>(
  resource: R,
  handlers: Handlers<R>,
): StatewireFunction {
  return { resource, handlers };
}
