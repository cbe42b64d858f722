/** What a trigger says, as far as it concerns judging, and what a record comes to by it. */
import type { EventType } from '../../protocol/event.ts';
import { compareResourceVersions, type ObjectHead } from '../model/delta.ts';
import type { KubeObject } from '../model/kube-object.ts';
import type { Resource } from '../model/resource.ts';
import type { TriggerSpec } from '../model/trigger.ts';
import { drop, PASS, type Verdict } from '../model/verdict.ts';
import type { Recipe } from './recipe.ts';
import { isOver, isUnmet, type ObjectRecord } from './record.ts';
import { WhenError } from './when-error.ts';

/** A compiled `spec.when`. */
export interface Gatekeeper {
  /** Throws WhenError. */
  test(object: KubeObject): boolean;
}

export interface Rules extends Pick<TriggerSpec, 'eventTypes' | 'initial' | 'suspend'> {
  readonly recipe: Recipe;
  readonly when?: Gatekeeper | undefined;
  /** Whether an equal generation means an equal spec. */
  readonly generationTells: boolean;
  /** What names a state in event ids. */
  readonly versionBy: 'generation' | 'resourceVersion';
  /** How objects are held until their `deleted` has succeeded; absent: never, and nothing is known of it. */
  readonly hold?: HoldRules;
  /** The trigger is going: only what is being deleted and held is still told. */
  readonly leaving?: boolean;
}

export interface HoldRules {
  /** The finalizer's name. */
  readonly finalizer: string;
  /** False: what is held is released. */
  readonly enabled: boolean;
  /** Whether an object may leave the selection and still be there. */
  readonly selects: boolean;
}

/**
 * Kinds that have a generation and yet leave it alone when their spec changes: binding sets the node of a Pod behind
 * its back, and a PriorityClass has 1 for ever (pkg/registry of Kubernetes 1.36.3). Custom resources raise it always,
 * without a status subresource for their status too (tried there).
 */
const SILENT_KINDS = new Set(['/Pod', 'scheduling.k8s.io/PriorityClass']);

/** Whether an equal generation means an equal spec. */
export function generationTells({ group, kind }: Pick<Resource, 'group' | 'kind'>): boolean {
  return !SILENT_KINDS.has(`${group}/${kind}`);
}

/** By generation where only the spec counts, and nothing but the kind selects: an object that returns is another state. */
export function versionRule(
  { watch }: Pick<TriggerSpec, 'watch'>,
  recipe: Recipe,
  tells: boolean,
): Rules['versionBy'] {
  const { labelSelector = '', fieldSelector = '' } = watch;
  return tells && recipe.onlySpec && labelSelector === '' && fieldSelector === ''
    ? 'generation'
    : 'resourceVersion';
}

/**
 * Whether an equal generation proves that no other state that counts was in between. Where something selects it does not:
 * the object may have left and come back, and its function have been told of an end.
 */
export function provesByGeneration({ versionBy }: Pick<Rules, 'versionBy'>): boolean {
  return versionBy === 'generation';
}

/** How a state is named that was first seen with this head. */
export function versionOf(
  head: Pick<ObjectHead, 'generation' | 'resourceVersion'>,
  { versionBy }: Pick<Rules, 'versionBy'>,
): string {
  return versionBy === 'generation' && head.generation !== undefined
    ? `g${head.generation}`
    : head.resourceVersion;
}

/** The type of what would be sent for a record now. */
export function eventTypeOf(record: ObjectRecord): EventType {
  if (isOver(record)) return 'Deleted';
  return record.phase === 'new' ? 'Created' : 'Updated';
}

export function eventTypeListed(record: ObjectRecord, { eventTypes }: Pick<Rules, 'eventTypes'>): boolean {
  return eventTypes.includes(eventTypeOf(record));
}

/** Whether the newest state itself is to be sent, beside all wishes. */
export function hasPendingState(record: ObjectRecord): boolean {
  return isUnmet(record) && !record.exhausted;
}

/**
 * Whether the object must be sent now. Ask again right before a delivery is built: what was waited for may have gone.
 * Where `gate` is `unknown` this says yes, and `admit` has the last word.
 */
export function needsDelivery(record: ObjectRecord, rules: Rules): boolean {
  if (rules.suspend) return false;
  if (rules.leaving === true && !(record.held && record.deleting)) return false;
  if (isOver(record)) {
    return wantsDeleted(record, rules) && (!record.exhausted || record.wish !== undefined);
  }
  if (record.deleting) return false;
  if (rules.when !== undefined && (record.gate === 'closed' || record.gate === 'failed')) return false;
  if (record.wish !== undefined) return true;
  return hasPendingState(record) && eventTypeListed(record, rules);
}

/**
 * Whether a function must hear that the object is gone: it must know of it, and have asked. The finalizer proves that it
 * may know, whatever else was forgotten.
 */
export function wantsDeleted(record: ObjectRecord, rules: Pick<Rules, 'eventTypes'>): boolean {
  if (record.told || !rules.eventTypes.includes('Deleted')) return false;
  return record.phase !== 'new' || record.started || record.held;
}

/** Whether the object must carry the finalizer from now on, if it does not already. */
export function wantsHold(record: ObjectRecord, { hold, leaving, suspend }: Rules): boolean {
  return (
    hold?.enabled === true && leaving !== true && !suspend && !record.deleting && record.gone === undefined
  );
}

/** What follows from whether the object is deleted and held; true where its end is due from now on. */
export function updateEnding(record: ObjectRecord, { hold }: Pick<Rules, 'hold'>): boolean {
  const before = record.ending;
  record.ending = record.deleting && record.held && hold?.enabled === true && record.gone === undefined;
  return record.ending && !before;
}

/** Whether that version of the object is from before the last write of ours. */
export function isBeforeOurs(
  { writtenAt }: Pick<ObjectRecord, 'writtenAt'>,
  resourceVersion: string,
): boolean {
  return writtenAt !== undefined && compareResourceVersions(resourceVersion, writtenAt) < 0;
}

/** An object as it was at some time. */
export interface HeldState {
  readonly resourceVersion: string;
  readonly raw: string;
  /** Parses `raw`. */
  readonly object: () => KubeObject;
}

/**
 * Notes whether the object carries the trigger's finalizer, which proves that the function may know of it; it is only
 * parsed where that may have changed.
 */
export function takeHeld(
  record: ObjectRecord,
  { resourceVersion, raw, object }: HeldState,
  { hold }: Pick<Rules, 'hold'>,
): void {
  if (isBeforeOurs(record, resourceVersion)) return;
  record.held =
    hold !== undefined &&
    raw.includes(`"${hold.finalizer}"`) &&
    (record.held || object().metadata.finalizers?.includes(hold.finalizer) === true);
  record.started ||= record.held;
}

/** Asks `when` where it has not been asked of the newest state: the last look before a delivery that is no deletion. */
export function admit(record: ObjectRecord, object: KubeObject, rules: Rules): Verdict {
  if (isOver(record) || rules.when === undefined || record.gate === 'open') return PASS;
  if (askGate(record, object, rules) !== undefined) return drop('when-error');
  return record.gate === 'closed' ? drop('when-false') : PASS;
}

/** Asks `when` of the newest state and remembers what it said; returns the error where it could not be evaluated. */
export function askGate(record: ObjectRecord, object: KubeObject, { when }: Rules): WhenError | undefined {
  try {
    record.gate = when === undefined || when.test(object) ? 'open' : 'closed';
    return undefined;
  } catch (error) {
    if (!(error instanceof WhenError)) throw error;
    record.gate = 'failed';
    return error;
  }
}
