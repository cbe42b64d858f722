/**
 * The event that a function receives: a CloudEvents 1.0 event whose `data` holds one custom resource.
 *
 * Over HTTP the attributes travel as `ce-*` headers (binary mode) and the body is `data`; Lambda and carriers without
 * headers get one JSON object with the attributes beside `data` (structured mode).
 */

/** What happened to the object, as the `type` attribute says it. */
export const EVENT_TYPES = {
  Created: 'dev.statewire.resource.created',
  Updated: 'dev.statewire.resource.updated',
  Deleted: 'dev.statewire.resource.deleted',
} as const;

/** The event types of a trigger (`spec.eventTypes`). */
export type EventType = keyof typeof EVENT_TYPES;

/** What can make an update. `Any` stands for the four others together. */
export type ChangeClass = 'Spec' | 'Status' | 'Labels' | 'Annotations';

/** Why the event is sent. The last three stand in deletions only. */
export type Reason =
  | 'Watch'
  | 'Child'
  | 'Resync'
  | 'Requeue'
  | 'Redeliver'
  | 'Replay'
  | 'Deleted'
  | 'LeftScope'
  | 'GoneWhileAway';

/** CloudEvents context attributes, every value a string (CloudEvents integers are 32 bits wide, generations are not). */
export interface EventAttributes {
  readonly specversion: '1.0';
  readonly type: (typeof EVENT_TYPES)[EventType];
  readonly source: string;
  readonly subject: string;
  /** Names the occurrence together with `source`: equal over retries, restarts and replicas. */
  readonly id: string;
  /** RFC 3339, UTC. */
  readonly time: string;
  readonly datacontenttype: 'application/json';
  readonly apiversion: string;
  readonly kind: string;
  readonly name: string;
  /** Absent for cluster-scoped objects. */
  readonly namespace?: string;
  /** Absent for kinds without generation. */
  readonly generation?: string;
  /** resourceVersion, padded with zeros to 20 digits; for deletions that of the deletion. */
  readonly sequence: string;
  /** The object's uid. */
  readonly partitionkey: string;
  /** `namespace/name` of the trigger. */
  readonly trigger: string;
  readonly traceparent: string;
  /** From 1; target failures do not raise it. */
  readonly statewireattempt: string;
  /** RFC 3339, UTC, milliseconds: when the caller stops waiting. */
  readonly statewiredeadline: string;
  /** The forwarder's leader epoch; 0 without leader election. */
  readonly statewireepoch: string;
  /** Only with `payload.dataref`, where the object is too large: its API path. `data.object` then holds its identity alone. */
  readonly dataref?: string;
  /** Lambda `Event` only, and where the forwarder takes callbacks: the URL to POST the result to, once. A secret. */
  readonly statewirecallback?: string;
}

/** `data`: the newest state, and why it is sent. Numbers stand in it exactly as the API server sent them. */
export interface EventData<O = unknown> {
  readonly object: O;
  readonly previous?: O;
  readonly changed?: readonly ChangeClass[];
  readonly reason: Reason;
  /** `Kind.version` or `Kind.group/version` → name (`namespace/name` for cluster-scoped owners) → object. */
  readonly children?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Only on a deletion nobody saw: `object` then holds its identity alone. */
  readonly final?: 'unknown';
  /** Only with `payload.token`, to a target that answers itself and over TLS. Never to be logged or stored. */
  readonly access?: ApiAccess;
}

/** How a function reaches the API server as its trigger's ServiceAccount. */
export interface ApiAccess {
  /** `https://…` */
  readonly server: string;
  /** PEM of who signed the server's certificate. Absent: somebody whom hosts trust anyway. */
  readonly certificateAuthority?: string;
  /** A short-lived bearer token. */
  readonly token: string;
  /** RFC 3339, UTC. */
  readonly expiresAt: string;
}

/** Structured mode: what a Lambda function gets as its event. */
export type StructuredEvent<O = unknown> = EventAttributes & { readonly data: EventData<O> };
