/**
 * Writes Kubernetes Events in the background. Recording never waits and never fails: what cannot be written is
 * counted and dropped. Rules and numbers are those of client-go's tools/events, with the older recorder's spam filter.
 *
 * Equal Events become a series: the first is created, the second makes it a series, later ones are only counted, and
 * the count is written every half hour and once the series has been idle for six minutes.
 */
import { hostname } from 'node:os';
import type { Clock, Timer } from '../lib/clock.ts';
import { ApiError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import type { KubeClient, KubeRequest } from '../model/kube-client.ts';
import type { Meter } from '../model/metrics.ts';
import { eventBody, type EventInput, eventName, eventNamespace, microTime, seriesKey } from './event-body.ts';
import { SpamFilter } from './spam-filter.ts';

/** What stages that only record need. */
export interface EventSink {
  record(event: EventInput): void;
}

export interface EventRecorderOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly meter: Meter;
  /** Names this process in `reportingInstance`. @defaultValue the host's name */
  readonly instance?: string;
}

interface Recorded {
  readonly event: EventInput;
  readonly name: string;
  readonly firstAtMs: number;
  created: boolean;
  queued: boolean;
  count: number;
  /** What the API server has been told. */
  written: number;
  /** Wall clock. */
  lastAtMs: number;
  /** Monotonic. */
  touchedMs: number;
  writtenMs: number;
}

const MAX_QUEUED = 1000;
/** One trigger leaves room for the others. */
const MAX_QUEUED_PER_TRIGGER = 500;
const MAX_SERIES = 4096;
const SENDERS = 8;
const MAX_TRIES = 12;
const RETRY_MS = 10_000;
const IDLE_MS = 6 * 60_000;
const REFRESH_MS = 30 * 60_000;
const SWEEP_MS = 60_000;
/** The API server could not take it now. Other answers are final. */
const PASSING = new Set([0, 401, 429, 503, 504]);

export class EventRecorder implements EventSink {
  readonly #options: EventRecorderOptions;
  readonly #instance: string;
  readonly #spam: SpamFilter = new SpamFilter();
  readonly #series = new Map<string, Recorded>();
  readonly #queue: Recorded[] = [];
  readonly #queuedBy = new Map<string, number>();
  readonly #stop = new AbortController();
  #stamp = 0n;
  #sending = 0;
  #stopping = false;
  #sweep: Timer | undefined;
  #onIdle: () => void = () => undefined;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#instance = options.instance ?? hostname();
  }

  record(event: EventInput): void {
    const { clock } = this.#options;
    const key = seriesKey(event);
    const known = this.#series.get(key);
    if (known !== undefined) {
      known.count += 1;
      known.lastAtMs = clock.now();
      known.touchedMs = clock.monotonic();
      if (known.count === 2) this.#enqueue(known);
      return;
    }
    const source = JSON.stringify([event.trigger, event.regarding.uid]);
    if (this.#stopping || !this.#spam.allows(source, clock.monotonic())) return this.#dropped(event);
    const recorded: Recorded = {
      event,
      name: eventName(event, this.#nextStamp()),
      firstAtMs: clock.now(),
      created: false,
      queued: false,
      count: 1,
      written: 0,
      lastAtMs: clock.now(),
      touchedMs: clock.monotonic(),
      writtenMs: clock.monotonic(),
    };
    if (!this.#enqueue(recorded)) return;
    this.#series.set(key, recorded);
    const [oldest] = this.#series.size > MAX_SERIES ? this.#series.keys() : [];
    if (oldest !== undefined) this.#finish(oldest);
    this.#sweep ??= clock.after(SWEEP_MS, () => this.#sweepSeries());
  }

  /**
   * Takes no more Events and writes those that wait, for as long as the deadline allows.
   *
   * @param withinMs @defaultValue 2,000
   */
  async stop(withinMs = 2000): Promise<void> {
    this.#stopping = true;
    this.#sweep?.cancel();
    if (this.#sending > 0) {
      const deadline = this.#options.clock.after(withinMs, () => {
        for (const { event } of this.#queue.splice(0)) this.#dropped(event);
        this.#stop.abort(new Error('stopped'));
      });
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
      deadline.cancel();
    }
  }

  /** False where the queue is full. */
  #enqueue(recorded: Recorded): boolean {
    if (recorded.queued) return true;
    const { trigger } = recorded.event;
    const waiting = this.#queuedBy.get(trigger) ?? 0;
    if (this.#queue.length >= MAX_QUEUED || waiting >= MAX_QUEUED_PER_TRIGGER) {
      this.#dropped(recorded.event);
      return false;
    }
    recorded.queued = true;
    this.#queue.push(recorded);
    this.#queuedBy.set(trigger, waiting + 1);
    if (this.#sending < SENDERS) void this.#send();
    return true;
  }

  /** One sender: works until the queue is empty. */
  async #send(): Promise<void> {
    this.#sending += 1;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      const { trigger } = next.event;
      const waiting = (this.#queuedBy.get(trigger) ?? 1) - 1;
      if (waiting === 0) this.#queuedBy.delete(trigger);
      else this.#queuedBy.set(trigger, waiting);
      next.queued = false;
      await this.#write(next);
      // It became a series while it was being created.
      if (next.created && next.written === 1 && next.count > 1) this.#enqueue(next);
    }
    this.#sending -= 1;
    if (this.#sending === 0) this.#onIdle();
  }

  async #write(recorded: Recorded): Promise<void> {
    const { clock, logger, random } = this.#options;
    for (let tries = 1; ; tries += 1) {
      const { count } = recorded;
      try {
        await this.#options.client.request({ ...this.#request(recorded), signal: this.#stop.signal });
        return this.#done(recorded, count);
      } catch (error) {
        if (this.#stop.signal.aborted) return this.#dropped(recorded.event);
        if (!(error instanceof ApiError)) throw error;
        // Created by a try whose answer was lost.
        if (!recorded.created && error.status === 409) return this.#done(recorded, count);
        if (recorded.created && error.status === 404) {
          // Events live for an hour: the series goes on in a new one.
          recorded.created = false;
          continue;
        }
        if (!PASSING.has(error.status) || tries >= MAX_TRIES) {
          logger.debug('event refused', {
            trigger: recorded.event.trigger,
            code: error.code,
            error: error.message,
          });
          this.#count(recorded.event, 'refused');
          return this.#dropped(recorded.event);
        }
        this.#count(recorded.event, 'retried');
        await clock.sleep(RETRY_MS * (1 + random() / 4), this.#stop.signal).catch(() => undefined);
      }
    }
  }

  #done(recorded: Recorded, count: number): void {
    recorded.created = true;
    recorded.written = count;
    recorded.writtenMs = this.#options.clock.monotonic();
    this.#count(recorded.event, 'written');
  }

  #request(recorded: Recorded): KubeRequest {
    const { count, created, event, firstAtMs, lastAtMs, name } = recorded;
    const collection = `/apis/events.k8s.io/v1/namespaces/${eventNamespace(event)}/events`;
    const series = count > 1 ? { count, lastObservedTime: microTime(lastAtMs) } : undefined;
    if (!created) {
      const body = eventBody(event, { name, instance: this.#instance, nowMs: firstAtMs, series });
      return { method: 'POST', path: collection, body };
    }
    return {
      method: 'PATCH',
      path: `${collection}/${name}`,
      contentType: 'application/strategic-merge-patch+json',
      body: JSON.stringify({ series }),
    };
  }

  #sweepSeries(): void {
    const nowMs = this.#options.clock.monotonic();
    for (const [key, recorded] of this.#series) {
      if (nowMs - recorded.touchedMs >= IDLE_MS) this.#finish(key);
      else if (recorded.count > recorded.written && nowMs - recorded.writtenMs >= REFRESH_MS)
        this.#enqueue(recorded);
    }
    this.#sweep =
      this.#series.size === 0 ? undefined : this.#options.clock.after(SWEEP_MS, () => this.#sweepSeries());
  }

  /** Forgets a series; what the API server has not been told of it is written a last time. */
  #finish(key: string): void {
    const recorded = this.#series.get(key);
    this.#series.delete(key);
    if (recorded !== undefined && recorded.created && recorded.count > recorded.written)
      this.#enqueue(recorded);
  }

  #dropped({ trigger }: EventInput): void {
    this.#options.meter.count('statewire_events_dropped_total', { trigger });
  }

  #count({ trigger }: EventInput, result: 'written' | 'refused' | 'retried'): void {
    this.#options.meter.count('statewire_result_writes_total', { trigger, what: 'event', result });
  }

  /** Nanoseconds since 1970, as far as a clock of milliseconds gives them: the rest tells processes apart. */
  #nextStamp(): bigint {
    const { clock, random } = this.#options;
    const stamp = BigInt(Math.trunc(clock.now())) * 1_000_000n + BigInt(Math.floor(random() * 1_000_000));
    this.#stamp = stamp > this.#stamp ? stamp : this.#stamp + 1n;
    return this.#stamp;
  }
}
