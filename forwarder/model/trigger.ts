/**
 * A trigger as the forwarder works with it: defaults filled in, durations in milliseconds, every field checked.
 * The YAML form, its schema and defaults are in deploy/crds/.
 */
import { createHash } from 'node:crypto';
import type { ChangeClass, EventType } from '../../protocol/event.ts';
import type { AddressableRef, SecretRef, WholeSecretRef } from './principal.ts';
import type { GroupVersionKind } from './resource.ts';

/** What a trigger is, whichever way it came (API or `--triggers FILE`). */
export interface TriggerIdentity {
  readonly namespace: string;
  readonly name: string;
  /** From a file: derived from namespace and name. */
  readonly uid: string;
  readonly generation: number;
}

export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
    readonly values?: readonly string[];
  }[];
}

export interface OwnedKind extends GroupVersionKind {
  /** As the API server's query parameter; undefined: what this trigger applied; '': all. */
  readonly labelSelector?: string;
}

export interface LambdaTarget {
  readonly type: 'lambda';
  readonly functionName: string;
  readonly region?: string;
  readonly qualifier?: string;
  readonly invocationType: 'RequestResponse' | 'Event';
  /** Role that the trigger's ServiceAccount assumes; absent: the forwarder's own credentials. */
  readonly roleArn?: string;
}

export interface HttpTarget {
  readonly type: 'http';
  /** Absolute http or https URL; a `service` reference is resolved to its cluster DNS name when the trigger is read. */
  readonly url: string;
  /** Set where the trigger names a Service, for display. */
  readonly service?: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Headers whose values are in Secrets of the trigger's namespace. */
  readonly headersFrom?: readonly { readonly name: string; readonly secretRef: SecretRef }[];
  /** At most one is set. */
  readonly auth?: HttpAuth;
  /** For `https:` only. */
  readonly tls?: ClientTls;
}

/** A Secret with the keys of type kubernetes.io/tls, and `ca.crt`. */
export interface ClientTls {
  readonly secretRef: WholeSecretRef;
}

/** How the forwarder proves to a function who it is. */
export interface HttpAuth {
  readonly hmac?: { readonly secretRef: SecretRef };
  readonly serviceAccountToken?: { readonly audience: string };
  readonly googleIdToken?: { readonly audience: string };
  readonly azureFunctionKey?: { readonly secretRef: SecretRef };
  readonly bearer?: { readonly secretRef: SecretRef };
}

/** A Secret with the keys of type kubernetes.io/basic-auth: `username` and `password`. */
export interface BasicAuth {
  readonly secretRef: WholeSecretRef;
}

/** Present: TLS is demanded. The Secret has the keys of type kubernetes.io/tls, and `ca.crt`. */
export interface BrokerTls {
  readonly secretRef?: WholeSecretRef;
}

/** At most one is set. */
export interface NatsAuth {
  readonly basic?: BasicAuth;
  readonly token?: { readonly secretRef: SecretRef };
  /** The seed of a user. */
  readonly nkey?: { readonly secretRef: SecretRef };
  /** A .creds file: the JWT and the seed of a user. */
  readonly credentials?: { readonly secretRef: SecretRef };
}

/** A subject of JetStream; a stream must take it. */
export interface NatsTarget {
  readonly type: 'nats';
  /** `nats://host[:port]`, or `tls://host[:port]` where TLS is demanded. */
  readonly url: string;
  readonly subject: string;
  readonly auth?: NatsAuth;
  readonly tls?: BrokerTls;
}

/** The key of each record is the object's uid. */
export interface KafkaTarget {
  readonly type: 'kafka';
  /** `host:port` of brokers to start from. */
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly auth?: { readonly basic?: BasicAuth & { readonly mechanism: SaslMechanism } };
  readonly tls?: BrokerTls;
}

export type SaslMechanism = 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512';

export interface RabbitmqTarget {
  readonly type: 'rabbitmq';
  /** `amqp://host[:port][/vhost]`, or `amqps:` for TLS. */
  readonly url: string;
  /** '' is the default exchange, where the routing key is the name of a queue. */
  readonly exchange: string;
  readonly routingKey: string;
  /** Absent: the user `guest`. */
  readonly auth?: { readonly basic?: BasicAuth };
  /** For `amqps:` only. */
  readonly tls?: BrokerTls;
}

/** A function behind an OpenFaaS gateway. */
export interface OpenFaasTarget {
  readonly type: 'openfaas';
  readonly name: string;
  /** Absent: the gateway's default. */
  readonly namespace?: string;
  readonly gateway: string;
  /** The gateway queues the call. */
  readonly async: boolean;
  /** At most one is set; of a queued call, only `hmac`. */
  readonly auth?: OpenFaasAuth;
  /** For a gateway at `https:` only. */
  readonly tls?: ClientTls;
}

/** How the forwarder proves to a gateway, or to what stands before it, who it is; `hmac`: to the function. */
export interface OpenFaasAuth {
  readonly hmac?: { readonly secretRef: SecretRef };
  readonly bearer?: { readonly secretRef: SecretRef };
  readonly basic?: BasicAuth;
  /** The gateway gives a token for the function against one of the trigger's ServiceAccount. */
  readonly tokenExchange?: { readonly audience: string };
}

/** Any object of the trigger's namespace with `status.address.url`. */
export interface KnativeTarget {
  readonly type: 'knative';
  readonly ref: AddressableRef;
}

/** From `--triggers FILE` only. */
export interface FileTarget {
  readonly type: 'file';
  /** Absolute; `{namespace}` and `{name}` stand for the object's. */
  readonly path: string;
  /** At most one of the two is set. */
  readonly signal?: { readonly pidFile: string; readonly name: NodeJS.Signals };
  /** A URL of this computer. */
  readonly notify?: { readonly url: string };
}

export type TargetSpec =
  | LambdaTarget
  | HttpTarget
  | OpenFaasTarget
  | KnativeTarget
  | NatsTarget
  | KafkaTarget
  | RabbitmqTarget
  | FileTarget;

export interface DeliverySpec {
  /** Whole call, from connecting to the last byte of the reply. @defaultValue 30 s */
  readonly timeoutMs: number;
  /** Per state. @defaultValue 10 */
  readonly maxAttempts: number;
  /** @defaultValue 1 s and 5 min */
  readonly backoff: { readonly initialMs: number; readonly maxMs: number };
  /** Invocations in flight for this trigger. @defaultValue 10 */
  readonly concurrency: number;
  /** Absent: unlimited. */
  readonly ratePerSecond?: number;
  /** Storm guard. @defaultValue burst 30, every 2 s */
  readonly perObject: { readonly burst: number; readonly everyMs: number };
  /** @defaultValue Result */
  readonly reply: 'Result' | 'Ignore';
}

/** What counts: classes of change, or single paths. */
export type Counting =
  | { readonly kind: 'changes'; readonly classes: readonly ChangeClass[] }
  | { readonly kind: 'fields'; readonly paths: readonly string[] };

export interface TriggerSpec {
  readonly watch: GroupVersionKind & {
    /** As the API server's query parameter; undefined where there is none. */
    readonly labelSelector?: string;
    readonly fieldSelector?: string;
    readonly owns: readonly OwnedKind[];
  };
  readonly eventTypes: readonly EventType[];
  readonly counting: Counting;
  /** CEL over `object`. */
  readonly when?: string;
  readonly initial: 'Deliver' | 'Skip';
  readonly debounce: { readonly quietMs: number; readonly maxWaitMs: number };
  readonly target: TargetSpec;
  readonly delivery: DeliverySpec;
  readonly payload: {
    readonly previous: boolean;
    readonly redact: readonly string[];
    /** Whether an object too large for the target is sent as its identity and its API path. */
    readonly dataref: boolean;
    /** Whether events carry a token of the trigger's ServiceAccount. */
    readonly token: boolean;
  };
  /** Whether a deleted object stays until its `deleted` has succeeded. */
  readonly finalizer: boolean;
  /** In a namespace that is being deleted, an object is released after this long. @defaultValue 10 min */
  readonly finalizerDeadlineMs: number;
  /** In the trigger's namespace: whose tokens its target gets. @defaultValue default */
  readonly serviceAccountName: string;
  /** Absent: never. */
  readonly resyncMs?: number;
  readonly suspend: boolean;
}

export interface Trigger {
  readonly identity: TriggerIdentity;
  readonly spec: TriggerSpec;
  /** Value of the annotation `statewire.dev/redeliver-at`, where there is one. */
  readonly redeliverAt?: string;
}

/** `namespace/name`: how logs, metrics and the `trigger` attribute name it. */
export function triggerName(identity: Pick<TriggerIdentity, 'namespace' | 'name'>): string {
  return `${identity.namespace}/${identity.name}`;
}

/** The field manager under which a trigger's results are applied. */
export function fieldManagerOf(identity: Pick<TriggerIdentity, 'name'>): string {
  return `statewire/${identity.name}`;
}

/** On every object that a trigger holds: it stays until the function has heard of its deletion. */
export function objectFinalizer(identity: Pick<TriggerIdentity, 'name'>): string {
  return `trigger.statewire.dev/${identity.name}`;
}

/** On a FunctionTrigger for as long as it holds objects. */
export const TRIGGER_FINALIZER = 'statewire.dev/objects';

/** Annotation on an object or trigger: a new value sends that object, or all of the trigger's, again. */
export const REDELIVER_ANNOTATION = 'statewire.dev/redeliver-at';
/** Label on applied children: 12 hex of SHA-256 of the trigger's `namespace/name`. */
export const TRIGGER_LABEL = 'statewire.dev/trigger';

/** Value of that label. */
export function triggerLabelValue(identity: Pick<TriggerIdentity, 'namespace' | 'name'>): string {
  return createHash('sha256').update(triggerName(identity)).digest('hex').slice(0, 12);
}
