/**
 * What a trigger's statement about an object comes to, as the body of one server-side apply. Pure: the newest object,
 * its schema and the function's result go in; what to write, if anything, and what had to be left out come out.
 */
import { equalJson } from '../lib/equal-json.ts';
import { type FieldSet, type ManagedEntry, ownedBy } from '../lib/fields-v1.ts';
import type { KindSchema, SchemaNode } from '../model/kind-schema.ts';
import type { KubeObject } from '../model/kube-object.ts';
import { alreadyApplied } from './already-applied.ts';
import { type ConditionValue, completeConditions, conditionsOf, mergeIntoList } from './conditions.ts';
import { isTriggerManager, leaveOutContested } from './contested-fields.ts';
import { declaredField, isPlainObject, leaveOutUndeclared } from './declared-fields.ts';

export interface StatusPlanInput {
  /** The newest state known. */
  readonly object: KubeObject;
  /** undefined where it cannot be read: then nothing is left out, and nothing added that might not be declared. */
  readonly schema: KindSchema | undefined;
  readonly manager: string;
  readonly status: Readonly<Record<string, unknown>> | undefined;
  readonly conditions: readonly ConditionValue[] | undefined;
  readonly deliveredGeneration: number | undefined;
  /** Types of conditions stated last time; needed where the list is atomic. */
  readonly statedTypes: readonly string[];
  readonly nowMs: number;
}

export interface StatusPlan {
  /** `write`: `status` (undefined: none) is to be applied. `unchanged`: the object has it already. `older`: a newer generation is stated. */
  readonly action: 'write' | 'unchanged' | 'older';
  readonly status: Readonly<Record<string, unknown>> | undefined;
  /** Paths the schema does not declare. */
  readonly undeclared: readonly string[];
  /** Paths other triggers own. */
  readonly contested: readonly string[];
  /** To be passed as `statedTypes` next time; empty where the list merges by key. */
  readonly statedTypes: readonly string[];
}

export function planStatus(input: StatusPlanInput): StatusPlan {
  const { object, manager } = input;
  const node = input.schema?.field(['status']);
  const live = object['status'];
  const ours = ownedStatus(object, (entry) => entry.manager === manager && entry.operation === 'Apply');
  const statement =
    input.schema !== undefined && node === undefined ? undeclaredStatus(input) : declaredStatus(input, node);
  const theirs = ownedStatus(object, (entry) => entry.manager !== manager && isTriggerManager(entry.manager));
  const { value: fields, contested } = leaveOutContested(statement.fields, theirs, node, 'status');
  const conditions = planConditions(input, statement.conditions, node, ours, theirs);
  const status = {
    ...observedGeneration(input, node),
    ...(isPlainObject(fields) ? fields : {}),
    ...(conditions.list.length > 0 && { conditions: conditions.list }),
  };
  const stated = Object.keys(status).length > 0 ? status : undefined;
  const rest = {
    status: stated,
    undeclared: [...statement.undeclared, ...conditions.undeclared],
    contested: [...contested, ...conditions.contested],
    statedTypes: conditions.statedTypes,
  };
  if (olderThanStated(input, ours)) return { action: 'older', ...rest };
  return { action: alreadyApplied(stated ?? {}, live, ours) ? 'unchanged' : 'write', ...rest };
}

interface Statement {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly conditions: readonly ConditionValue[];
  readonly undeclared: readonly string[];
}

/** Splits what is stated into plain fields, less the undeclared ones, and conditions. */
function declaredStatus(input: StatusPlanInput, node: SchemaNode | undefined): Statement {
  const { conditions: nested, ...plain } = input.status ?? {};
  // What is in `status.conditions` but is no list of conditions is a field like any other.
  const areConditions =
    Array.isArray(nested) && nested.length === conditionsOf({ conditions: nested }).length;
  const fields = nested === undefined || areConditions ? plain : { ...plain, conditions: nested };
  const conditions = [
    ...(areConditions ? conditionsOf({ conditions: nested }) : []),
    ...(input.conditions ?? []),
  ];
  const declared = leaveOutUndeclared(fields, node, 'status');
  const known = node === undefined || declaredField(node, 'conditions') !== undefined;
  return {
    fields: isPlainObject(declared.value) ? declared.value : {},
    conditions: known ? conditions : [],
    undeclared:
      known || conditions.length === 0 ? declared.dropped : [...declared.dropped, 'status.conditions'],
  };
}

/** The kind declares no status at all. */
function undeclaredStatus(input: StatusPlanInput): Statement {
  const stated = Object.keys(input.status ?? {}).length + (input.conditions?.length ?? 0);
  return { fields: {}, conditions: [], undeclared: stated > 0 ? ['status'] : [] };
}

interface ConditionsPlan {
  readonly list: readonly unknown[];
  readonly undeclared: readonly string[];
  readonly contested: readonly string[];
  readonly statedTypes: readonly string[];
}

function planConditions(
  input: StatusPlanInput,
  stated: readonly ConditionValue[],
  node: SchemaNode | undefined,
  ours: FieldSet | undefined,
  theirs: FieldSet | undefined,
): ConditionsPlan {
  const existing = conditionsOf(input.object['status']);
  const listNode = node === undefined ? undefined : asNode(declaredField(node, 'conditions'));
  const { ours: own, dropped } = completeConditions({
    stated,
    existing,
    item: listNode?.items,
    observedGeneration: input.deliveredGeneration,
    nowMs: input.nowMs,
  });
  if (mergesByType(listNode, input.object)) {
    const free = leaveOutContested(own, theirs?.child('f:conditions'), listNode, 'status.conditions');
    const list = Array.isArray(free.value) ? free.value : [];
    return { list, undeclared: dropped, contested: free.contested, statedTypes: [] };
  }
  const statedTypes = own.flatMap(({ type }) => (typeof type === 'string' ? [type] : []));
  const list = mergeIntoList(listOf(input.object), own, input.statedTypes);
  // An equal list that somebody else owns is not taken over: that would be a write that changes nothing.
  const leave = ours?.child('f:conditions') === undefined && equalJson(list, listOf(input.object));
  return { list: leave ? [] : list, undeclared: dropped, contested: [], statedTypes };
}

/** Without a schema, managedFields tell: items that somebody owns one by one merge by key. */
function mergesByType(list: SchemaNode | undefined, object: KubeObject): boolean {
  if (list !== undefined) return list.listType === 'map' && list.listMapKeys?.join() === 'type';
  return ownedStatus(object, () => true)?.child('f:conditions')?.hasChildren === true;
}

/** The generation delivered, where the schema has a place for it and nobody else fills that. */
function observedGeneration(
  input: StatusPlanInput,
  node: SchemaNode | undefined,
): Readonly<Record<string, number>> {
  const { object, manager, deliveredGeneration } = input;
  if (deliveredGeneration === undefined || node?.properties?.['observedGeneration'] === undefined) return {};
  const theirs = ownedStatus(object, (entry) => entry.manager !== manager);
  return theirs?.child('f:observedGeneration') === undefined
    ? { observedGeneration: deliveredGeneration }
    : {};
}

/** Whether our statement in the object is about a newer generation than this one. */
function olderThanStated(input: StatusPlanInput, ours: FieldSet | undefined): boolean {
  const { object, deliveredGeneration } = input;
  const live = object['status'];
  const stated = isPlainObject(live) ? live['observedGeneration'] : undefined;
  // A function may have put any number there; one that the object has not reached says nothing.
  const believable = typeof stated === 'number' && stated <= (object.metadata.generation ?? 0);
  const own = ours?.child('f:observedGeneration') !== undefined;
  return own && believable && deliveredGeneration !== undefined && deliveredGeneration < stated;
}

/** `status.conditions` as it stands, whatever is in it. */
function listOf(object: KubeObject): readonly unknown[] {
  const live = object['status'];
  const list = isPlainObject(live) ? live['conditions'] : undefined;
  return Array.isArray(list) ? list : [];
}

function ownedStatus(object: KubeObject, predicate: (entry: ManagedEntry) => boolean): FieldSet | undefined {
  return ownedBy(object.metadata.managedFields, predicate).child('f:status');
}

function asNode(field: SchemaNode | true | undefined): SchemaNode | undefined {
  return field === true ? undefined : field;
}
