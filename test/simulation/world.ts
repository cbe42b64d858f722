/** A cluster, its people, their functions and a forwarder, of one seed; time passes from one fact to the next. */
import {
  type MemorySegmentStore,
  MemorySegmentStores,
} from '../../forwarder/checkpoint/memory-segment-store.ts';
import { History } from '../support/history/history.ts';
import { leaks, watchedLogger } from './canary.ts';
import { Cluster } from './cluster.ts';
import { Dice, mix } from './dice.ts';
import type { Stage } from './link.ts';
import { SimulatedFunctions } from './functions.ts';
import { SimulatedProcess } from './process.ts';
import { Recorder } from './recorder.ts';
import { SegmentLink } from './segments.ts';
import { drawTriggers, factOf, furnished, manifestOf, type SimulatedTrigger } from './triggers.ts';
import { VirtualClock } from './virtual-clock.ts';
import { Weather } from './weather.ts';

export class World {
  readonly clock: VirtualClock = new VirtualClock();
  readonly weather: Weather = new Weather();
  readonly dice: Dice;
  readonly history: History;
  readonly cluster: Cluster;
  readonly functions: SimulatedFunctions;
  /** Through which API server the forwarder goes. */
  usesReplica: boolean = false;
  /** The process is killed after so many effects from now; undefined: it is not. */
  killAfter: number | undefined;
  /** Something that goes out from the process arrives, is done or known. */
  onStage: (stage: Stage) => void = () => undefined;
  #stores = new MemorySegmentStores();
  readonly #recorder: Recorder;
  #triggers: readonly SimulatedTrigger[] = [];
  #process: SimulatedProcess | undefined;
  #processes = 0;
  /** Of the process that was started last. */
  #way: Weather | undefined;

  /** @param triggers default: drawn by the seed @param isPlain without finalizers, gates, pauses and resyncs */
  constructor(seed: number, history: History, triggers?: readonly SimulatedTrigger[], isPlain = false) {
    const { clock } = this;
    this.dice = new Dice(seed);
    this.history = history;
    this.cluster = new Cluster(clock, this.dice);
    this.#recorder = new Recorder({ history, clock, store: this.cluster.server.store });
    this.functions = new SimulatedFunctions({ clock, history, dice: this.dice.fork() });
    this.functions.onStage = (stage) => this.#stage(stage);
    this.weather.latencyMs = this.dice.pick([0, 5, 50]);
    const drawn = triggers ?? drawTriggers(this.dice);
    const all = triggers ?? (isPlain ? drawn : furnished(drawn, new Dice(mix(seed, 1))));
    for (const trigger of all) this.put(trigger);
  }

  get process(): SimulatedProcess | undefined {
    return this.#process?.isOver === true ? undefined : this.#process;
  }

  get triggers(): readonly SimulatedTrigger[] {
    return this.#triggers;
  }

  /** A trigger comes, or is edited. */
  put(trigger: SimulatedTrigger): void {
    this.#triggers = [...this.#triggers.filter(({ name }) => name !== trigger.name), trigger];
    this.history.record(factOf(trigger, true, this.clock.monotonic()));
    this.#recorder.measure(trigger);
    this.cluster.putTrigger(manifestOf(trigger) as { readonly metadata: { readonly name: string } });
  }

  start(): void {
    if (this.process !== undefined) return;
    const number = ++this.#processes;
    const { clock, functions, history, cluster } = this;
    // Each has a way of its own, in the weather that all have.
    const weather = Object.create(this.weather) as Weather;
    this.#way = weather;
    const dice = this.dice.fork();
    const atMs = clock.monotonic();
    history.record({ fact: 'start', atMs, process: number });
    this.#process = new SimulatedProcess({
      number,
      clock,
      dice,
      weather,
      functions,
      logger: watchedLogger(() => this.#leaked('a log line')),
      handle: (request) => {
        if (request.body !== undefined && leaks(request.body))
          this.#leaked(`${request.method} ${request.path}`);
        return (this.usesReplica ? cluster.replica : cluster.server).handle(request);
      },
      onStage: (stage) => this.#stage(stage),
      onEvent: ({ reason, regarding: { uid }, trigger }) => {
        if (reason === 'DeliveryFailed')
          history.record({ fact: 'given-up', atMs: clock.monotonic(), trigger, uid });
      },
      onTold: (trigger, { type, head: { uid, resourceVersion: rv } }) =>
        history.record({ fact: 'told', atMs: clock.monotonic(), process: number, trigger, uid, rv, type }),
      checkpoints: (_link, isOver) =>
        new SegmentLink({
          stores: this.#stores,
          clock,
          dice: dice.fork(),
          weather,
          isOver,
          onStage: (stage) => this.onStage(stage),
          onCreated: (trigger, { records }) => {
            if (leaks(records)) this.#leaked('a checkpoint');
            history.record({ fact: 'checkpoint', atMs: clock.monotonic(), process: number, trigger });
            this.#count();
          },
        }),
    });
  }

  /** The process is cut off from the API server and lives on, and another one is started. */
  replace(): { readonly number: number; readonly reconnect: () => void; readonly kill: () => void } {
    const { process } = this;
    const way = this.#way;
    if (process === undefined || way === undefined) throw new Error('there is no process to replace');
    way.isDown = true;
    process.link.cut('reset');
    this.#process = undefined;
    this.start();
    return {
      number: process.number,
      reconnect: () => void (way.isDown = false),
      kill: () => process.kill(),
    };
  }

  kill(): void {
    const { process } = this;
    this.killAfter = undefined;
    if (process === undefined) return;
    this.history.record({ fact: 'crash', atMs: this.clock.monotonic(), process: process.number });
    process.kill();
  }

  /** Somebody has what was given up tried again. */
  replay(): void {
    for (const { trigger, uid } of this.cluster.replayLetters())
      this.history.record({ fact: 'ask', atMs: this.clock.monotonic(), trigger, uid, reason: 'Replay' });
  }

  /** The process is killed, and what it had written down is gone. */
  loseCheckpoints(): void {
    this.kill();
    this.#stores = new MemorySegmentStores();
    for (const { name } of this.#triggers) this.#lost(name);
  }

  /** The process is killed, and a part of what it had written down for a trigger cannot be read. */
  damageCheckpoint(name: string, dice: Dice): void {
    this.kill();
    const uid = this.cluster.triggerUid(name);
    const { documents } = this.#stores.open({
      namespace: 'shop',
      name,
      uid,
      generation: 1,
    }) as MemorySegmentStore;
    const seq = dice.pick([...documents.keys()]);
    const document = documents.get(seq);
    if (document === undefined) return;
    documents.set(seq, { ...document, records: `${document.records}?` });
    this.#lost(name);
  }

  #lost(name: string): void {
    this.history.record({
      fact: 'checkpoint-lost',
      atMs: this.clock.monotonic(),
      trigger: `shop/${name}`,
    });
  }

  /** What the process keeps of each trigger's objects. @param isSettled nothing is left to do */
  recordHoldings(isSettled: boolean): void {
    const { process } = this;
    for (const { name } of this.#triggers) {
      const trigger = `shop/${name}`;
      const objects = process?.gauges.value('statewire_tracked_objects', trigger);
      const waiting = process?.gauges.value('workqueue_depth', trigger);
      if (process === undefined || objects === undefined || waiting === undefined) continue;
      this.history.record({
        fact: 'holds',
        atMs: this.clock.monotonic(),
        process: process.number,
        trigger,
        objects,
        waiting,
        ...(isSettled && { settled: true }),
      });
    }
  }

  async stop(): Promise<void> {
    const { process } = this;
    if (process === undefined) return;
    this.history.record({ fact: 'drain', atMs: this.clock.monotonic(), process: process.number });
    await process.stop();
    this.history.record({ fact: 'stop', atMs: this.clock.monotonic(), process: process.number });
  }

  #leaked(where: string): void {
    this.history.record({ fact: 'leak', atMs: this.clock.monotonic(), where });
  }

  #stage(stage: Stage): void {
    this.onStage(stage);
    if (stage === 'done') this.#count();
  }

  #count(): void {
    if (this.killAfter !== undefined && --this.killAfter <= 0) this.kill();
  }
}
