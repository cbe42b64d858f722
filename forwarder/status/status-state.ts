/** What is known of one trigger's status, as the API server would store it. */
import type { TriggerIdentity } from '../model/trigger.ts';
import { completeConditions, type Condition, readConditions, setCondition } from './conditions.ts';
import type { ObjectCounts, StatusChange } from './trigger-status.ts';

export interface StatusState {
  readonly trigger: TriggerIdentity;
  readonly conditions: readonly Condition[];
  readonly objects?: ObjectCounts;
  readonly target?: string;
  readonly checkpoint?: string;
}

/** The state after a change; of a new generation, all conditions are about that one. */
export function changed(
  state: StatusState | undefined,
  trigger: TriggerIdentity,
  { conditions = [], objects = state?.objects, target = state?.target, checkpoint }: StatusChange,
  nowMs: number,
): StatusState {
  const observedGeneration = trigger.generation;
  const written = checkpoint ?? state?.checkpoint;
  let list = state?.conditions ?? [];
  for (const change of conditions) list = setCondition(list, { ...change, observedGeneration }, nowMs);
  return {
    trigger,
    conditions: completeConditions(list, observedGeneration, nowMs),
    ...(objects === undefined ? {} : { objects }),
    ...(target === undefined ? {} : { target }),
    ...(written === undefined ? {} : { checkpoint: written }),
  };
}

/** What a status from the API server says; undefined where there is nothing of ours. */
export function adopted(trigger: TriggerIdentity, status: unknown): StatusState | undefined {
  const conditions = readConditions(status);
  if (conditions.length === 0) return undefined;
  const { objects, target, checkpoint, observedGeneration } = status as {
    objects?: Partial<ObjectCounts>;
    target?: unknown;
    checkpoint?: unknown;
    observedGeneration?: unknown;
  };
  const generation = typeof observedGeneration === 'number' ? observedGeneration : 0;
  return {
    trigger: { ...trigger, generation },
    conditions,
    ...(objects === undefined ? {} : { objects: countsOf(objects) }),
    ...(typeof target === 'string' ? { target } : {}),
    ...(typeof checkpoint === 'string' ? { checkpoint } : {}),
  };
}

function countsOf({
  watched = 0,
  pending = 0,
  failing = 0,
  deadLettered = 0,
}: Partial<ObjectCounts>): ObjectCounts {
  return { watched, pending, failing, deadLettered };
}

const bodies = new WeakMap<StatusState, string>();

/** The apply body. Equal states give equal bytes. */
export function applyBody(state: StatusState): string {
  const body = bodies.get(state) ?? writeBody(state);
  bodies.set(state, body);
  return body;
}

function writeBody({ trigger, conditions, objects, target, checkpoint }: StatusState): string {
  return JSON.stringify({
    apiVersion: 'statewire.dev/v1alpha1',
    kind: 'FunctionTrigger',
    metadata: { name: trigger.name, namespace: trigger.namespace },
    status: {
      observedGeneration: trigger.generation,
      target,
      checkpoint,
      objects: objects === undefined ? undefined : countsOf(objects),
      conditions,
    },
  });
}

/** Whether two states differ in nothing but the counts. */
export function sameButCounts(a: StatusState, b: StatusState): boolean {
  const withoutCounts = ({ objects: _objects, ...rest }: StatusState): string => writeBody(rest);
  return withoutCounts(a) === withoutCounts(b);
}
