/**
 * What is used of the Kafka client. Loaded by the first call (the bundle carries it packed), so nothing of ours may be
 * imported here: it would exist twice.
 */
import kafkajs from 'kafkajs';
// @ts-expect-error a part of the client without types
import RequestQueue from 'kafkajs/src/network/requestQueue/index.js';

export const ConfigResourceTypes: typeof kafkajs.ConfigResourceTypes = kafkajs.ConfigResourceTypes;
export const Kafka: typeof kafkajs.Kafka = kafkajs.Kafka;
export const logLevel: typeof kafkajs.logLevel = kafkajs.logLevel;
export const Partitioners: typeof kafkajs.Partitioners = kafkajs.Partitioners;

interface Queue {
  readonly pending: readonly unknown[];
  /** Milliseconds since 1970; -1 where the broker has never throttled us. */
  readonly throttledUntil: number;
  scheduleCheckPendingRequests: (this: Queue) => void;
}

// After each answer, 2.2.4 sets a timer of a negative time to look at a queue that is empty; Node complains of that on
// stderr, among our log lines.
const { prototype } = RequestQueue as { readonly prototype: Queue };
const schedule = prototype.scheduleCheckPendingRequests;
prototype.scheduleCheckPendingRequests = function (this: Queue): void {
  const isThrottled = this.throttledUntil > new Date().getTime();
  if (this.pending.length > 0 || isThrottled) schedule.call(this);
};
