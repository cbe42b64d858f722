import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import type { Meter } from '../model/metrics.ts';
import type { Discovery } from '../kube/discovery.ts';
import type { StreamPort } from '../kube/stream-port.ts';
import { Slots } from '../lib/slots.ts';
import { Source } from './source.ts';
import { keyText, type SourceKey } from './source-key.ts';
import type { SourceSubscriber, Subscription } from './source-subscriber.ts';

/** Lists at a time, over all sources: what a start costs the API server. */
const MAX_LISTS = 4;

/** How the objects are read as one identity. */
export interface SourceConnection {
  readonly transport: StreamPort;
  readonly discovery: Discovery;
}

interface Running {
  readonly source: Source;
  readonly stop: AbortController;
  readonly done: Promise<void>;
  subscribers: number;
}

/** Shares one source among all who want the same objects as the same identity; it lives as long as one of them. */
export class SourceRegistry {
  readonly #options: {
    readonly connect: (identity: string) => SourceConnection;
    readonly clock: Clock;
    readonly random: Random;
    readonly logger: Logger;
    readonly meter: Meter;
    readonly auditIntervalMs: number;
  };
  readonly #slots: Slots;
  readonly #auditSlots = new Slots(1);
  readonly #running = new Map<string, Running>();
  /** Sources that are on their way out. */
  readonly #stopping = new Set<Promise<void>>();

  constructor(options: {
    readonly connect: (identity: string) => SourceConnection;
    readonly clock: Clock;
    readonly random: Random;
    readonly logger: Logger;
    readonly meter: Meter;
    /** @defaultValue 4 */
    readonly maxLists?: number;
    /** How often each source compares what it knows with the server. @defaultValue 0: never */
    readonly auditIntervalMs?: number;
  }) {
    this.#options = { ...options, auditIntervalMs: options.auditIntervalMs ?? 0 };
    this.#slots = new Slots(options.maxLists ?? MAX_LISTS);
  }

  /** Sources running. */
  get size(): number {
    return this.#running.size;
  }

  subscribe(key: SourceKey, subscriber: SourceSubscriber): Subscription {
    const text = keyText(key);
    const running = this.#running.get(text) ?? this.#start(text, key);
    running.subscribers++;
    const subscription = running.source.subscribe(subscriber);
    let left = false;
    return {
      relist: () => subscription.relist(),
      unsubscribe: () => {
        if (left) return;
        left = true;
        subscription.unsubscribe();
        if (--running.subscribers === 0) this.#stop(text, running);
      },
    };
  }

  /** Stops every source; resolves when all sockets and timers are gone. */
  async stop(): Promise<void> {
    for (const [text, running] of this.#running) this.#stop(text, running);
    await Promise.all(this.#stopping);
  }

  #start(text: string, key: SourceKey): Running {
    const { connect, ...ports } = this.#options;
    const stop = new AbortController();
    const source = new Source({
      ...ports,
      ...connect(key.identity),
      watch: key,
      listSlots: this.#slots,
      auditSlots: this.#auditSlots,
    });
    const running: Running = { source, stop, done: source.run(stop.signal), subscribers: 0 };
    this.#running.set(text, running);
    return running;
  }

  #stop(text: string, running: Running): void {
    this.#running.delete(text);
    const done = running.done.finally(() => this.#stopping.delete(done));
    this.#stopping.add(done);
    running.stop.abort(new Error('stopped'));
  }
}
