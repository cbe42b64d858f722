import * as z from 'zod/mini';
import { EVENT_TYPES, type EventType, type Reason, type StructuredEvent } from '../../protocol/event.ts';
import { describeIssues } from './describe-issues.ts';
import type { KubernetesObject } from './custom-resource.ts';

/** An event as it came: what a handler relies on is checked, everything else is as the sender wrote it. */
export type ReceivedEvent = Pick<
  StructuredEvent<KubernetesObject>,
  'id' | 'source' | 'type' | 'trigger' | 'data'
> &
  Partial<StructuredEvent<KubernetesObject>>;

/** This is no event for a Statewire function: 400 it is no CloudEvent at all, 422 it is one of somebody else's. */
export class EventError extends Error {
  override readonly name = 'EventError';
  readonly status: 400 | 422;

  constructor(status: 400 | 422, message: string) {
    super(message);
    this.status = status;
  }
}

const text = z.string().check(z.minLength(1));

/** What every CloudEvent has. */
const cloudEvent = z.looseObject({ specversion: z.literal('1.0'), id: text, source: text, type: text });

const kubernetesObject = z.looseObject({
  apiVersion: text,
  kind: text,
  metadata: z.looseObject({ name: text, uid: text }),
});

const ours = z.looseObject({
  trigger: text,
  statewireattempt: z.optional(z.string().check(z.regex(/^[1-9][0-9]*$/))),
  statewiredeadline: z.optional(z.string()),
  dataref: z.optional(z.string()),
  data: z.looseObject({
    object: kubernetesObject,
    previous: z.optional(kubernetesObject),
    changed: z.optional(z.array(z.string())),
    reason: text,
    children: z.optional(z.record(z.string(), z.record(z.string(), z.unknown()))),
    access: z.optional(
      z.looseObject({ server: text, token: text, certificateAuthority: z.optional(z.string()) }),
    ),
  }),
});

const TYPES: ReadonlyMap<string, EventType> = new Map(
  Object.entries(EVENT_TYPES).map(([name, type]) => [type, name as EventType]),
);

const DELETION_REASONS: ReadonlySet<unknown> = new Set<Reason>(['Deleted', 'LeftScope', 'GoneWhileAway']);

/** Whether a `reason` stands in deletions only. */
export function isDeletionReason(reason: unknown): boolean {
  return DELETION_REASONS.has(reason);
}

/** Which of the three an event's `type` stands for. */
export function eventTypeOf(event: ReceivedEvent): EventType {
  const type = TYPES.get(event.type);
  if (type === undefined)
    throw new EventError(422, `the event's type ${JSON.stringify(event.type)} is not ours`);
  return type;
}

/** Reads an event in structured form (attributes beside `data`). Throws EventError. */
export function readEvent(received: unknown): ReceivedEvent {
  const envelope = z.safeParse(cloudEvent, received);
  if (!envelope.success) {
    throw new EventError(400, `not a CloudEvent: ${describeIssues(envelope.error.issues)}`);
  }
  const event = envelope.data as unknown as ReceivedEvent;
  eventTypeOf(event);
  const checked = z.safeParse(ours, received);
  if (!checked.success)
    throw new EventError(422, `not a Statewire event: ${describeIssues(checked.error.issues)}`);
  return event;
}
