/** One forwarder process: everything it holds, and nothing that outlives it. It can be killed at any moment. */
import { EventRecorder, type EventSink } from '../../forwarder/apply/event-recorder.ts';
import type { SegmentStores } from '../../forwarder/checkpoint/segment-store.ts';
import { DeadLetters } from '../../forwarder/dead-letter/dead-letters.ts';
import { Discovery } from '../../forwarder/kube/discovery.ts';
import { OpenApi } from '../../forwarder/kube/openapi.ts';
import { type Clock, sleepOn, type Timer } from '../../forwarder/lib/clock.ts';
import type { Logger } from '../../forwarder/lib/logger.ts';
import { Slots } from '../../forwarder/lib/slots.ts';
import type { Services } from '../../forwarder/pipeline/services.ts';
import { TriggerController } from '../../forwarder/pipeline/trigger-controller.ts';
import { followApiTriggers, type TriggerSource } from '../../forwarder/pipeline/trigger-sources.ts';
import { Turns } from '../../forwarder/queue/turns.ts';
import { TriggerStatusWriter } from '../../forwarder/status/trigger-status-writer.ts';
import type { Dice } from './dice.ts';
import type { SimulatedFunctions } from './functions.ts';
import { Gauges } from './gauges.ts';
import { Link, type LinkOptions } from './link.ts';
import { type OnTold, ToldSources } from './told-sources.ts';
import type { VirtualClock } from './virtual-clock.ts';

const AUDIT_EVERY_MS = 600_000;
const GRACE_MS = 25_000;

/** The time of one process: its timers end with it, and run late while its event loop is blocked. */
class ProcessClock implements Clock {
  readonly #world: VirtualClock;
  isOver = false;
  blockedUntilMs = 0;

  constructor(world: VirtualClock) {
    this.#world = world;
  }

  now(): number {
    return this.#world.now();
  }

  monotonic(): number {
    return this.#world.monotonic();
  }

  after(delayMs: number, action: () => void): Timer {
    let timer = this.#world.after(delayMs, run);
    // oxlint-disable-next-line typescript/no-this-alias
    const clock = this;
    function run(): void {
      if (clock.isOver) return;
      const lateMs = clock.blockedUntilMs - clock.monotonic();
      if (lateMs > 0) timer = clock.#world.after(lateMs, run);
      else action();
    }
    return { cancel: () => timer.cancel() };
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal);
  }

  soon(action: () => void): void {
    this.after(0, action);
  }
}

export interface ProcessOptions extends LinkOptions {
  readonly number: number;
  readonly functions: SimulatedFunctions;
  readonly dice: Dice;
  readonly onEvent: EventSink['record'];
  readonly onTold: OnTold;
  readonly logger: Logger;
  readonly checkpoints: (link: Link, isOver: () => boolean) => SegmentStores;
}

export class SimulatedProcess {
  readonly number: number;
  readonly link: Link;
  readonly controller: TriggerController;
  readonly gauges: Gauges = new Gauges();
  readonly #clock: ProcessClock;
  readonly #services: Services;
  readonly #recorder: EventRecorder;
  readonly #triggers: TriggerSource;

  constructor(options: ProcessOptions) {
    const { number, functions, dice, logger, onEvent, onTold } = options;
    const random = dice.fork().random;
    const clock = new ProcessClock(options.clock);
    const link = new Link({ ...options, dice: dice.fork() });
    const meter = this.gauges;
    const discovery = new Discovery(link);
    const sources = new ToldSources({
      connect: () => ({ transport: link, discovery }),
      clock,
      random,
      logger,
      meter,
      auditIntervalMs: AUDIT_EVERY_MS,
      onTold,
    });
    const recorder = new EventRecorder({ client: link, clock, random, logger, meter, instance: 'simulated' });
    const writeSlots = new Slots(32);
    const deadLetters = new DeadLetters({
      client: link,
      sources,
      clock,
      random,
      logger,
      writeSlots,
      identity: 'forwarder',
      ownable: true,
      allNamespaces: true,
    });
    const target = functions.target({ number, clock, isOver: () => clock.isOver });
    this.number = number;
    this.link = link;
    this.#clock = clock;
    this.#recorder = recorder;
    this.#services = {
      client: link,
      sources,
      discovery,
      schemas: new OpenApi({ client: link, clock }),
      recorder: {
        record: (event) => {
          if (clock.isOver) return;
          onEvent(event);
          recorder.record(event);
        },
      },
      writeSlots,
      turns: new Turns({ clock }),
      createTarget: () => target,
      status: new TriggerStatusWriter({ client: link, clock, random, logger }),
      deadLetters,
      checkpoints: options.checkpoints(link, () => clock.isOver),
      meter,
      logger,
      clock,
      random,
      clusterId: 'simulated',
      identityOf: sources.identityOf,
    };
    this.controller = new TriggerController({ services: this.#services, from: 'api', namespaces: [] });
    this.#triggers = followApiTriggers({
      sources,
      controller: this.controller,
      namespaces: [],
      identity: 'forwarder',
      logger,
    });
  }

  get isOver(): boolean {
    return this.#clock.isOver;
  }

  /** SIGKILL: nothing more comes of it, but for what is on its way. */
  kill(): void {
    this.#clock.isOver = true;
    this.link.sever();
  }

  /** Its event loop is blocked: timers run late. */
  block(ms: number): void {
    this.#clock.blockedUntilMs = this.#clock.monotonic() + ms;
  }

  /** SIGTERM: running calls end, what is known is written down. */
  async stop(): Promise<void> {
    const { controller } = this;
    this.#triggers.stop();
    const over = Promise.withResolvers<void>();
    const timer = this.#clock.after(GRACE_MS, over.resolve);
    await Promise.race([controller.drain(), over.promise]);
    timer.cancel();
    controller.stop();
    const { status, deadLetters, sources } = this.#services;
    await Promise.all([status.flush(), this.#recorder.stop(), deadLetters.stop(), sources.stop()]);
    this.kill();
  }
}
