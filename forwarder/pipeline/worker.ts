/**
 * Takes keys from the queue as the gate lets them in, delivers, and does what `settle` decides. Never two calls for one
 * key: the queue holds a key until its result has been written once.
 */
import { fail, isKept, succeed } from '../filter/delivery.ts';
import { isOver } from '../filter/record.ts';
import { wantsDeleted } from '../filter/rules.ts';
import { postpone, settle } from '../outcome/settle.ts';
import { Alarm } from '../lib/alarm.ts';
import type { Gate, GateChange } from '../target/gate/gate.ts';
import { backoffMs } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import type { ObjectKey } from '../model/kube-object.ts';
import type { Decision, Failure, Outcome } from '../model/outcome.ts';
import { call } from './call.ts';
import { type Delivery, type DeliveryContext, commit, gather, isAdmitted } from './delivery.ts';
import type { Effects } from './effects.ts';
import type { Entries, Entry } from './entry.ts';
import { hasWrites } from './result-writer.ts';
import type { Schedule } from './schedule.ts';

export interface WorkerOptions {
  readonly entries: Entries;
  readonly schedule: Pick<Schedule, 'queue' | 'settles' | 'covered'>;
  readonly effects: Pick<Effects, 'results' | 'letters' | 'finalizers'>;
  /** What is needed to build a delivery now; undefined while nothing may be sent. */
  readonly context: () => DeliveryContext | undefined;
  readonly wake: () => void;
  readonly clock: Clock;
  /** Ends running calls. */
  readonly signal: AbortSignal;
  readonly events: WorkerEvents;
}

/** What others need to know. */
export interface WorkerEvents {
  readonly handled: (entry: Entry, delivery: Delivery, requeueAfterMs: number | undefined) => void;
  /** No further attempt of this state is made. */
  readonly exhausted: (entry: Entry, failure: Failure, attempts: number) => void;
  readonly circuit: (problem: { readonly code: string; readonly message: string } | undefined) => void;
  /** Something was done to the entry's record. */
  readonly noted: (entry: Entry) => void;
  readonly removed: (entry: Entry) => void;
  readonly started: (entry: Entry) => void;
  /** The storm guard lets the object wait. `first`: for the first time in this storm. */
  readonly slowed: (entry: Entry, first: boolean) => void;
}

/** An object whose delivery could not be built because the API server did not answer. */
const BUILD_BACKOFF = { initialMs: 500, maxMs: 30_000 };

export class Worker {
  readonly #options: WorkerOptions;
  readonly #running = new Set<Promise<void>>();
  /** Rings when the gate may let somebody in again. */
  readonly #gateAlarm: Alarm;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#gateAlarm = new Alarm(options.clock, () => this.#probe());
  }

  /** Calls and first writes of their results that are under way. */
  get running(): number {
    return this.#running.size;
  }

  hasWork(): boolean {
    return this.#options.schedule.queue.depth > 0 && this.#options.context() !== undefined;
  }

  /** Starts one delivery; false where none may start now. */
  start(): boolean {
    const { entries } = this.#options;
    const { queue } = this.#options.schedule;
    const context = this.#options.context();
    if (context === undefined || queue.depth === 0) return false;
    const { clock } = context.services;
    const { gate } = context.setup;
    const entered = gate.tryEnter(clock.monotonic());
    if (entered.kind === 'wait') {
      if (entered.atMs !== undefined) this.#gateAlarm.set(entered.atMs);
      return false;
    }
    const key = queue.take();
    if (key === undefined) {
      gate.abandon(entered);
      return false;
    }
    const entry = entries.get(key);
    const running = this.#work(key, entry, context, entered.probe).finally(() => {
      this.#running.delete(running);
      queue.done(key);
      if (entry !== undefined) for (const waiting of entries.leave(entry)) queue.add(waiting);
      this.#options.wake();
    });
    this.#running.add(running);
    return true;
  }

  /** What waits for its backoff is ready at once. */
  retryAll(): void {
    this.#options.schedule.queue.promoteAll((key) => this.#options.entries.get(key)?.retrying === true);
  }

  /** While the circuit is open and nothing else is ready, the object that is due first is sent as the probe. */
  #probe(): void {
    const { schedule, entries, wake } = this.#options;
    const { queue } = schedule;
    const gate = this.#options.context()?.setup.gate;
    if (gate?.nextProbeAtMs !== undefined && queue.depth === 0) {
      queue.promoteNext((key) => entries.get(key)?.retrying === true && !schedule.settles(key));
    }
    wake();
  }

  stop(): void {
    this.#gateAlarm.stop();
  }

  /** Resolves when nothing runs any more. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }

  async #work(
    key: ObjectKey,
    entry: Entry | undefined,
    context: DeliveryContext,
    probe: boolean,
  ): Promise<void> {
    const { services, setup } = context;
    const { logger, random } = services;
    const { gate } = setup;
    const { finalizers } = this.#options.effects;
    let delivery: Delivery | 'later' | undefined;
    try {
      if (entry !== undefined && this.#isDue(entry, context)) {
        this.#options.entries.enter(entry);
        const isReady = (await isAdmitted(entry, context)) && (await finalizers.ensure(entry));
        const gathered = isReady ? await gather(entry, context) : undefined;
        delivery = gathered && commit(entry, gathered, context);
      }
    } catch (error) {
      logger.warn('delivery cannot be built yet', { key: entry?.name ?? '', error: messageOf(error) });
      if (entry !== undefined) {
        entry.targetFailures += 1;
        entry.retrying = true;
        this.#options.schedule.queue.addAfter(key, backoffMs(entry.targetFailures, BUILD_BACKOFF, random));
      }
    }
    if (entry === undefined || delivery === undefined || delivery === 'later') {
      if (entry !== undefined && delivery === 'later' && !this.#options.entries.mustWait(entry))
        this.#options.schedule.queue.add(key);
      const isNothing = entry?.gone === true && !wantsDeleted(entry.record, context.rules);
      if (isNothing && !finalizers.keeps(entry)) this.#options.events.removed(entry);
      gate.abandon({ probe });
      this.#options.wake();
      return;
    }
    this.#options.schedule.covered(key);
    if (entry.countsAsStorm) setup.guard.spend(entry.key, services.clock.monotonic());
    const { signal, events } = this.#options;
    const outcome = await call(entry, delivery, context, { signal, started: events.started });
    if (outcome === undefined) {
      gate.abandon({ probe });
      return;
    }
    await this.#settle(entry, delivery, outcome, context, probe);
  }

  /** Whether this is the moment: quiet, no other life of the name before it, and not stormy. */
  #isDue(entry: Entry, { services, setup, rules }: DeliveryContext): boolean {
    const { entries, schedule } = this.#options;
    if (rules.suspend || (schedule.settles(entry.key) && !isOver(entry.record)) || entries.mustWait(entry))
      return false;
    if (!entry.countsAsStorm) return true;
    const waitMs = setup.guard.waitMs(entry.key, services.clock.monotonic());
    if (waitMs <= 0) return true;
    this.#options.events.slowed(entry, setup.guard.tell(entry.key));
    schedule.queue.addAfter(entry.key, waitMs);
    return false;
  }

  async #settle(
    entry: Entry,
    delivery: Delivery,
    called: Outcome,
    context: DeliveryContext,
    probe: boolean,
  ): Promise<void> {
    const { services, setup, resource } = context;
    const { clock, meter, random } = services;
    const { gate } = setup;
    const { results, finalizers } = this.#options.effects;
    const isEnd = delivery.flight.eventType === 'Deleted';
    const change = gate.leave(clock.monotonic(), { key: entry.key, outcome: called, probe });
    const { outcome } = change;
    const input = {
      attempts: delivery.flight.attempt - 1,
      targetFailures: entry.targetFailures,
      delivery: setup.trigger.spec.delivery,
      random,
      ...(isEnd && isKept(entry.record) && { unfinished: entry.unfinished }),
    };
    let decision = settle(outcome, input);
    if (decision.exhausted !== undefined && !this.#options.effects.letters.mayGiveUp(entry))
      decision = postpone(decision, input);
    if (!decision.handled && decision.targetFailures === 0 && decision.unfinished === undefined)
      entry.failingSinceMs ??= clock.now();
    meter.count('statewire_invocations_total', {
      trigger: setup.name,
      target: setup.target.type,
      result: decision.label,
    });
    // A call that began before an edit says nothing about the target of now.
    if (this.#options.context()?.setup === setup) this.#heed(change, gate);
    this.#carryOut(entry, delivery, decision);
    for (const key of change.reclassify) this.#takeBack(key, context);
    // The slot in the gate is free again; the key is not, until the result has been written once.
    this.#options.wake();
    const { result, warnings } = outcome;
    const isThere = !entry.gone || entry.record.gone?.reason === 'LeftScope';
    if (hasWrites(result, warnings) && isThere && !finalizers.terminating)
      await results.write(entry, delivery, resource, result ?? { kind: 'FunctionResult' }, warnings);
    if (isEnd && !decision.handled)
      finalizers.pending(entry, 'failure' in outcome ? outcome.failure.message : undefined);
    finalizers.consider(entry);
  }

  #heed({ opened, closed }: GateChange, gate: Gate): void {
    if (opened !== undefined) this.#options.events.circuit(opened);
    if (closed) {
      this.#options.events.circuit(undefined);
      this.retryAll();
    }
    if (gate.nextProbeAtMs !== undefined) this.#gateAlarm.set(gate.nextProbeAtMs);
  }

  #carryOut(entry: Entry, delivery: Delivery, decision: Decision): void {
    const { schedule, entries, events, effects } = this.#options;
    const { queue } = schedule;
    const { letters } = effects;
    const { flight } = delivery;
    entry.targetFailures = decision.targetFailures;
    entry.unfinished = decision.unfinished ?? 0;
    if (decision.handled) {
      entry.retrying = false;
      const over = succeed(entry.record, flight);
      if (over) {
        events.removed(entry);
        for (const key of entries.delete(entry)) queue.add(key);
        return;
      }
      letters.resolve(entry);
      events.noted(entry);
      events.handled(
        entry,
        delivery,
        decision.queue.kind === 'add_after' ? decision.queue.afterMs : undefined,
      );
      return;
    }
    const exhausted = decision.exhausted !== undefined;
    fail(entry.record, flight, { attempts: decision.attempts, exhausted });
    events.noted(entry);
    entry.retrying = !exhausted && decision.unfinished === undefined;
    if (decision.exhausted !== undefined) {
      // An end that came meanwhile is still to be told.
      if (entry.record.exhausted) for (const key of entries.passOver(entry)) queue.add(key);
      // Nothing is pending; only the last state of what is gone cannot be read again.
      if (entry.record.exhausted && !entry.gone) entry.raw = undefined;
      letters.givenUp(entry, delivery, decision.exhausted, decision.attempts);
      events.exhausted(entry, decision.exhausted, decision.attempts);
    } else if (decision.queue.kind !== 'forget' && !this.#options.schedule.settles(entry.key)) {
      // A new state that still waits for quiet comes by itself, with attempts of its own.
      queue.addAfter(entry.key, decision.queue.afterMs);
    }
  }

  /** Failures that turned out to be the target's own: no attempts were used, and nothing is given up. */
  #takeBack(key: ObjectKey, { setup, services }: DeliveryContext): void {
    const entry = this.#options.entries.get(key);
    if (entry === undefined) return;
    entry.record.attempts = 0;
    entry.record.exhausted = false;
    entry.record.unsaved = true;
    this.#options.events.noted(entry);
    entry.retrying = true;
    this.#options.effects.letters.resolve(entry);
    if (entry.gone) this.#options.entries.bury(entry);
    const { backoff } = setup.trigger.spec.delivery;
    this.#options.schedule.queue.addAfter(key, backoffMs(1, backoff, services.random));
  }
}
