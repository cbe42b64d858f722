/**
 * The queue of one trigger, as the pipeline sees it: keys by priority, with delays, each with one worker at a time, and
 * counted in the `workqueue_*` metrics under the trigger's name.
 *
 * Guarantees: k adds before a take are one run; k adds during a run are exactly one more; a key is never out twice.
 */
import type { Clock } from '../lib/clock.ts';
import type { ObjectKey } from '../model/kube-object.ts';
import type { MetricLabels, Meter } from '../model/metrics.ts';
import { DelayingQueue } from './delaying-queue.ts';
import type { Priority } from './work-queue.ts';

export interface TriggerQueueOptions {
  readonly clock: Pick<Clock, 'monotonic' | 'after'>;
  readonly meter: Meter;
  /** `namespace/name` of the trigger. */
  readonly name: string;
  /** Called whenever a key can be taken that could not before; synchronously, and once for keys that come together. */
  readonly onReady: () => void;
}

export class TriggerQueue {
  readonly #options: TriggerQueueOptions;
  readonly #labels: MetricLabels;
  readonly #queue: DelayingQueue;
  /** When each key began to need work, and when its run began: for the two duration metrics. */
  readonly #addedMs = new Map<ObjectKey, number>();
  readonly #takenMs = new Map<ObjectKey, number>();
  #shownDepth = 0;

  constructor(options: TriggerQueueOptions) {
    this.#options = options;
    this.#labels = { name: options.name };
    this.#queue = new DelayingQueue({
      clock: options.clock,
      onAdded: (key) => this.#noteAdded(key),
      onDue: () => this.#changed(0),
    });
    // So that dashboards see the series before the first key.
    options.meter.count('workqueue_adds_total', this.#labels, 0);
    options.meter.count('workqueue_retries_total', this.#labels, 0);
    options.meter.set('workqueue_depth', this.#labels, 0);
  }

  /** Keys that can be taken now. */
  get depth(): number {
    return this.#queue.depth;
  }

  /** Keys that become ready later. */
  get delayed(): number {
    return this.#queue.delayed;
  }

  /** Keys taken and not yet done. */
  get processing(): number {
    return this.#queue.processing;
  }

  isProcessing(key: ObjectKey): boolean {
    return this.#queue.isProcessing(key);
  }

  /** Whether a run is due, now or after the one that is going on. */
  isReady(key: ObjectKey): boolean {
    return this.#queue.isDirty(key);
  }

  isDelayed(key: ObjectKey): boolean {
    return this.#queue.isDelayed(key);
  }

  /** The key needs a run; a delay that it has ends. Added again it keeps the higher priority. */
  add(key: ObjectKey, priority: Priority = 'fresh'): void {
    const depth = this.depth;
    this.#queue.add(key, priority);
    this.#changed(depth);
  }

  /**
   * The key needs a run after `afterMs`, or earlier where it has an earlier time; a run that is due covers it. Without a
   * priority a retry (a key that is worked on) keeps the one it has, and any other key is fresh.
   */
  addAfter(key: ObjectKey, afterMs: number, priority?: Priority): void {
    const depth = this.depth;
    this.#options.meter.count('workqueue_retries_total', this.#labels);
    this.#queue.addAfter(key, afterMs, priority);
    this.#changed(depth);
  }

  /** The next key to work on, until `done`; undefined where none can be taken. */
  take(): ObjectKey | undefined {
    const key = this.#queue.take();
    if (key === undefined) return undefined;
    const nowMs = this.#options.clock.monotonic();
    this.#observe('workqueue_queue_duration_seconds', nowMs - (this.#addedMs.get(key) ?? nowMs));
    this.#addedMs.delete(key);
    this.#takenMs.set(key, nowMs);
    this.#showDepth();
    return key;
  }

  /** Ends the run of a key that was taken. */
  done(key: ObjectKey): void {
    const depth = this.depth;
    const takenMs = this.#takenMs.get(key);
    if (takenMs === undefined) return;
    this.#observe('workqueue_work_duration_seconds', this.#options.clock.monotonic() - takenMs);
    this.#takenMs.delete(key);
    this.#queue.done(key);
    this.#changed(depth);
  }

  /** Drops the key, waiting or delayed; while it is worked on, the run that would follow. */
  forget(key: ObjectKey): void {
    this.#queue.forget(key);
    this.#addedMs.delete(key);
    this.#showDepth();
  }

  /** Makes all delayed keys ready at once that pass the filter, in the order of their times; returns how many. */
  promoteAll(filter: (key: ObjectKey) => boolean = () => true): number {
    const depth = this.depth;
    const promoted = this.#queue.promoteAll(filter);
    this.#changed(depth);
    return promoted;
  }

  /** Makes the delayed key ready that is due first among those that pass the filter; returns whether there was one. */
  promoteNext(filter: (key: ObjectKey) => boolean = () => true): boolean {
    const depth = this.depth;
    const promoted = this.#queue.promoteNext(filter);
    this.#changed(depth);
    return promoted;
  }

  /** Nothing is added any more, delayed keys are dropped; what is ready can still be taken. */
  stop(): void {
    this.#queue.shutDown();
  }

  #noteAdded(key: ObjectKey): void {
    this.#options.meter.count('workqueue_adds_total', this.#labels);
    this.#addedMs.set(key, this.#options.clock.monotonic());
  }

  #changed(depthBefore: number): void {
    this.#showDepth();
    if (this.depth > depthBefore) this.#options.onReady();
  }

  #showDepth(): void {
    if (this.depth === this.#shownDepth) return;
    this.#shownDepth = this.depth;
    this.#options.meter.set('workqueue_depth', this.#labels, this.depth);
  }

  #observe(
    metric: 'workqueue_queue_duration_seconds' | 'workqueue_work_duration_seconds',
    durationMs: number,
  ): void {
    this.#options.meter.observe(metric, this.#labels, durationMs / 1000);
  }
}
