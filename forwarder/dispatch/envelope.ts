/**
 * Builds the event that a function gets: pure, so that the same state makes the same event.
 *
 * What varies between attempts of one state is `traceparent`, the attempt number, the deadline and the epoch; `id`,
 * `time` and the idempotency key never do.
 */
import type { ChangeClass, EventType, Reason } from '../../protocol/event.ts';
import { type FieldPath, parseFieldPath } from '../lib/field-path.ts';
import type { Random } from '../lib/random.ts';
import type { Invocation, InvocationData } from '../model/invocation.ts';
import { type KubeObject, objectKey } from '../model/kube-object.ts';
import type { Resource } from '../model/resource.ts';
import type { TriggerIdentity, TriggerSpec } from '../model/trigger.ts';
import { eventAttributes } from './attributes.ts';
import { eventId, idempotencyKey, type IdSuffix } from './ids.ts';
import { type ChildrenOfKind, childrenByKind, identityOf, watchedObject } from './payload.ts';
import { fitData } from './size-ladder.ts';
import { traceparent } from './traceparent.ts';

export interface InvocationInput {
  readonly trigger: { readonly identity: TriggerIdentity; readonly spec: Pick<TriggerSpec, 'payload'> };
  readonly clusterId: string;
  readonly resource: Resource;
  /** The newest state, parsed by parseExact; of a deletion the last one known. */
  readonly object: KubeObject;
  readonly eventType: EventType;
  readonly reason: Reason;
  /** `g<generation>`, or the resourceVersion with which the state that counts was first seen. */
  readonly version: string;
  readonly idSuffix: IdSuffix;
  /** Sent with updates only; absent when unknown. */
  readonly changed?: readonly ChangeClass[] | undefined;
  /** The last state delivered successfully; sent only where the trigger asks for it. */
  readonly previous?: KubeObject | undefined;
  /** One entry for each kind in `owns`; absent where there is none. */
  readonly children?: readonly ChildrenOfKind[] | undefined;
  /** From 1. */
  readonly attempt: number;
  /** 0 without leader election. */
  readonly epoch: number;
  /** Wall clock: when this process first saw the state. Created events say the object's creationTimestamp instead. */
  readonly timeMs: number;
  /** resourceVersion of the deletion, for `sequence`. @defaultValue that of the object */
  readonly deletionVersion?: string | undefined;
  /** A deletion nobody saw: the object is reduced to its identity. */
  readonly final?: 'unknown' | undefined;
  /** Monotonic clock. */
  readonly deadlineMs: number;
  /** The same moment by the wall clock. */
  readonly deadlineAtMs: number;
  readonly timeoutMs: number;
  /** Largest `data` in bytes; undefined: any. */
  readonly maxDataBytes?: number | undefined;
  readonly random: Random;
}

/** Throws TargetError TARGET_TOO_LARGE (delivery, permanent) where the object does not fit. */
export function buildInvocation(input: InvocationInput): Invocation {
  const { trigger, object } = input;
  const id = eventId({
    uid: object.metadata.uid,
    eventType: input.eventType,
    version: input.version,
    suffix: input.idSuffix,
  });
  const key = idempotencyKey(trigger.identity.uid, id);
  const data = fitData(eventData(input), input.maxDataBytes, trigger.spec.payload);
  return {
    key: objectKey(object.metadata.uid),
    attributes: eventAttributes({
      ...input,
      trigger: trigger.identity,
      id,
      traceparent: traceparent(key, input.random),
      isReference: data.isReference,
    }),
    dataJson: data.json,
    idempotencyKey: key,
    deadlineMs: input.deadlineMs,
    timeoutMs: input.timeoutMs,
  };
}

function eventData(input: InvocationInput): InvocationData {
  const { payload } = input.trigger.spec;
  const redact = payload.redact.map(redactedPath);
  const { object, previous, changed, children, eventType, reason, final } = input;
  return {
    object: watchedObject(final === 'unknown' ? identityOf(object) : object, redact),
    ...(payload.previous && previous !== undefined && { previous: watchedObject(previous, redact) }),
    ...(eventType === 'Updated' && changed !== undefined && { changed }),
    reason,
    ...(children !== undefined && { children: childrenByKind(children, input.resource.namespaced) }),
    ...(final !== undefined && { final }),
  };
}

/** Config has checked it: leaving out less than was asked for is no way to go on. */
function redactedPath(text: string): FieldPath {
  const path = parseFieldPath(text);
  if ('problem' in path) throw new Error(`payload.redact: ${path.problem}`);
  return path;
}
