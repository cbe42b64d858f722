/** How the parts of a trigger's pipeline say how it goes. */
import type { TriggerIdentity } from '../model/trigger.ts';
import type { ConditionChange } from './conditions.ts';

export interface ObjectCounts {
  readonly watched: number;
  readonly pending: number;
  readonly failing: number;
  readonly deadLettered: number;
}

/** What is absent stays as it was. */
export interface StatusChange {
  readonly conditions?: readonly ConditionChange[];
  readonly objects?: ObjectCounts;
  /** For people: `lambda application`. */
  readonly target?: string;
  /** Said once what was handled is written down where it outlives the process: where it is gone later, it was lost. */
  readonly checkpoint?: 'Written';
}

/** Takes changes at any rate; what becomes of them, and when, is its own business. Never throws. */
export interface TriggerStatusSink {
  /** What the API server holds; before the first `update`, so that a restart changes nothing that is still true. */
  adopt(trigger: TriggerIdentity, status: unknown): void;
  /** `trigger.generation` is the one that the change is about. */
  update(trigger: TriggerIdentity, change: StatusChange): void;
  /** Whether an earlier process has said that it wrote a checkpoint. */
  checkpointOf(trigger: TriggerIdentity): string | undefined;
  /** The reason of a condition as it is now; undefined where nobody has spoken of it. */
  reasonOf(trigger: TriggerIdentity, type: ConditionChange['type']): string | undefined;
  /** The trigger is gone: nothing is written for it any more. */
  forget(trigger: TriggerIdentity): void;
  /** Resolves once all that was told has been written or tried. */
  flush(): Promise<void>;
}
