/**
 * A dead letter as an object of the API: what it is called, what it says, and how it is read back. The shape is that of
 * deploy/crds/deadletter.yaml.
 */
import { createHash } from 'node:crypto';
import type { EventType } from '../../protocol/event.ts';
import type { KubeObject, OwnerReference } from '../model/kube-object.ts';
import { TRIGGER_LABEL, type TriggerIdentity, triggerLabelValue, triggerName } from '../model/trigger.ts';

export const DEAD_LETTER_API_VERSION = 'statewire.dev/v1alpha1';
export const DEAD_LETTER_KIND = 'DeadLetter';
/** Any value asks for another delivery of the object; it is taken, then removed. */
export const REPLAY_ANNOTATION = 'statewire.dev/replay';
/** Labels for people's selectors, beside TRIGGER_LABEL. */
const TRIGGER_NAME_LABEL = 'statewire.dev/trigger-name';
const KIND_LABEL = 'statewire.dev/kind';

/** The object that was given up. */
export interface LetterSubject {
  readonly apiVersion: string;
  readonly kind: string;
  /** Absent for cluster-scoped objects. */
  readonly namespace?: string;
  readonly name: string;
  readonly uid: string;
}

/** How its last delivery failed. */
export interface LetterFailure {
  readonly eventType: EventType;
  readonly resourceVersion: string;
  readonly attempts: number;
  readonly error: { readonly code: string; readonly message: string };
  /** Wall clock, of the first failed attempt since the last success. */
  readonly firstFailedMs: number;
  /** Wall clock. */
  readonly lastFailedMs: number;
}

/** One letter as it is to stand at the API server. */
export interface LetterBody {
  readonly name: string;
  readonly namespace: string;
  readonly subject: LetterSubject;
  readonly trigger: TriggerIdentity;
  /** Whether the trigger is an object of the API, so that it can own the letter. */
  readonly ownable: boolean;
  readonly failure: LetterFailure;
}

/** What a letter at the API server says, as far as the forwarder needs it. */
export interface LetterSight {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** `namespace/name`. */
  readonly trigger: string;
  readonly objectUid: string;
  /** Whether it goes with a trigger of the API. */
  readonly owned: boolean;
  readonly firstFailedAt: string | undefined;
  readonly replay: string | undefined;
}

const MAX_TRIGGER_PART = 40;
const HASH_LENGTH = 10;
/** The CRD's limit. */
const MAX_MESSAGE = 1024;

/**
 * `<trigger, cut at 40>-<10 hex of SHA-256 of "<trigger uid>/<object uid>">`: one name for one trigger and one object. A
 * dot at the cut is left out, because no label of a Kubernetes name begins with a hyphen.
 */
export function deadLetterName(trigger: Pick<TriggerIdentity, 'name' | 'uid'>, objectUid: string): string {
  const part = trigger.name.slice(0, MAX_TRIGGER_PART).replace(/\.$/, '');
  const hash = createHash('sha256').update(`${trigger.uid}/${objectUid}`).digest('hex');
  return `${part}-${hash.slice(0, HASH_LENGTH)}`;
}

/** API path of a letter, or of all letters of a namespace. */
export function deadLetterPath(namespace: string, name = ''): string {
  const path = `/apis/${DEAD_LETTER_API_VERSION}/namespaces/${namespace}/deadletters`;
  return name === '' ? path : `${path}/${name}`;
}

/** The body that creates it. */
export function createBody({ name, namespace, subject, trigger, ownable }: LetterBody): string {
  const owner: Omit<OwnerReference, 'controller' | 'blockOwnerDeletion'> = {
    apiVersion: DEAD_LETTER_API_VERSION,
    kind: 'FunctionTrigger',
    name: trigger.name,
    uid: trigger.uid,
  };
  return JSON.stringify({
    apiVersion: DEAD_LETTER_API_VERSION,
    kind: DEAD_LETTER_KIND,
    metadata: {
      name,
      namespace,
      labels: {
        [TRIGGER_LABEL]: triggerLabelValue(trigger),
        [TRIGGER_NAME_LABEL]: trigger.name,
        [KIND_LABEL]: subject.kind,
      },
      ...(ownable && trigger.namespace === namespace && { ownerReferences: [owner] }),
    },
    spec: { trigger: triggerName(trigger), object: subject },
  });
}

/** The merge patch of its status. `firstFailedAt` is kept where the letter has one already. */
export function statusBody(failure: LetterFailure, firstFailedAt: string | undefined): string {
  const { eventType, resourceVersion, attempts, error, firstFailedMs, lastFailedMs } = failure;
  return JSON.stringify({
    status: {
      eventType,
      resourceVersion,
      attempts,
      error: { code: error.code, message: error.message.slice(0, MAX_MESSAGE) },
      firstFailedAt: firstFailedAt ?? timestamp(firstFailedMs),
      lastFailedAt: timestamp(lastFailedMs),
    },
  });
}

/** Undefined where the object is no letter that the forwarder could have written. */
export function readLetter(object: KubeObject): LetterSight | undefined {
  const { name, namespace, uid, resourceVersion, annotations, ownerReferences = [] } = object.metadata;
  const { spec, status } = object as {
    readonly spec?: { readonly trigger?: unknown; readonly object?: { readonly uid?: unknown } };
    readonly status?: { readonly firstFailedAt?: unknown };
  };
  const trigger = spec?.trigger;
  const objectUid = spec?.object?.uid;
  if (namespace === undefined || typeof trigger !== 'string' || typeof objectUid !== 'string')
    return undefined;
  const firstFailedAt = status?.firstFailedAt;
  return {
    name,
    namespace,
    uid,
    resourceVersion,
    trigger,
    objectUid,
    owned: ownerReferences.length > 0,
    firstFailedAt: typeof firstFailedAt === 'string' ? firstFailedAt : undefined,
    replay: annotations?.[REPLAY_ANNOTATION],
  };
}

/** RFC 3339, UTC, whole seconds. */
function timestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
