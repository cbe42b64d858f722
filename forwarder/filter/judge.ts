/**
 * Says of each observation of an object whether it matters to a trigger, or why not, and keeps the object's record.
 *
 * Level-triggered: a record tells at any time whether its object must be sent (`needsDelivery`); an observation only
 * changes the record. No clock, no I/O. What is done about a `pass`, and when, is the pipeline's business; what calls
 * and writes do to a record is in delivery.ts.
 */
import { compareResourceVersions, type ObjectHead } from '../model/delta.ts';
import type { KubeObject } from '../model/kube-object.ts';
import { REDELIVER_ANNOTATION } from '../model/trigger.ts';
import { drop, PASS, type Verdict } from '../model/verdict.ts';
import { type Digest, digestOf, projectDigest } from './digest.ts';
import { addWish, type GoneReason, isOver, isUnmet, newState, NO_DIGEST, ObjectRecord } from './record.ts';
import {
  askGate,
  eventTypeListed,
  hasPendingState,
  isBeforeOurs,
  takeHeld,
  provesByGeneration,
  type Rules,
  updateEnding,
  versionOf,
  wantsDeleted,
} from './rules.ts';
import type { WhenError } from './when-error.ts';

export interface Observation {
  readonly type: 'Listed' | 'Added' | 'Modified';
  readonly head: ObjectHead;
  readonly raw: string;
  /** Parses `raw`; only called where the head does not tell all. */
  readonly object: () => KubeObject;
  /** Part of the trigger's very first list. */
  readonly inFirstSync: boolean;
  /** Wall clock. */
  readonly nowMs: number;
}

export interface Judgement {
  readonly record: ObjectRecord;
  readonly verdict: Verdict;
  /** With the verdict `when-error`. */
  readonly error?: WhenError;
  /** False where something newer is known: these bytes must not replace that. */
  readonly newest: boolean;
}

/** How the annotation's name stands in JSON; in managedFields it has the prefix `f:`. */
const REDELIVER_MARK = JSON.stringify(REDELIVER_ANNOTATION);

export function observe(known: ObjectRecord | undefined, seen: Observation, rules: Rules): Judgement {
  return known === undefined ? meet(seen, rules) : meetAgain(known, seen, rules);
}

/** First sight of an object. */
function meet(seen: Observation, rules: Rules): Judgement {
  const object = seen.object();
  const digest = digestOf(object, rules.recipe);
  const record = new ObjectRecord(seen.head, rules.recipe, digest, versionOf(seen.head, rules), seen.nowMs);
  // A value that was there before our first sight is no wish for this trigger.
  record.redeliverSeen = redeliverValue(object);
  takeHeld(record, { ...seen.head, raw: seen.raw, object: () => object }, rules);
  if (updateEnding(record, rules)) return judgeState(record, object, rules);
  if (seen.inFirstSync && rules.initial === 'Skip') {
    moveSilently(record);
    return { record, verdict: drop('baseline'), newest: true };
  }
  return judgeState(record, object, rules);
}

function meetAgain(record: ObjectRecord, seen: Observation, rules: Rules): Judgement {
  const { head } = seen;
  if (isStale(record, seen)) {
    const newest = record.gone === undefined && head.resourceVersion === record.resourceVersion;
    return { record, verdict: drop(newest && record.ownWrite ? 'own-write' : 'seen'), newest };
  }
  const afresh = record.recheck || record.gone !== undefined;
  const sameGeneration = head.generation !== undefined && head.generation === record.generation;
  const doubtful = isDoubtful(record, head, sameGeneration, rules);
  if (record.gone !== undefined) comeBack(record, head, rules);
  record.recheck = false;
  record.restored = undefined;
  record.ownWrite = false;
  record.resourceVersion = head.resourceVersion;
  record.generation = head.generation;
  record.deleting ||= head.deleting;
  takeHeld(record, { ...head, raw: seen.raw, object: seen.object }, rules);
  const ends = updateEnding(record, rules);
  if (ends) beginEnd(record, seen.nowMs);

  // Whatever the bytes: a new default in the CRD changes them, and is nobody's change.
  const sameState =
    sameGeneration && rules.generationTells && rules.recipe.onlySpec && record.recipe.id === rules.recipe.id;
  const marked = seen.raw.includes(REDELIVER_MARK);
  // `when` may look at what does not count.
  const asksWhen = rules.when !== undefined && (isUnmet(record) || record.wish !== undefined);
  if (sameState && !marked && !asksWhen && !afresh && !ends) {
    return { record, verdict: drop(record.deleting ? 'deleting' : 'unchanged'), newest: true };
  }

  const object = seen.object();
  // Of what is held for its end alone, the end is told, with the attempts and the backoff of that, whatever it looks like.
  const isEnding = record.ending && !ends;
  let changed = !sameState && !isEnding && takeState(record, seen, object, rules, sameGeneration);
  if (doubtful && !isEnding) {
    if (!changed) newState(record, versionOf(head, rules), seen.nowMs);
    record.touched ||= record.phase !== 'new';
    record.unsaved = true;
    changed = true;
  }
  const asked = marked && takeRedeliver(record, object);
  const gateBefore = record.gate;
  const judgement = judgeState(record, object, rules);
  const opened = (gateBefore === 'closed' || gateBefore === 'failed') && record.gate === 'open';
  const news = changed || asked || afresh || opened || ends;
  return judgement.verdict.kind === 'pass' && !news
    ? { record, verdict: drop('unchanged'), newest: true }
    : judgement;
}

/**
 * Whether an observation is older than what is known. An object that left the selection may be listed again with the
 * version it left with; the watch brings it back with a newer one.
 */
function isStale(record: ObjectRecord, { type, head }: Observation): boolean {
  const { gone } = record;
  // Who was away does not know what the server has been through.
  if (record.restored !== undefined) return false;
  if (isBeforeOurs(record, head.resourceVersion)) return true;
  if (gone !== undefined) {
    return type !== 'Listed' && compareResourceVersions(head.resourceVersion, gone.resourceVersion) <= 0;
  }
  const order = compareResourceVersions(head.resourceVersion, record.resourceVersion);
  return order < 0 || (order === 0 && !record.recheck);
}

/**
 * Whether another state may have been sent between the one that a checkpoint tells of and this, without being written
 * down. A digest alone does not rule that out: the object may have been there and back.
 */
function isDoubtful(
  { restored, recipe, resourceVersion }: ObjectRecord,
  head: ObjectHead,
  sameGeneration: boolean,
  rules: Rules,
): boolean {
  if (restored === undefined || restored.clean || head.resourceVersion === resourceVersion) return false;
  if (sameGeneration && restored.byGeneration && provesByGeneration(rules) && recipe.onlySpec) return false;
  return restored.upTo === undefined || compareResourceVersions(head.resourceVersion, restored.upTo) > 0;
}

/** The object is in the selection again before its `deleted` was done. */
function comeBack(record: ObjectRecord, head: ObjectHead, rules: Rules): void {
  if (record.gone?.started === true) {
    // The function may have cleaned up already: to it, this is a new object.
    record.phase = 'new';
    record.handled = NO_DIGEST;
    record.touched = false;
    record.version = versionOf(head, rules);
  }
  record.gone = undefined;
  // What is being deleted has not been sent since.
  record.told &&= head.deleting;
  record.attempts = 0;
  record.exhausted = false;
  record.unsaved = true;
}

/** The end of the object is due: it has attempts of its own, and nothing else is wished any more. */
function beginEnd(record: ObjectRecord, nowMs: number): void {
  record.firstSeenMs = nowMs;
  record.attempts = 0;
  record.exhausted = false;
  record.wish = undefined;
  record.unsaved = true;
}

/** Takes in the newest state; true where what counts has changed. */
function takeState(
  record: ObjectRecord,
  seen: Observation,
  object: KubeObject,
  rules: Rules,
  sameGeneration: boolean,
): boolean {
  const digest = digestOf(object, rules.recipe);
  if (record.recipe.id !== rules.recipe.id)
    changeRecipe(record, seen.head, { object, digest, sameGeneration }, rules);
  if (digest === record.current) return false;
  // The same string where the object is back at the handled state: it is held once.
  record.current = digest === record.handled ? record.handled : digest;
  newState(record, versionOf(seen.head, rules), seen.nowMs);
  return true;
}

/**
 * What counts was edited. Where the new recipe counts nothing but what the old one did, the known digests tell all.
 * Otherwise an object that has not changed by the old recipe is taken as it is, silently.
 */
function changeRecipe(
  record: ObjectRecord,
  head: ObjectHead,
  seen: { readonly object: KubeObject; readonly digest: Digest; readonly sameGeneration: boolean },
  rules: Rules,
): void {
  const { object, digest, sameGeneration } = seen;
  const { recipe, generationTells } = rules;
  const old = record.recipe;
  record.recipe = recipe;
  record.unsaved = true;
  const current = projectDigest(record.current, old, recipe);
  if (current !== undefined) {
    record.handled = projectDigest(record.handled, old, recipe) ?? NO_DIGEST;
    record.current = current === record.handled ? record.handled : current;
    return;
  }
  const byOld = sameGeneration && old.onlySpec && generationTells ? record.current : digestOf(object, old);
  const sameState = byOld === record.current;
  record.handled = byOld === record.handled ? digest : NO_DIGEST;
  // Equal to no digest where the state is another one, so that it gets a name of its own.
  record.current = sameState ? digest : NO_DIGEST;
  // By what counts now, the old name may stand for another state already.
  record.version = versionOf(head, rules);
}

/** Says what becomes of the newest state. */
function judgeState(record: ObjectRecord, object: KubeObject, rules: Rules): Judgement {
  const said = (verdict: Verdict): Judgement => ({ record, verdict, newest: true });
  if (record.ending && wantsDeleted(record, rules) && (!record.exhausted || record.wish !== undefined))
    return said(rules.suspend ? drop('suspended') : PASS);
  if (record.deleting) return said(drop('deleting'));
  if (isUnmet(record) && !eventTypeListed(record, rules)) {
    moveSilently(record);
    if (record.wish === undefined) return said(drop('event-type'));
  }
  if (!hasPendingState(record) && record.wish === undefined) return said(drop('unchanged'));
  const error = askGate(record, object, rules);
  if (error !== undefined) return { ...said(drop('when-error')), error };
  if (record.gate === 'closed') return said(drop('when-false'));
  return said(rules.suspend ? drop('suspended') : PASS);
}

/** What is there now is what later states are compared with. */
function moveSilently(record: ObjectRecord): void {
  if (record.phase === 'new') record.phase = 'baseline';
  record.handled = record.current;
  record.touched = false;
  record.exhausted = false;
  record.unsaved = true;
}

/** True where the redeliver annotation has a new value. */
function takeRedeliver(record: ObjectRecord, object: KubeObject): boolean {
  const value = redeliverValue(object);
  if (value === undefined || value === record.redeliverSeen) return false;
  record.redeliverSeen = value;
  addWish(record, { reason: 'Redeliver', value });
  return true;
}

function redeliverValue(object: KubeObject): string | undefined {
  return object.metadata.annotations?.[REDELIVER_ANNOTATION];
}

/**
 * The object is gone. After a drop its record is to be forgotten; after a pass it is kept until its `deleted` has
 * succeeded, also while the trigger is suspended.
 */
export function judgeGone(
  record: ObjectRecord,
  gone: { readonly reason: GoneReason; readonly resourceVersion: string; readonly nowMs: number },
  rules: Pick<Rules, 'eventTypes' | 'hold'>,
): Verdict {
  const { reason, resourceVersion, nowMs } = gone;
  // Where the deletion was told already, or tried, that goes on.
  if (!isOver(record)) beginEnd(record, nowMs);
  record.ending = false;
  if (record.held && rules.hold?.selects === false) {
    // Somebody else has removed the finalizer.
    record.held = false;
  }
  record.gone = { reason, resourceVersion, started: record.gone?.started ?? false };
  record.restored = undefined;
  record.unsaved = true;
  if (!rules.eventTypes.includes('Deleted')) return drop('event-type');
  if (record.told) return drop('unchanged');
  return wantsDeleted(record, rules) ? PASS : drop('never-started');
}
