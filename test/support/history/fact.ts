/**
 * What happened, one fact at a time: what the checker decides by. Whoever records a history says what it knows and
 * leaves out what it does not; no rule asks for more than is there. All times are of one clock, in milliseconds.
 */
import type { EventType, Reason } from '../../../protocol/event.ts';

/** A trigger is there, or was edited: then the whole of it is said again. What is left out is the trigger's default. */
export interface TriggerFact {
  readonly fact: 'trigger';
  readonly atMs: number;
  /** `namespace/name`. */
  readonly trigger: string;
  /** Default: all three. */
  readonly eventTypes?: readonly EventType[];
  /** Objects that were there before it are not sent. */
  readonly skipsInitial?: boolean;
  readonly suspended?: boolean;
  readonly quietMs?: number;
  readonly maxWaitMs?: number;
  readonly maxAttempts?: number;
  readonly backoff?: { readonly initialMs: number; readonly maxMs: number };
  readonly concurrency?: number;
  /** How long after its quiet time a change may wait for its call where nothing is in the way; absent: not judged. */
  readonly promptMs?: number;
  /** Objects carry a finalizer from before their first call until a `deleted` has succeeded. */
  readonly finalizer?: boolean;
  /** Objects are sent again after a time. */
  readonly resyncs?: boolean;
  /** After how long, give or take a tenth; absent: not judged. */
  readonly resyncMs?: number;
  /**
   * An equal generation proves that nothing was sent in between; else what was written to around a crash may be sent
   * again.
   */
  readonly byGeneration?: boolean;
  /** Whether what was handled outlives the process. Default: true. */
  readonly durable?: boolean;
  /** How late a delivery is recorded. Default: 1,000. */
  readonly flushMs?: number;
}

/** The trigger was deleted. */
export interface TriggerGoneFact {
  readonly fact: 'trigger-gone';
  readonly atMs: number;
  readonly trigger: string;
}

/** An object was created or changed. */
export interface WriteFact {
  readonly fact: 'write';
  readonly atMs: number;
  readonly uid: string;
  /** `namespace/name`. */
  readonly name: string;
  readonly rv: string;
  /** For each trigger that selects it, a digest of what counts: equal where the trigger has no cause to send it. */
  readonly counts: Readonly<Record<string, string>>;
  /** deletionTimestamp is set. */
  readonly deleting?: boolean;
  /** The trigger whose result this wrote. */
  readonly by?: string;
  /** Triggers whose finalizer it carries. */
  readonly held?: readonly string[];
  /** Triggers whose `when` is false for it. */
  readonly closed?: readonly string[];
  /** Digest of what a function is to get of it. */
  readonly body?: string;
}

/** What counts was edited: the same object, by another measure. */
export interface RecountFact {
  readonly fact: 'recount';
  readonly atMs: number;
  readonly trigger: string;
  readonly uid: string;
  /** Absent: the trigger no longer selects it. */
  readonly digest?: string;
}

/** An object was deleted. */
export interface GoneFact {
  readonly fact: 'gone';
  readonly atMs: number;
  readonly uid: string;
  readonly name: string;
  readonly rv: string;
}

/** A process was told of an object by a list or a watch. */
export interface ToldFact {
  readonly fact: 'told';
  readonly atMs: number;
  readonly process: number;
  readonly trigger: string;
  readonly uid: string;
  readonly rv: string;
  readonly type: 'Listed' | 'Added' | 'Modified' | 'Deleted';
}

/** Somebody else than a change asks for a delivery. */
export interface AskFact {
  readonly fact: 'ask';
  readonly atMs: number;
  readonly trigger: string;
  /** Absent: for all objects. */
  readonly uid?: string;
  readonly reason: 'Child' | 'Redeliver' | 'Replay';
}

/** An invocation reached a function. */
export interface CallFact {
  readonly fact: 'call';
  readonly atMs: number;
  /** Its number in this history. */
  readonly call: number;
  readonly process: number;
  readonly epoch?: number;
  readonly trigger: string;
  readonly uid: string;
  readonly name: string;
  readonly id: string;
  readonly type: 'created' | 'updated' | 'deleted';
  readonly reason: Reason;
  /** Of the object that is sent; for deletions that of the deletion. */
  readonly rv: string;
  readonly attempt: number;
  /** Until when the sender waits for the answer. */
  readonly deadlineMs?: number;
  /** Digest of the object that is sent. */
  readonly body?: string;
}

/** A function has answered, or never will. */
export interface EndFact {
  readonly fact: 'end';
  readonly atMs: number;
  readonly call: number;
  /** What the function did: `unknown` where it may have done it. */
  readonly outcome: 'success' | 'fail' | 'unknown';
  /** False where the answer did not arrive at the sender in time. Default: true. */
  readonly heard?: boolean;
  readonly requeueAfterMs?: number;
  readonly retryAfterMs?: number;
  /** No further attempt is to be made. */
  readonly permanent?: boolean;
  /** Default: `delivery`. */
  readonly blame?: 'delivery' | 'target';
  /** The result states a status. */
  readonly states?: boolean;
}

/** No further attempt of an object's state is made, and somebody can see it. */
export interface GivenUpFact {
  readonly fact: 'given-up';
  readonly atMs: number;
  readonly trigger: string;
  readonly uid: string;
}

/** A status was written for a trigger. */
export interface StatusFact {
  readonly fact: 'status';
  readonly atMs: number;
  readonly trigger: string;
  /** Of the object that has it now. */
  readonly uid: string;
  /** Id of the event whose result states it. */
  readonly id: string;
}

/** Records were made durable. */
export interface CheckpointFact {
  readonly fact: 'checkpoint';
  readonly atMs: number;
  readonly process: number;
  readonly trigger: string;
  readonly epoch?: number;
}

/** What was handled is forgotten: the objects may all be sent again, once. */
export interface CheckpointLostFact {
  readonly fact: 'checkpoint-lost';
  readonly atMs: number;
  readonly trigger: string;
}

/**
 * A process begins, is told to end (no call starts from then on), has ended well, or ends at once with everything that
 * it held.
 */
export interface ProcessFact {
  readonly fact: 'start' | 'drain' | 'stop' | 'crash';
  readonly atMs: number;
  readonly process: number;
}

export interface FaultFact {
  readonly fact: 'fault';
  readonly atMs: number;
  readonly name: string;
  readonly on: boolean;
}

/** What a process keeps of a trigger's objects. */
export interface HoldsFact {
  readonly fact: 'holds';
  readonly atMs: number;
  readonly process: number;
  readonly trigger: string;
  /** In memory. */
  readonly objects: number;
  /** In the queue. */
  readonly waiting: number;
  /** All is quiet: nothing is left to do. */
  readonly settled?: boolean;
}

/** Something that must not be seen was seen. */
export interface LeakFact {
  readonly fact: 'leak';
  readonly atMs: number;
  readonly where: string;
}

/** No fault is on, and enough time has passed for all to be done. */
export interface QuietFact {
  readonly fact: 'quiet';
  readonly atMs: number;
}

export type Fact =
  | TriggerFact
  | TriggerGoneFact
  | WriteFact
  | RecountFact
  | GoneFact
  | ToldFact
  | AskFact
  | CallFact
  | EndFact
  | GivenUpFact
  | StatusFact
  | CheckpointFact
  | CheckpointLostFact
  | ProcessFact
  | FaultFact
  | HoldsFact
  | LeakFact
  | QuietFact;

export type Invariant =
  | 'I1'
  | 'I2'
  | 'I3'
  | 'I4'
  | 'I5'
  | 'I6'
  | 'I7'
  | 'I8'
  | 'I9'
  | 'I10'
  | 'I11'
  | 'I12'
  | 'I13'
  | 'I14'
  | 'I15'
  | 'I16';

export interface Violation {
  readonly invariant: Invariant;
  /** One line that says what is wrong. */
  readonly message: string;
  /** Those that contradict each other. */
  readonly facts: readonly Fact[];
}
