/**
 * One trigger's pipeline, and the file to read first: it wires the stages, which know nothing of each other.
 *
 *   source ─► filter ─► debounce ─► queue ─► dispatch ─► target ─► outcome ─► apply
 *
 * A source says what happened to an object (`Delta`); the filter judges it against what was handled and passes its key
 * or drops it with a reason; the debouncer waits until the key has been quiet; the queue holds it until the worker has
 * a turn and the gate lets it in; then the newest state is built into an invocation and sent; `settle` decides what the
 * outcome means; the result is applied. Only keys travel; the objects stay at the API server.
 */
import { NO_TRIGGER_HOLD, type TriggerHold } from '../finalizer/trigger-hold.ts';
import { needsDelivery, provesByGeneration } from '../filter/rules.ts';
import { Checkpointer } from './checkpointer.ts';
import { ChildTracker } from './child-tracker.ts';
import { Continuation } from './continuation.ts';
import type { Delivery, DeliveryContext } from './delivery.ts';
import { Effects } from './effects.ts';
import { Entries, type Entry } from './entry.ts';
import { Intake } from './intake.ts';
import { Schedule } from './schedule.ts';
import { Scope } from './scope.ts';
import type { Services } from './services.ts';
import { isEqual, kindOf, type Setup } from './setup.ts';
import { TriggerReport } from './trigger-report.ts';
import { Watches } from './watches.ts';
import { Worker } from './worker.ts';

export class TriggerPipeline {
  readonly #services: Services;
  readonly #entries = new Entries();
  readonly #report: TriggerReport;
  readonly #intake: Intake;
  readonly #children: ChildTracker;
  readonly #scope: Scope;
  readonly #checkpoint: Checkpointer;
  readonly #continuation: Continuation;
  readonly #schedule: Schedule;
  readonly #effects: Effects;
  readonly #worker: Worker;
  readonly #turn: { wake(): void; unregister(): void };
  readonly #stop = new AbortController();
  #setup: Setup;
  /** Nothing is sent: the trigger is invalid or going. */
  #halted = false;
  #invalid = false;
  #end: Promise<void> | undefined;

  constructor(services: Services, setup: Setup, hold: TriggerHold = NO_TRIGGER_HOLD) {
    const { clock, meter, logger, turns } = services;
    const log = logger.with({ trigger: setup.name });
    this.#services = services;
    this.#setup = setup;
    const entries = this.#entries;
    const noted = (entry: Entry): void => this.#checkpoint.note(entry);
    this.#report = new TriggerReport({
      services,
      identity: () => this.#setup.trigger.identity,
      name: setup.name,
      entries,
      inFlight: () => this.#worker.running,
      deletions: () => this.#effects.finalizers.waiting(),
    });
    this.#schedule = new Schedule({
      clock,
      meter,
      name: setup.name,
      random: services.random,
      spec: setup.trigger.spec,
      onReady: () => this.#turn.wake(),
      onWakeup: (key, wakeup) => this.#intake.wish(key, wakeup),
    });
    this.#children = new ChildTracker({
      fieldManager: setup.fieldManager,
      entries,
      changed: (owner) => this.#intake.wish(owner, { reason: 'Child' }),
      noted: (owner) => this.#continuation.childrenNoted(owner),
      listed: () => {
        this.#continuation.childrenListed();
        this.#turn.wake();
      },
    });
    this.#checkpoint = new Checkpointer({
      store: services.checkpoints.open(setup.trigger.identity),
      entries,
      schedule: this.#schedule,
      clock,
      random: services.random,
      logger: log,
      kind: kindOf(setup.trigger),
      namespace: setup.trigger.identity.namespace,
      generationTells: () => this.#scope.rules === undefined || provesByGeneration(this.#scope.rules),
      wasWritten: () => this.#report.saidWritten,
      stored: (bytes) => this.#effects.stored(bytes),
      problem: (problem) => this.#report.checkpoint(problem),
    });
    this.#scope = new Scope({
      watches: new Watches(services, this.#children, log),
      setup: () => this.#setup,
      delta: (delta) => {
        this.#intake.delta(delta);
        this.#checkpoint.told(delta);
        this.#report.changed();
      },
      synced: () => {
        this.#continuation.allSeen();
        this.#effects.allSeen();
        this.#report.changed();
      },
      health: (health) => this.#report.source(health),
      refused: (reason, message) => this.#report.refused(reason, message),
    });
    this.#intake = new Intake({
      entries,
      trigger: setup.name,
      rules: () => this.#scope.rules,
      clock,
      meter,
      logger: log,
      pass: (key, options) => this.#schedule.pass(key, options),
      settling: (key) => this.#schedule.settles(key),
      met: ({ key }) => this.#schedule.resyncLater(key),
      forget: (entry) => {
        if (!this.#effects.finalizers.keeps(entry)) this.#forget(entry);
      },
      noted: (entry) => this.#effects.noted(entry),
      filterHealth: (entry, problem) => this.#report.filter(entry, problem),
    });
    this.#continuation = new Continuation({
      checkpoint: this.#checkpoint,
      entries,
      intake: this.#intake,
      children: this.#children,
      redeliverAt: () => this.#setup.trigger.redeliverAt,
    });
    this.#effects = new Effects({
      services,
      logger: log,
      entries,
      intake: this.#intake,
      children: this.#children,
      scope: this.#scope,
      schedule: this.#schedule,
      report: this.#report,
      trigger: hold,
      setup: () => this.#setup,
      isValid: () => !this.#invalid,
      noted,
      isStored: (key) => this.#checkpoint.isStored(key),
      forget: (entry) => this.#forget(entry),
      signal: this.#stop.signal,
    });
    this.#worker = new Worker({
      entries,
      schedule: this.#schedule,
      effects: this.#effects,
      context: () => this.#context(),
      wake: () => this.#turn.wake(),
      clock,
      signal: this.#stop.signal,
      events: {
        started: (entry) => {
          this.#schedule.resyncLater(entry.key);
          this.#continuation.callBegins(entry);
          this.#report.changed();
        },
        circuit: (problem) => this.#report.circuit(problem),
        slowed: (entry, first) => this.#report.slowed(entry, this.#setup.trigger, first),
        handled: (entry, delivery, requeueAfterMs) => this.#handled(entry, delivery, requeueAfterMs),
        exhausted: (entry, ...how) => this.#report.exhausted(entry, this.#setup.trigger, ...how),
        noted,
        removed: (entry) => this.#forget(entry),
      },
    });
    this.#turn = turns.register({ hasWork: () => this.#worker.hasWork(), start: () => this.#worker.start() });
  }

  /** Whether the first list has been taken in, or cannot be had for now. */
  get settled(): boolean {
    return this.#continuation.hasBegun && this.#scope.settled;
  }

  start(): void {
    this.#services.meter.initTrigger(this.#setup.name, this.#setup.target.type);
    this.#report.accepted(this.#setup.target.description);
    void this.#begin();
  }

  /** The trigger was edited. Calls under way end as they began; handled objects are not sent again. */
  edit(setup: Setup): void {
    const [before, after] = [this.#setup.trigger, setup.trigger];
    setup.gate.succeed(this.#setup.gate);
    this.#setup = setup;
    this.#halted = this.#invalid = false;
    this.#report.accepted(this.#setup.target.description);
    this.#scope.edited();
    this.#schedule.edit(after.spec, this.#entries.keys());
    if (!this.#continuation.hasBegun) return;
    const selectionChanged = !isEqual(before.spec.watch, after.spec.watch);
    this.#intake.expectRelist({ selectionChanged });
    if (selectionChanged) this.#scope.open();
    else this.#scope.relist();
    for (const entry of this.#entries) this.#intake.reconsider(entry);
    this.#effects.finalizers.edited();
    // What failed at another target says nothing about this one.
    if (!isEqual(before.spec.target, after.spec.target)) this.#worker.retryAll();
    this.#continuation.redeliver(before.redeliverAt);
    this.#turn.wake();
  }

  /** The trigger became invalid: nothing is sent until it is mended, and everything is remembered. */
  halt(reason: string, message: string): void {
    this.#halted = this.#invalid = true;
    this.#report.refused(reason, message);
    this.#effects.finalizers.edited();
  }

  /** The trigger goes: resolves when it holds no object, and what was being deleted has been told. */
  end(): Promise<void> {
    return (this.#end ??= this.#leave());
  }

  async #leave(): Promise<void> {
    const { finalizers } = this.#effects;
    if (!finalizers.used) return;
    await finalizers.prepareEnd();
    this.#scope.leave();
    for (const entry of this.#entries) this.#intake.reconsider(entry);
    await finalizers.end();
  }

  /** No new call is started; resolves when running ones have ended and their results are written. */
  async drain(): Promise<void> {
    this.#halted = true;
    this.#scope.close();
    await this.#worker.idle();
    await this.#effects.idle();
    await this.#checkpoint.flush({ clean: true });
  }

  /** The trigger is no more, and with it what is remembered of its objects. Called after `drain`. */
  async erase(): Promise<void> {
    await this.#checkpoint.clear();
  }

  /** Ends everything at once; running calls are given up. */
  stop(): void {
    this.#halted = true;
    this.#scope.close();
    this.#checkpoint.stop();
    this.#stop.abort(new Error('stopped'));
    this.#schedule.stop();
    this.#worker.stop();
    this.#effects.stop();
    this.#report.stop();
    this.#turn.unregister();
  }

  async #begin(): Promise<void> {
    if (!(await this.#continuation.begin(this.#stop.signal))) return;
    this.#effects.letters.open();
    this.#scope.open();
  }

  #forget(entry: Entry): void {
    for (const key of this.#entries.delete(entry)) this.#schedule.queue.add(key);
    this.#schedule.forget(entry.key);
    this.#setup.gate.forget(entry.key);
    this.#effects.forget(entry);
    this.#checkpoint.forget(entry);
    this.#report.forget(entry);
    this.#report.changed();
  }

  #context(): DeliveryContext | undefined {
    const { resource, rules } = this.#scope;
    if (this.#halted || this.#checkpoint.isTakenOver || !this.#children.isReady) return undefined;
    if (resource === undefined || rules === undefined || rules.suspend) return undefined;
    const setup = this.#setup;
    return {
      services: this.#services,
      setup,
      resource,
      rules,
      children: this.#children,
      isCurrent: () => !this.#halted && this.#setup === setup && this.#scope.rules === rules,
      observeRead: (entry, raw, object) => this.#intake.read(entry, raw, object, false),
    };
  }

  #handled(entry: Entry, { raw, childChanged }: Delivery, requeueAfterMs: number | undefined): void {
    entry.previousRaw = this.#setup.trigger.spec.payload.previous ? raw : undefined;
    // While a result is written, its base is the state that was sent; later states come with the watch.
    if (this.#scope.rules !== undefined && !needsDelivery(entry.record, this.#scope.rules))
      entry.raw = undefined;
    if (requeueAfterMs !== undefined) this.#schedule.requeue(entry.key, requeueAfterMs);
    if (childChanged) this.#intake.wish(entry.key, { reason: 'Child' });
    this.#report.changed();
  }
}
