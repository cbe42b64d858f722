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
import { needsDelivery, type Rules, wantsDeleted } from '../filter/rules.ts';
import { Alarm } from '../lib/alarm.ts';
import { apiVersionOf, type Resource } from '../model/resource.ts';
import { ChildTracker } from './child-tracker.ts';
import type { DeliveryContext } from './delivery.ts';
import { Entries, type Entry } from './entry.ts';
import { Intake } from './intake.ts';
import { OwnWrites } from './own-writes.ts';
import { applierOf, ResultWriter } from './result-writer.ts';
import { Schedule } from './schedule.ts';
import type { Services } from './services.ts';
import { isEqual, rulesOf, type Setup } from './setup.ts';
import { TriggerReport } from './trigger-report.ts';
import { Watches } from './watches.ts';
import { Worker } from './worker.ts';

export class TriggerPipeline {
  readonly #services: Services;
  readonly #entries = new Entries();
  readonly #report: TriggerReport;
  readonly #intake: Intake;
  readonly #children: ChildTracker;
  readonly #watches: Watches;
  readonly #schedule: Schedule;
  readonly #results: ResultWriter;
  readonly #worker: Worker;
  readonly #gateAlarm: Alarm;
  readonly #turn: { wake(): void; unregister(): void };
  readonly #stop = new AbortController();
  #setup: Setup;
  #resource: Resource | undefined;
  #rules: Rules | undefined;
  #synced = false;
  /** While set, nothing is sent: the trigger is invalid or going. */
  #halted = false;

  constructor(services: Services, setup: Setup) {
    const { clock, meter, logger, turns } = services;
    const { name } = setup;
    const log = logger.with({ trigger: name });
    this.#services = services;
    this.#setup = setup;
    const entries = this.#entries;
    this.#report = new TriggerReport({
      services,
      identity: () => this.#setup.trigger.identity,
      name,
      entries,
      inFlight: () => this.#worker.running,
    });
    this.#schedule = new Schedule({
      clock,
      meter,
      name,
      random: services.random,
      spec: setup.trigger.spec,
      onReady: () => this.#turn.wake(),
      onWakeup: (key, wakeup) => this.#intake.wish(key, wakeup),
    });
    this.#children = new ChildTracker({
      fieldManager: setup.fieldManager,
      changed: (owner) => this.#intake.wish(owner, { reason: 'Child' }),
      writing: (owner) => (entries.get(owner)?.writing ?? 0) > 0,
    });
    this.#watches = new Watches(services, this.#children, log);
    this.#intake = new Intake({
      entries,
      trigger: name,
      rules: () => this.#rules,
      clock,
      meter,
      logger: log,
      pass: (key, options) => this.#schedule.pass(key, options),
      met: ({ key }) => this.#schedule.resyncLater(key),
      forget: (entry) => this.#forget(entry),
      filterHealth: (entry, problem) => this.#report.filter(entry, problem),
    });
    const writes = new OwnWrites({
      intake: this.#intake,
      children: this.#children,
      rules: () => this.#currentRules(),
      clock,
      pass: (entry) => this.#schedule.pass(entry.key),
      released: (entry) => {
        for (const key of entries.written(entry)) this.#schedule.queue.add(key);
      },
    });
    this.#results = new ResultWriter({
      applier: applierOf(services, setup, () => this.#setup.trigger.spec.watch.owns),
      writes,
      children: this.#children,
      signal: this.#stop.signal,
      applied: (entry, problem) => this.#report.applied(entry, problem),
    });
    this.#gateAlarm = new Alarm(clock, () => this.#probe());
    this.#worker = new Worker({
      entries,
      queue: this.#schedule.queue,
      results: this.#results,
      context: () => this.#context(),
      settling: (key) => this.#schedule.settles(key),
      wake: () => this.#turn.wake(),
      wakeAt: (atMs) => this.#gateAlarm.set(atMs),
      signal: this.#stop.signal,
      events: {
        started: ({ key }) => {
          this.#schedule.resyncLater(key);
          this.#report.changed();
        },
        circuit: (problem) => this.#report.circuit(problem),
        slowed: (entry, first) => this.#report.slowed(entry, this.#setup.trigger, first),
        handled: (entry, { raw }, requeueAfterMs) => this.#handled(entry, raw, requeueAfterMs),
        exhausted: (entry, failure, attempts) =>
          this.#report.exhausted(entry, this.#setup.trigger, failure, attempts),
        removed: (entry) => this.#forget(entry),
      },
    });
    this.#turn = turns.register({ hasWork: () => this.#worker.hasWork(), start: () => this.#worker.start() });
  }

  /** Whether the first list has been taken in, or cannot be had for now. */
  get settled(): boolean {
    return this.#synced;
  }

  start(): void {
    const { meter } = this.#services;
    meter.initTrigger(this.#setup.name, this.#setup.target.type);
    this.#accept();
    this.#subscribe();
  }

  /** The trigger was edited. Calls under way end as they began; handled objects are not sent again. */
  edit(setup: Setup): void {
    const before = this.#setup.trigger;
    const after = setup.trigger;
    setup.gate.succeed(this.#setup.gate);
    this.#setup = setup;
    this.#halted = false;
    this.#accept();
    if (this.#resource !== undefined) this.#resolved(this.#resource);
    this.#schedule.edit(
      after.spec,
      Array.from(this.#entries, ({ key }) => key),
    );
    const selectionChanged = !isEqual(before.spec.watch, after.spec.watch);
    if (selectionChanged) this.#synced = false;
    this.#intake.expectRelist({ selectionChanged });
    if (selectionChanged) {
      this.#watches.close();
      this.#subscribe();
    } else {
      this.#watches.relist();
    }
    for (const entry of this.#entries) this.#reconsider(entry);
    // What failed at another target says nothing about this one.
    if (!isEqual(before.spec.target, after.spec.target)) this.#worker.retryAll();
    if (after.redeliverAt !== undefined && after.redeliverAt !== before.redeliverAt) {
      const { redeliverAt } = after;
      for (const { key } of this.#entries)
        this.#intake.wish(key, { reason: 'Redeliver', value: redeliverAt });
    }
    this.#turn.wake();
  }

  /** The trigger became invalid: nothing is sent until it is mended, and everything is remembered. */
  halt(reason: string, message: string): void {
    this.#halted = true;
    this.#report.refused(reason, message);
  }

  /** No new call is started; resolves when running ones have ended and their results are written. */
  async drain(): Promise<void> {
    this.#halted = true;
    this.#watches.close();
    await this.#worker.idle();
    await this.#results.idle();
  }

  /** Ends everything at once; running calls are given up. */
  stop(): void {
    this.#halted = true;
    this.#watches.close();
    this.#stop.abort(new Error('stopped'));
    this.#schedule.stop();
    this.#gateAlarm.stop();
    this.#report.stop();
    this.#turn.unregister();
  }

  // ── source ────────────────────────────────────────────────────────────────────────────────────────────────────

  #subscribe(): void {
    this.#watches.open(this.#setup.trigger, {
      resolved: (resource) => this.#resolved(resource),
      delta: (delta) => {
        this.#intake.delta(delta);
        this.#report.changed();
      },
      synced: () => {
        this.#synced = true;
        this.#intake.synced();
        this.#report.changed();
      },
      health: (health) => {
        if (health.state !== 'Syncing') this.#synced = true;
        if (this.#resource?.namespaced !== false) this.#report.source(health);
      },
    });
  }

  #resolved(resource: Resource): void {
    this.#resource = resource;
    if (!resource.namespaced) {
      // A trigger watches its own namespace; what belongs to the whole cluster is not its to see.
      this.#rules = undefined;
      const kind = `kind "${resource.kind}" of "${apiVersionOf(resource)}"`;
      this.#report.refused(
        'ClusterScoped',
        `spec.watch.kind: ${kind} is cluster-scoped; a FunctionTrigger watches its own namespace`,
      );
      return;
    }
    this.#rules = rulesOf(this.#setup, resource);
  }

  #currentRules(): Rules {
    if (this.#rules === undefined) throw new Error('an object arrived before its kind was resolved');
    return this.#rules;
  }

  /** The trigger was edited: what waits may be due now, or never. */
  #reconsider(entry: Entry): void {
    const { key, record, gone } = entry;
    const rules = this.#rules;
    if (rules === undefined) return;
    if (gone && !wantsDeleted(record, rules)) this.#forget(entry);
    else if (needsDelivery(record, rules) && !this.#schedule.settles(key))
      this.#schedule.pass(key, { immediate: gone });
  }

  #forget(entry: Entry): void {
    for (const key of this.#entries.delete(entry)) this.#schedule.queue.add(key);
    this.#schedule.forget(entry.key);
    this.#setup.gate.forget(entry.key);
    this.#results.forget(entry);
    this.#report.forget(entry);
    this.#report.changed();
  }

  // ── dispatch → target → outcome ───────────────────────────────────────────────────────────────────────────────

  #context(): DeliveryContext | undefined {
    if (this.#halted || this.#resource === undefined || this.#rules === undefined) return undefined;
    if (this.#rules.suspend) return undefined;
    const setup = this.#setup;
    const rules = this.#rules;
    return {
      services: this.#services,
      setup,
      resource: this.#resource,
      rules,
      children: this.#children,
      isCurrent: () => !this.#halted && this.#setup === setup && this.#rules === rules,
      observeRead: (entry, raw, object) => this.#intake.read(entry, raw, object, false),
    };
  }

  /** While the circuit is open and nothing else is ready, the object that is due first is sent as the probe. */
  #probe(): void {
    const { queue } = this.#schedule;
    if (this.#setup.gate.nextProbeAtMs !== undefined && queue.depth === 0) {
      queue.promoteNext((key) => this.#entries.get(key)?.retrying === true && !this.#schedule.settles(key));
    }
    this.#turn.wake();
  }

  #handled(entry: Entry, raw: string | undefined, requeueAfterMs: number | undefined): void {
    entry.previousRaw = this.#setup.trigger.spec.payload.previous ? raw : undefined;
    // While a result is written, its base is the state that was sent; later states come with the watch.
    if (this.#rules !== undefined && !needsDelivery(entry.record, this.#rules)) entry.raw = undefined;
    if (requeueAfterMs !== undefined) this.#schedule.requeue(entry.key, requeueAfterMs);
    this.#report.changed();
  }

  #accept(): void {
    this.#report.accepted(this.#setup.target.description);
    this.#report.fresh();
  }
}
