/** CloudEvents context attributes of an event: who speaks, of what, and which occasion it is. */
import { EVENT_TYPES, type EventAttributes, type EventType } from '../../protocol/event.ts';
import type { KubeObject } from '../model/kube-object.ts';
import { apiVersionOf, type Resource, resourcePath } from '../model/resource.ts';
import { type TriggerIdentity, triggerName } from '../model/trigger.ts';

/** Decimal digits of the largest 64-bit resourceVersion, so that `sequence` compares as text. */
const SEQUENCE_DIGITS = 20;

/** Everything attributes are made of; see InvocationInput for the meaning of each. */
export interface AttributesInput {
  readonly trigger: TriggerIdentity;
  readonly clusterId: string;
  readonly resource: Resource;
  readonly object: KubeObject;
  readonly eventType: EventType;
  readonly id: string;
  readonly traceparent: string;
  readonly attempt: number;
  readonly epoch: number;
  readonly timeMs: number;
  readonly deadlineAtMs: number;
  readonly deletionVersion?: string | undefined;
  /** The object is its identity only, and is to be read at its API path. */
  readonly isReference: boolean;
}

export function eventAttributes(input: AttributesInput): EventAttributes {
  const { trigger, resource, object, eventType } = input;
  const { name, namespace, uid, generation, resourceVersion } = object.metadata;
  const path = resourcePath(resource, { namespace, name });
  return {
    specversion: '1.0',
    type: EVENT_TYPES[eventType],
    source: `statewire://${input.clusterId}/${triggerName(trigger)}`,
    subject: path,
    id: input.id,
    time: timeOf(input),
    datacontenttype: 'application/json',
    apiversion: apiVersionOf(resource),
    kind: resource.kind,
    name,
    ...(namespace !== undefined && { namespace }),
    // A number beyond 2^53 is a raw one (lib/exact-json.ts); its text is what JSON makes of it.
    ...(generation !== undefined && { generation: JSON.stringify(generation) }),
    sequence: (input.deletionVersion ?? resourceVersion).padStart(SEQUENCE_DIGITS, '0'),
    partitionkey: uid,
    trigger: triggerName(trigger),
    traceparent: input.traceparent,
    statewireattempt: String(input.attempt),
    statewiredeadline: new Date(input.deadlineAtMs).toISOString(),
    statewireepoch: String(input.epoch),
    ...(input.isReference && { dataref: path }),
  };
}

function timeOf({ eventType, object, timeMs }: AttributesInput): string {
  const created = object.metadata.creationTimestamp;
  return eventType === 'Created' && created !== undefined ? created : new Date(timeMs).toISOString();
}
