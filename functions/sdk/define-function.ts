import type { ChangeClass, EventType, Reason } from '../../protocol/event.ts';
import type { Cluster, PatchStatusOptions, StatusOutcome, StatusStatement } from './cluster/cluster.ts';
import type { Children } from './children.ts';
import type { CustomResource, DeletedObjectOf, ObjectOf, ResultOf, StatusOf } from './custom-resource.ts';
import type { ReceivedEvent } from './event.ts';
import type { Logger } from './log.ts';

/** Everything a handler knows about its call: about an object `O`, whose status is an `S`. */
export interface HandlerContext<O, S = Readonly<Record<string, unknown>>> {
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
   * status of its own replaces this. A status may lack what somebody else states.
   */
  readonly patchStatus: (
    statement: StatusStatement<Partial<S>>,
    options?: PatchStatusOptions,
  ) => Promise<StatusOutcome>;
}

export type ContextOf<R extends CustomResource> = HandlerContext<ObjectOf<R>, StatusOf<R>>;
export type DeletedContextOf<R extends CustomResource> = HandlerContext<DeletedObjectOf<R>, StatusOf<R>>;

/** Nothing returned means done. */
type Returned<R extends CustomResource> = ResultOf<R> | null | void;
type Handler<C, Result> = (context: C) => Result | Promise<Result>;

/**
 * One step per event type. An event without a handler is done.
 *
 * What each returns has a type of its own, so that a literal in a result stays what it is.
 */
export interface Handlers<
  R extends CustomResource,
  Created extends Returned<R> = Returned<R>,
  Updated extends Returned<R> = Returned<R>,
  Deleted extends Returned<R> = Returned<R>,
> {
  readonly created?: Handler<ContextOf<R>, Created>;
  readonly updated?: Handler<ContextOf<R>, Updated>;
  readonly deleted?: Handler<DeletedContextOf<R>, Deleted>;
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
export function defineFunction<
  R extends CustomResource,
  const Created extends Returned<R>,
  const Updated extends Returned<R>,
  const Deleted extends Returned<R>,
>(resource: R, handlers: Handlers<R, Created, Updated, Deleted>): StatewireFunction {
  return { resource, handlers };
}
