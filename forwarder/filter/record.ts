/**
 * What is remembered of one object for one trigger: versions, digests and what has become of its deliveries, never the
 * object itself. Plain data: judge.ts and delivery.ts are the rules, and a checkpoint can write it down as it is.
 */
import type { ObjectHead } from '../model/delta.ts';
import type { Digest } from './digest.ts';
import type { Recipe } from './recipe.ts';

/**
 * - `new`: no delivery has succeeded yet.
 * - `baseline`: never delivered and not to be: `initial: Skip`, or `Created` is not asked for.
 * - `handled`: a delivery has succeeded.
 */
export type Phase = 'new' | 'baseline' | 'handled';

/** Why an object is sent although what counts has not changed. */
export interface Wish {
  readonly reason: 'Child' | 'Resync' | 'Requeue' | 'Redeliver' | 'Replay';
  /** Requeue, Resync: when it was due. */
  readonly dueUnixSeconds?: number;
  /** Redeliver: the annotation's value. */
  readonly value?: string;
}

/** Why an object is gone. Whether it was deleted or only left the selection may become known later. */
export type GoneReason = 'Deleted' | 'LeftScope' | 'GoneWhileAway';

export interface Gone {
  readonly reason: GoneReason;
  /** That of the deletion, or of the list that missed the object. */
  readonly resourceVersion: string;
  /** Whether a call with `deleted` was started: then an object that comes back is a new one to the function. */
  readonly started: boolean;
}

/**
 * What `when` said of the newest state: `unknown` where it was not asked (the object was handled, or the trigger was
 * edited); ask it then before anything is sent.
 */
export type Gate = 'unknown' | 'open' | 'closed' | 'failed';

/** Stands where the digest of the handled state is unknown: equal to no digest. */
export const NO_DIGEST: Digest = '';

export class ObjectRecord {
  readonly uid: string;
  /** Undefined for cluster-scoped objects. */
  readonly namespace: string | undefined;
  readonly name: string;
  /** The newest that was seen. */
  resourceVersion: string;
  /** Of the newest state that was seen. */
  generation: number | undefined;
  /** With which both digests were made. */
  recipe: Recipe;
  /** Digest of the newest state. */
  current: Digest;
  /** Counts the states: tells whether the newest is still the one that a call began with. */
  state = 0;
  /** Names the state in event ids: `g<generation>` or the resourceVersion with which it was first seen. */
  version: string;
  /** Wall clock, when this state was first seen. */
  firstSeenMs: number;
  phase: Phase = 'new';
  /** Digest of the state that was handled last, or of the baseline. */
  handled: Digest = NO_DIGEST;
  /** A call for another state than the handled one was started: even back at the handled one, the object must be sent. */
  touched = false;
  /** A call was ever started: a function may know of the object. */
  started = false;
  /** Whether deletionTimestamp is set: no created or updated any more. */
  deleting: boolean;
  /** Whether the newest state carries this trigger's finalizer. */
  held = false;
  /**
   * The resourceVersion that the last write of ours made, above all others where that ended the object: what is older is no
   * news, even where the object is gone from the selection.
   */
  writtenAt: string | undefined;
  /** It is being deleted and held: its `deleted` is due although it is still there. */
  ending = false;
  /** Its `deleted` has succeeded, or is not waited for any longer: only the finalizer is still to be removed. */
  told = false;
  /** Set from the moment the object is gone until its `deleted` has succeeded. */
  gone: Gone | undefined;
  gate: Gate = 'unknown';
  /** Failed attempts of what is to be sent now. */
  attempts = 0;
  /** No further attempt of this state is made; the next state starts afresh. */
  exhausted = false;
  wish: Wish | undefined;
  /** Value of the redeliver annotation that was last obeyed, or was there at first sight. */
  redeliverSeen: string | undefined;
  /** The newest resourceVersion came from a reply to our own write. */
  ownWrite = false;
  /** The trigger was edited: the next observation is judged even where its resourceVersion is known. */
  recheck = false;
  /** A call is under way that fulfils this; should the process end, the wish is still to be fulfilled. */
  sending: Wish | undefined;
  /** A call has succeeded whose result is not written yet; should the process end, the call is made again for that. */
  owed: Owed | undefined;
  /** Fingerprint of its children as the function knows them, or is to hear of by a wish; undefined: not known. */
  children: string | undefined;
  /** Read from a checkpoint and not observed since: what is known of how complete that was. */
  restored: Completeness | undefined;
  /** A checkpoint tells of it, rightly or not. */
  saved = false;
  /** It has changed in what a checkpoint must tell. */
  unsaved = false;

  constructor(head: ObjectHead, recipe: Recipe, current: Digest, version: string, firstSeenMs: number) {
    this.uid = head.uid;
    this.namespace = head.namespace;
    this.name = head.name;
    this.resourceVersion = head.resourceVersion;
    this.generation = head.generation;
    this.recipe = recipe;
    this.current = current;
    this.version = version;
    this.firstSeenMs = firstSeenMs;
    this.deleting = head.deleting;
    this.gone = undefined;
    this.wish = undefined;
    this.redeliverSeen = undefined;
    this.sending = undefined;
    this.owed = undefined;
    this.children = undefined;
    this.restored = undefined;
  }
}

/** What the call was whose result is not written yet. */
export interface Owed {
  readonly created: boolean;
  /** Set where the state itself needed no delivery. */
  readonly wish: Wish | undefined;
}

/** How much a checkpoint can say of calls: which of them were certainly written down when the process ended. */
export interface Completeness {
  /** All: the process ended in order. */
  readonly clean: boolean;
  /** Every call for a state up to this resourceVersion; undefined where nothing is known. */
  readonly upTo: string | undefined;
  /** Every call for another generation than the record's was for a later one. */
  readonly byGeneration: boolean;
}

/** Whether the function is to hear of the object's end: it is gone, or stays for that alone. */
export function isOver({ gone, ending }: Pick<ObjectRecord, 'gone' | 'ending'>): boolean {
  return gone !== undefined || ending;
}

/** Whether the newest state is another than the handled one, or may be to the function. */
export function isUnmet(record: ObjectRecord): boolean {
  return record.phase === 'new' || record.current !== record.handled || record.touched;
}

/** The record's state is another from here on: it has a name and attempts of its own. */
export function newState(record: ObjectRecord, version: string, nowMs: number): void {
  record.state++;
  record.version = version;
  record.firstSeenMs = nowMs;
  record.attempts = 0;
  record.exhausted = false;
  // A record on file is to know the name: the object may be back at the state of which it tells.
  record.unsaved ||= record.saved;
}

/** Where two wishes meet, one delivery fulfils both and is named by the stronger one. */
const STRENGTH: Readonly<Record<Wish['reason'], number>> = {
  Child: 0,
  Resync: 0,
  Requeue: 1,
  Redeliver: 2,
  Replay: 2,
};

/** Notes a wish; somebody who asks by hand, and anybody after the last attempt, gets attempts of his own. */
export function addWish(record: ObjectRecord, wish: Wish): void {
  record.unsaved = true;
  if (record.exhausted || STRENGTH[wish.reason] === STRENGTH.Redeliver) record.attempts = 0;
  if (record.wish === undefined || STRENGTH[wish.reason] >= STRENGTH[record.wish.reason]) record.wish = wish;
  // It was last asked for another occasion.
  record.gate = 'unknown';
}
