import type { ResultCondition } from '../../../protocol/result.ts';
import type { KubernetesObject } from '../custom-resource.ts';
import type { StatusStatement } from './cluster.ts';

/** How much is added to a condition; less, where the kind's schema does not declare it. */
export type Additions = 'all' | 'times' | 'none';

type Fields = Readonly<Record<string, unknown>>;

interface StatusInput {
  readonly current: KubernetesObject;
  readonly statement: StatusStatement;
  readonly fieldManager: string;
  /** Of the state that the statement is about. */
  readonly generation: number | undefined;
  readonly nowMs: number;
  readonly additions: Additions;
}

/** `status` as it is to be applied: `lastTransitionTime` changes only with a condition's status. */
export function statusBody(input: StatusInput): Record<string, unknown> {
  const { statement, current } = input;
  const { status = {}, conditions } = statement;
  if (conditions === undefined) return { ...status };
  const existing = conditionsOf(current);
  const own = conditions.map((condition) => complete(condition, existing, input));
  const types = new Set(own.map(({ type }) => type));
  // An atomic list is one value: what others have in it is kept by being said again.
  const others = isAtomic(current) ? existing.filter(({ type }) => !types.has(type)) : [];
  return { ...status, conditions: [...others, ...own] };
}

/** Whether what this manager stated about the object is about a newer generation. */
export function statesNewer({ current, statement, fieldManager, generation }: StatusInput): boolean {
  if (generation === undefined) return false;
  const types = new Set((statement.conditions ?? []).map(({ type }) => type as unknown));
  const owns = managedFields(current).some(
    ({ manager, fieldsV1 }) => manager === fieldManager && fieldsV1?.['f:status'] !== undefined,
  );
  const stated = conditionsOf(current).flatMap(({ type, observedGeneration }) =>
    types.has(type) ? [observedGeneration] : [],
  );
  // A number that the object has not reached says nothing.
  const reached = current.metadata.generation ?? 0;
  return owns && stated.some((one) => typeof one === 'number' && one <= reached && one > generation);
}

function complete(condition: ResultCondition, existing: readonly Fields[], input: StatusInput): Fields {
  if (input.additions === 'none') return { ...condition };
  const before = existing.find(({ type }) => type === condition.type);
  const since = before?.['status'] === condition.status ? before['lastTransitionTime'] : undefined;
  return {
    message: '',
    ...condition,
    lastTransitionTime: since ?? `${new Date(input.nowMs).toISOString().slice(0, 19)}Z`,
    ...(input.additions === 'all' &&
      input.generation !== undefined && { observedGeneration: input.generation }),
  };
}

function conditionsOf({ status }: KubernetesObject): readonly Fields[] {
  const list = (status as { conditions?: unknown } | null | undefined)?.conditions;
  return Array.isArray(list) ? (list as Fields[]) : [];
}

interface ManagedEntry {
  readonly manager?: string;
  readonly fieldsV1?: Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>;
}

function managedFields({ metadata }: KubernetesObject): readonly ManagedEntry[] {
  return (metadata['managedFields'] as readonly ManagedEntry[] | undefined) ?? [];
}

/** Items of a list that merges by key are owned one by one, `k:{"type":"Ready"}`. */
function isAtomic(current: KubernetesObject): boolean {
  const owned = managedFields(current).flatMap(({ fieldsV1 }) => {
    const list = fieldsV1?.['f:status']?.['f:conditions'];
    return typeof list === 'object' && list !== null ? [Object.keys(list)] : [];
  });
  return owned.length > 0 && !owned.flat().some((key) => key.startsWith('k:'));
}
