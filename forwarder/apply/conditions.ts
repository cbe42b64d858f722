/**
 * Merges the conditions a function states into those an object has, by type, as meta.SetStatusCondition does:
 * `lastTransitionTime` changes only with `status`.
 */
import type { SchemaNode } from '../model/kind-schema.ts';
import { declaredField, isPlainObject, leaveOutUndeclared } from './declared-fields.ts';

/** A condition, complete or as stated. */
export type ConditionValue = Readonly<Record<string, unknown>>;

export interface ConditionsInput {
  /** What the function states; of two with one type the later one counts. */
  readonly stated: readonly ConditionValue[];
  /** `status.conditions` of the newest object. */
  readonly existing: readonly ConditionValue[];
  /** The schema of one item; undefined where it is not known. */
  readonly item: SchemaNode | undefined;
  readonly observedGeneration: number | undefined;
  readonly nowMs: number;
}

export interface MergedConditions {
  /** The stated ones, completed. */
  readonly ours: readonly ConditionValue[];
  /** Stated fields that the schema does not declare. */
  readonly dropped: readonly string[];
}

export function completeConditions(input: ConditionsInput): MergedConditions {
  const existing = new Map(input.existing.map((condition) => [condition['type'], condition]));
  const dropped = new Set<string>();
  const ours = new Map<unknown, ConditionValue>();
  for (const condition of input.stated) {
    const declared = leaveOutUndeclared(condition, input.item, 'status.conditions[]');
    for (const path of declared.dropped) dropped.add(path);
    if (!isPlainObject(declared.value)) continue;
    const before = existing.get(condition['type']);
    ours.set(condition['type'], {
      ...onlyDeclared(input.item, { message: '' }),
      ...declared.value,
      ...onlyDeclared(input.item, {
        lastTransitionTime: transitionTime(before, condition, input.nowMs),
        ...(input.observedGeneration !== undefined && { observedGeneration: input.observedGeneration }),
      }),
    });
  }
  return { ours: [...ours.values()], dropped: [...dropped] };
}

/**
 * The whole list, for a kind whose list is atomic: others keep their conditions and their places.
 *
 * @param gone types that we stated before; those that `ours` no longer has are removed
 */
export function mergeIntoList(
  existing: readonly unknown[],
  ours: readonly ConditionValue[],
  gone: readonly string[],
): unknown[] {
  const byType = new Map(ours.map((condition) => [condition['type'], condition]));
  const merged: unknown[] = [];
  for (const condition of existing) {
    const type = isPlainObject(condition) ? condition['type'] : undefined;
    const own = byType.get(type);
    byType.delete(type);
    if (own !== undefined) merged.push(own);
    else if (typeof type !== 'string' || !gone.includes(type)) merged.push(condition);
  }
  return [...merged, ...byType.values()];
}

/** `status.conditions` where it is a list of conditions; what is no condition is left out. */
export function conditionsOf(status: unknown): ConditionValue[] {
  const list = isPlainObject(status) ? status['conditions'] : undefined;
  return Array.isArray(list)
    ? list.filter((item) => isPlainObject(item) && typeof item['type'] === 'string')
    : [];
}

/** RFC 3339 in UTC with whole seconds, as metav1.Time is written. */
function metaTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

function transitionTime(before: ConditionValue | undefined, stated: ConditionValue, nowMs: number): string {
  const time = before?.['status'] === stated['status'] ? before?.['lastTransitionTime'] : undefined;
  return typeof time === 'string' ? time : metaTime(nowMs);
}

function onlyDeclared(node: SchemaNode | undefined, fields: ConditionValue): ConditionValue {
  if (node === undefined) return fields;
  return Object.fromEntries(Object.entries(fields).filter(([key]) => declaredField(node, key) !== undefined));
}
