/** One call of a function: what dispatch builds and a target delivers. */
import type { EventAttributes, EventData } from '../../protocol/event.ts';
import type { KubeObject, ObjectKey } from './kube-object.ts';

export interface Invocation {
  readonly key: ObjectKey;
  readonly attributes: EventAttributes;
  /** `data` as JSON text: already redacted and within the target's limit. */
  readonly dataJson: string;
  /** Set where it holds a credential, too: the field of the trigger that says so. Then it is not sent in clear. */
  readonly confidentialBy?: string;
  /** 64 hex of SHA-256 over the trigger's uid and the event id. */
  readonly idempotencyKey: string;
  /** Monotonic clock: the call must be over by then. */
  readonly deadlineMs: number;
  /** The whole time the call may take, in milliseconds. */
  readonly timeoutMs: number;
}

/** Data before it becomes text: what the size ladder works on. */
export type InvocationData = EventData<KubeObject>;
