/**
 * What calls of the function and writes of its results do to a record. Pure transitions; the pipeline makes them in
 * the order in which things happen.
 */
import type { ChangeClass, EventType, Reason } from '../../protocol/event.ts';
import { compareResourceVersions, type ObjectHead } from '../model/delta.ts';
import type { KubeObject } from '../model/kube-object.ts';
import { drop, PASS, type Verdict } from '../model/verdict.ts';
import { changedClasses, type Digest, digestOf, projectDigest } from './digest.ts';
import type { Recipe } from './recipe.ts';
import { addWish, isOver, isUnmet, newState, NO_DIGEST, type ObjectRecord, type Wish } from './record.ts';
import { eventTypeOf, hasPendingState, provesByGeneration, type Rules, versionOf } from './rules.ts';

/** One call, as it was when it began: what comes of it is said of this, whatever the record has become meanwhile. */
export interface Flight {
  readonly eventType: EventType;
  readonly reason: Reason;
  /** For the event's id; of no use in deletions. */
  readonly version: string;
  /** Set where the state itself needs no delivery: gives the id its further part. */
  readonly named: Wish | undefined;
  /** Every wish that this call fulfils. */
  readonly wish: Wish | undefined;
  /** For updates, where it is known. */
  readonly changed: readonly ChangeClass[] | undefined;
  /** From 1. */
  readonly attempt: number;
  /** The record's `state`, its digest and with what that was made. */
  readonly state: number;
  readonly digest: Digest;
  readonly recipe: Recipe;
}

/** A call begins. */
export function begin(record: ObjectRecord): Flight {
  const { gone, wish, phase, handled, current, recipe } = record;
  const over = isOver(record);
  const named = !over && !hasPendingState(record) ? wish : undefined;
  const flight: Flight = {
    eventType: eventTypeOf(record),
    reason: gone?.reason ?? (over ? 'Deleted' : (named?.reason ?? 'Watch')),
    version: record.version,
    named,
    wish,
    changed: !over && phase !== 'new' ? changedClasses(handled, current, recipe) : undefined,
    attempt: record.attempts + 1,
    state: record.state,
    digest: current,
    recipe,
  };
  const touches = phase !== 'new' && current !== handled;
  record.unsaved ||= !record.started || (gone === undefined ? touches && !record.touched : !gone.started);
  record.started = true;
  record.sending = wish;
  record.wish = undefined;
  if (!over) record.touched ||= touches;
  if (gone !== undefined) record.gone = { ...gone, started: true };
  return flight;
}

/** Whether the object is still there and held, although the function hears of its end. */
export function isKept(record: ObjectRecord): boolean {
  // What is gone from a selection is held until a read has shown that it is no more.
  return record.held && isOver(record);
}

/** The call succeeded. True where this was the end of the object: its record is to be forgotten. */
export function succeed(record: ObjectRecord, flight: Flight): boolean {
  record.sending = undefined;
  record.unsaved = true;
  if (flight.eventType === 'Deleted') {
    if (!isKept(record)) return record.gone !== undefined;
    record.told = true;
    return false;
  }
  const sameState = record.state === flight.state;
  // By state first: an own write may have given the same state another digest, an edited trigger another recipe.
  const delivered = sameState ? record.current : digestInRecipe(flight, record.recipe);
  record.handled = delivered === record.current ? record.current : delivered;
  record.phase = 'handled';
  record.touched = false;
  if (sameState && !isOver(record)) {
    record.attempts = 0;
    record.exhausted = false;
  }
  return false;
}

/** The result of a call that has succeeded is yet to be written. */
export function owe(record: ObjectRecord, { eventType, named }: Flight): void {
  if (eventType === 'Deleted') return;
  record.owed = { created: eventType === 'Created', wish: named };
  record.unsaved = true;
}

/** It was written, or was refused for good. */
export function settleDebt(record: ObjectRecord): void {
  if (record.owed === undefined) return;
  record.owed = undefined;
  record.unsaved = true;
}

function digestInRecipe({ digest, recipe }: Flight, now: Recipe): Digest {
  return recipe.id === now.id ? digest : (projectDigest(digest, recipe, now) ?? NO_DIGEST);
}

/**
 * The call failed. `attempts` counts what this state has used up (target failures use up none); `exhausted` means that
 * nothing more is tried. A state that came meanwhile keeps its own attempts.
 */
export function fail(
  record: ObjectRecord,
  flight: Flight,
  { attempts, exhausted }: { readonly attempts: number; readonly exhausted: boolean },
): void {
  const newWish = record.wish;
  record.sending = undefined;
  const isDeletion = flight.eventType === 'Deleted';
  const sameState = isOver(record) === isDeletion && (isDeletion || record.state === flight.state);
  if (sameState) {
    record.attempts = exhausted && newWish !== undefined ? 0 : attempts;
    record.exhausted ||= exhausted;
    record.unsaved ||= exhausted || isPowerOfTwo(record.attempts);
  }
  if (exhausted || flight.wish === undefined || (!isDeletion && (record.deleting || isOver(record)))) return;
  record.wish = flight.wish;
  record.gate = 'unknown';
  if (newWish !== undefined) addWish(record, newWish);
}

/** Which failed attempts a checkpoint hears of: after a crash, some of the others may be made again. */
function isPowerOfTwo(attempts: number): boolean {
  return attempts > 0 && (attempts & (attempts - 1)) === 0;
}

/** Somebody wants the object sent although nothing has changed. A drop says why it will not be. */
export function want(record: ObjectRecord, wish: Wish, rules: Rules): Verdict {
  const byHand = wish.reason === 'Replay' || wish.reason === 'Redeliver';
  if (isOver(record) ? !byHand || record.told : record.deleting) return drop('deleting');
  const countsAsUpdate = wish.reason === 'Child' || wish.reason === 'Resync';
  if (countsAsUpdate && !rules.eventTypes.includes('Updated')) return drop('event-type');
  addWish(record, wish);
  return rules.suspend ? drop('suspended') : PASS;
}

/** The trigger was edited: the next observation is judged even where its resourceVersion is known. */
export function invalidate(record: ObjectRecord): void {
  record.recheck = true;
  record.gate = 'unknown';
}

/** The object as it was right before a write of ours, to which the write was bound by its resourceVersion. */
export interface WriteBase {
  readonly generation: number | undefined;
  readonly digest: Digest;
  readonly recipe: Recipe;
}

/** For a write that is bound to the newest version the record knows. */
export function writeBaseOf(record: ObjectRecord): WriteBase {
  const { generation, current, recipe } = record;
  return { generation, digest: current, recipe };
}

/** For a write that is bound to an object read for it. */
export function writeBaseFrom(object: KubeObject, recipe: Recipe): WriteBase {
  return { generation: object.metadata.generation, digest: digestOf(object, recipe), recipe };
}

/**
 * A write of ours was answered; `succeed` comes before the result of that call is written. What the write changed is no
 * change, so a state that was handled stays handled; what somebody else changed before it still counts. True where the
 * object may have to be sent now: ask needsDelivery.
 */
export function rebase(
  record: ObjectRecord,
  base: WriteBase,
  reply: { readonly head: ObjectHead; readonly object: () => KubeObject },
  rules: Rules,
  nowMs: number,
): boolean {
  // Under another recipe nothing can be compared: the watch will show the same version, and is judged.
  if (record.gone !== undefined || base.recipe.id !== record.recipe.id) return false;
  const { head } = reply;
  const sameSpec =
    rules.generationTells && base.generation !== undefined && base.generation === head.generation;
  const digest = sameSpec && record.recipe.onlySpec ? base.digest : digestOf(reply.object(), record.recipe);
  const known = record.current === base.digest || record.current === digest;
  if (record.handled === base.digest && record.handled !== digest) {
    record.handled = digest;
    record.unsaved = true;
  }
  if (compareResourceVersions(head.resourceVersion, record.resourceVersion) <= 0) return false;
  record.resourceVersion = head.resourceVersion;
  record.generation = head.generation;
  record.deleting ||= head.deleting;
  record.ownWrite = true;
  record.current = digest === record.handled ? record.handled : digest;
  // Where the version alone tells that nothing happened since, a checkpoint must know it.
  record.unsaved ||= !provesByGeneration(rules);
  if (!known) newState(record, versionOf(head, rules), nowMs);
  // The watch event of this version will be dropped, so what `when` says of it is asked before the next delivery.
  record.gate = 'unknown';
  return isUnmet(record) || record.wish !== undefined;
}
