/** What a history has come to so far: the objects, what each trigger was told and did about them, and who runs. */
import { compareResourceVersions } from '../../../forwarder/model/delta.ts';
import type { CallFact, EndFact, Fact, GoneFact, TriggerFact, WriteFact } from './fact.ts';
import { type Call, Pair } from './pair.ts';

/** One life of a name. */
export interface Life {
  readonly uid: string;
  readonly name: string;
  readonly pairs: Map<string, Pair>;
  /** Written since the last quiet, oldest first; at least the last one. */
  writes: WriteFact[];
  gone: GoneFact | undefined;
}

export interface TriggerState {
  config: TriggerFact;
  editedMs: number;
  gone: boolean;
  /** When it last had as many calls under way as it may. */
  fullMs: number;
  /** When a delivery was last made durable. */
  checkpointMs: number | undefined;
  /** What was made durable, the ends of objects among it, was lost before now. */
  hasLost: boolean;
  epoch: number;
  /** When a call last failed for a reason that is not the object's. */
  targetFailureMs: number;
  /** When one last succeeded, and the sender knows it. */
  successMs: number;
  /** Different objects that failed in a row. */
  readonly failing: Set<string>;
}

export interface ProcessState {
  readonly startedMs: number;
  ended: 'stop' | 'crash' | undefined;
  draining: boolean;
}

export class Ledger {
  readonly lives: Map<string, Life> = new Map();
  readonly triggers: Map<string, TriggerState> = new Map();
  readonly processes: Map<number, ProcessState> = new Map();
  readonly calls: Map<number, Call> = new Map();
  /** Calls whose sender still waits for them. */
  readonly open: Set<Call> = new Set();
  /** Name of a fault that is on → since when. */
  readonly faults: Map<string, number> = new Map();
  lastFaultMs: number = -Infinity;
  /** When the wall clock last jumped. */
  jumpedMs: number = -Infinity;
  nowMs: number = 0;

  /** What a trigger has to do with an object; begins where nobody has heard of it. */
  pairOf(trigger: string, uid: string, name: string = ''): Pair {
    let life = this.lives.get(uid);
    if (life === undefined) {
      life = { uid, name, pairs: new Map(), writes: [], gone: undefined };
      this.lives.set(uid, life);
    }
    let pair = life.pairs.get(trigger);
    if (pair === undefined) {
      pair = new Pair(trigger, life);
      life.pairs.set(trigger, pair);
    }
    return pair;
  }

  *pairs(): Iterable<Pair> {
    for (const life of this.lives.values()) yield* life.pairs.values();
  }

  /** Calls of a trigger that are under way. */
  openOf(trigger: string): number {
    let count = 0;
    for (const { fact } of this.open) if (fact.trigger === trigger) count++;
    return count;
  }

  /** Lives of a name, oldest first. */
  livesOf(name: string): Life[] {
    return [...this.lives.values()].filter((life) => life.name === name);
  }

  /** Takes in a fact; rules look at it before this. */
  apply(fact: Fact): void {
    this.nowMs = fact.atMs;
    switch (fact.fact) {
      case 'trigger': {
        const known = this.triggers.get(fact.trigger);
        if (known === undefined || known.gone) this.#begin(fact);
        else {
          known.config = fact;
          known.editedMs = fact.atMs;
        }
        return;
      }
      case 'trigger-gone': {
        const known = this.triggers.get(fact.trigger);
        if (known !== undefined) known.gone = true;
        for (const life of this.lives.values()) life.pairs.delete(fact.trigger);
        return;
      }
      case 'write':
        this.#written(fact);
        return;
      case 'recount':
        this.pairOf(fact.trigger, fact.uid).recount(fact.digest, fact);
        return;
      case 'gone': {
        const life = this.lives.get(fact.uid);
        if (life !== undefined) life.gone = fact;
        return;
      }
      case 'told':
        this.lives.get(fact.uid)?.pairs.get(fact.trigger)?.told(fact);
        return;
      case 'ask':
        for (const pair of this.pairs())
          if (pair.trigger === fact.trigger && (fact.uid ?? pair.life.uid) === pair.life.uid)
            pair.askedMs = fact.atMs;
        return;
      case 'call':
        this.#called(fact);
        return;
      case 'end':
        this.#ended(fact);
        return;
      case 'given-up':
        this.pairOf(fact.trigger, fact.uid).giveUp();
        return;
      case 'status': {
        const pair = this.pairOf(fact.trigger, fact.uid);
        pair.status = fact;
        pair.statedRv = pair.named(fact.id)?.fact.rv;
        return;
      }
      case 'checkpoint': {
        const trigger = this.triggers.get(fact.trigger);
        if (trigger !== undefined) trigger.checkpointMs = fact.atMs;
        return;
      }
      case 'checkpoint-lost': {
        const trigger = this.triggers.get(fact.trigger);
        if (trigger !== undefined) trigger.hasLost = true;
        for (const pair of this.pairs()) if (pair.trigger === fact.trigger) pair.lose();
        return;
      }
      case 'start':
        this.processes.set(fact.process, { startedMs: fact.atMs, ended: undefined, draining: false });
        for (const pair of this.pairs())
          if (this.triggers.get(pair.trigger)?.config.durable === false) pair.excuse();
        return;
      case 'drain':
      case 'stop':
      case 'crash':
        this.#processEnds(fact.process, fact.fact);
        return;
      case 'fault':
        this.lastFaultMs = fact.atMs;
        if (fact.name === 'wall-clock') this.jumpedMs = fact.atMs;
        if (fact.on) this.faults.set(fact.name, fact.atMs);
        else this.faults.delete(fact.name);
        return;
      case 'quiet':
        this.#trim();
        return;
      case 'holds':
      case 'leak':
    }
  }

  #begin(config: TriggerFact): void {
    this.triggers.set(config.trigger, {
      config,
      editedMs: -Infinity,
      gone: false,
      fullMs: -Infinity,
      checkpointMs: undefined,
      hasLost: false,
      epoch: 0,
      targetFailureMs: -Infinity,
      successMs: -Infinity,
      failing: new Set(),
    });
  }

  #written(fact: WriteFact): void {
    const life = this.lives.get(fact.uid) ?? {
      uid: fact.uid,
      name: fact.name,
      pairs: new Map<string, Pair>(),
      writes: [],
      gone: undefined,
    };
    this.lives.set(fact.uid, life);
    life.writes.push(fact);
    for (const trigger of new Set([...life.pairs.keys(), ...Object.keys(fact.counts)]))
      this.pairOf(trigger, fact.uid).write(fact);
  }

  /** Calls that outlived their deadline have failed: three objects in a row, and it is the target's own. */
  overdue(trigger: string, nowMs: number): void {
    const state = this.triggers.get(trigger);
    if (state === undefined) return;
    const late = [...this.open].filter(
      ({ fact }) => fact.trigger === trigger && (fact.deadlineMs ?? Infinity) <= nowMs,
    );
    const failing = new Set([...state.failing, ...late.map(({ fact }) => fact.uid)]);
    if (failing.size < 3) return;
    for (const { fact } of late)
      state.targetFailureMs = Math.max(state.targetFailureMs, fact.deadlineMs ?? -Infinity);
  }

  #called(fact: CallFact): void {
    const pair = this.pairOf(fact.trigger, fact.uid, fact.name);
    const call = pair.call(fact);
    this.calls.set(fact.call, call);
    this.open.add(call);
    const trigger = this.triggers.get(fact.trigger);
    if (trigger === undefined) return;
    trigger.epoch = Math.max(trigger.epoch, fact.epoch ?? 0);
    if (this.openOf(fact.trigger) >= (trigger.config.concurrency ?? Infinity)) trigger.fullMs = fact.atMs;
  }

  #ended(end: EndFact): void {
    const call = this.calls.get(end.call);
    if (call === undefined || call.end !== undefined) return;
    const heard =
      end.heard !== false &&
      end.outcome !== 'unknown' &&
      this.processes.get(call.fact.process)?.ended === undefined &&
      end.atMs <= (call.fact.deadlineMs ?? Infinity);
    const trigger = this.triggers.get(call.fact.trigger);
    if (this.openOf(call.fact.trigger) >= (trigger?.config.concurrency ?? Infinity) && trigger !== undefined)
      trigger.fullMs = end.atMs;
    this.open.delete(call);
    call.pair.end(call, end, heard);
    if (trigger === undefined) return;
    this.overdue(call.fact.trigger, end.atMs);
    call.alone = trigger.targetFailureMs <= call.fact.atMs;
    call.blamesTarget = end.blame === 'target' || trigger.targetFailureMs > trigger.successMs;
    if (end.outcome === 'success' && heard) {
      trigger.failing.clear();
      trigger.successMs = end.atMs;
    } else trigger.failing.add(call.fact.uid);
    if (end.blame === 'target' || trigger.failing.size >= 3) trigger.targetFailureMs = end.atMs;
  }

  #processEnds(process: number, how: 'drain' | 'stop' | 'crash'): void {
    const state = this.processes.get(process);
    if (state === undefined) return;
    if (how === 'drain') {
      state.draining = true;
      return;
    }
    state.ended = how;
    // An end in the middle of a fault may not have been written down.
    const isOrderly = how === 'stop' && this.faults.size === 0;
    for (const call of this.open) if (call.fact.process === process) this.open.delete(call);
    for (const pair of this.pairs()) {
      const trigger = this.triggers.get(pair.trigger);
      if (trigger === undefined) continue;
      const { byGeneration = false } = trigger.config;
      pair.processEnded(process, isOrderly ? 'stop' : 'crash', {
        sinceMs: this.#exposedSince(trigger),
        byGeneration,
      });
    }
  }

  /** From when on what happened may not have been made durable. */
  #exposedSince({ config, checkpointMs }: TriggerState): number {
    const flushMs = config.flushMs ?? 1000;
    const byClock = Math.min(this.nowMs - flushMs, ...this.faults.values(), this.#recentFaultMs(flushMs));
    return checkpointMs === undefined ? byClock : Math.min(byClock, checkpointMs);
  }

  #recentFaultMs(flushMs: number): number {
    return this.lastFaultMs >= this.nowMs - 60 * flushMs ? this.lastFaultMs - 60 * flushMs : Infinity;
  }

  /** Forgets what cannot matter after a quiet time. */
  #trim(): void {
    for (const [uid, life] of this.lives) {
      const isKnown = [...life.pairs.values()].some(({ trigger, known, mayLoseEnd, givenUp }) => {
        const mayForget = mayLoseEnd && this.triggers.get(trigger)?.config.suspended !== true;
        return (known !== undefined && !mayForget) || givenUp !== undefined;
      });
      if ((life.gone !== undefined && !isKnown) || life.writes.length === 0) this.lives.delete(uid);
      else {
        life.writes = life.writes.slice(-1);
        for (const pair of life.pairs.values())
          pair.trim(this.triggers.get(pair.trigger)?.config.suspended === true);
      }
    }
    for (const [number, call] of this.calls) if (call.end !== undefined) this.calls.delete(number);
    for (const [number, process] of this.processes)
      if (process.ended !== undefined) this.processes.delete(number);
  }
}

export function isNewer(a: string, b: string): boolean {
  return compareResourceVersions(a, b) > 0;
}
