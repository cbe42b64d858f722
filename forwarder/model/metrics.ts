/** Every metric by name: the single source of what `/metrics` shows, and the port by which stages count. */

export interface MetricDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  readonly buckets?: readonly number[];
}

export type MetricName =
  | 'statewire_watch_events_total'
  | 'statewire_watch_restarts_total'
  | 'statewire_relists_total'
  | 'statewire_watch_last_byte_seconds'
  | 'statewire_audits_total'
  | 'statewire_audit_repairs_total'
  | 'statewire_filtered_total'
  | 'statewire_coalesced_total'
  | 'statewire_storm_delays_total'
  | 'statewire_invocations_total'
  | 'statewire_invocation_duration_seconds'
  | 'statewire_event_to_invocation_seconds'
  | 'statewire_pending'
  | 'statewire_in_flight'
  | 'statewire_dead_letters'
  | 'statewire_watched_objects'
  | 'statewire_tracked_objects'
  | 'statewire_checkpoint_bytes'
  | 'statewire_circuit_open'
  | 'statewire_callbacks_total'
  | 'statewire_filter_errors_total'
  | 'statewire_result_writes_total'
  | 'statewire_events_dropped_total'
  | 'statewire_finalizers_released_total'
  | 'workqueue_depth'
  | 'workqueue_adds_total'
  | 'workqueue_retries_total'
  | 'workqueue_queue_duration_seconds'
  | 'workqueue_work_duration_seconds'
  | 'rest_client_requests_total'
  | 'rest_client_request_duration_seconds'
  | 'leader_election_master_status';

const LATENCY_BUCKETS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900,
];
const WORKQUEUE_BUCKETS = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10, 100, 1000];
const REST_BUCKETS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];

export const METRICS: Readonly<Record<MetricName, MetricDefinition>> = {
  statewire_watch_events_total: {
    type: 'counter',
    help: 'Watch events received.',
    labels: ['source', 'type'],
  },
  statewire_watch_restarts_total: {
    type: 'counter',
    help: 'Watches opened again, by reason.',
    labels: ['source', 'reason'],
  },
  statewire_relists_total: { type: 'counter', help: 'Lists made, by reason.', labels: ['source', 'reason'] },
  statewire_watch_last_byte_seconds: {
    type: 'gauge',
    help: 'Seconds since the watch last sent a byte.',
    labels: ['source'],
  },
  statewire_audits_total: {
    type: 'counter',
    help: 'Comparisons of everything known with the server, by result: clean, repaired, relisted, failed, abandoned.',
    labels: ['source', 'result'],
  },
  statewire_audit_repairs_total: {
    type: 'counter',
    help: 'Changes that a watch withheld and an audit told: added, updated, deleted.',
    labels: ['source', 'kind'],
  },
  statewire_filtered_total: {
    type: 'counter',
    help: 'Changes that did not matter, by reason.',
    labels: ['trigger', 'reason'],
  },
  statewire_coalesced_total: {
    type: 'counter',
    help: 'Changes that were merged into a waiting delivery.',
    labels: ['trigger'],
  },
  statewire_storm_delays_total: {
    type: 'counter',
    help: 'Deliveries that the storm guard slowed.',
    labels: ['trigger'],
  },
  statewire_invocations_total: {
    type: 'counter',
    help: 'Invocations by result.',
    labels: ['trigger', 'target', 'result'],
  },
  statewire_invocation_duration_seconds: {
    type: 'histogram',
    help: 'Time from the start of a call to its outcome.',
    labels: ['trigger', 'target'],
    buckets: LATENCY_BUCKETS,
  },
  statewire_event_to_invocation_seconds: {
    type: 'histogram',
    help: 'Time from receiving the change to the start of its call.',
    labels: ['trigger'],
    buckets: LATENCY_BUCKETS,
  },
  statewire_pending: {
    type: 'gauge',
    help: 'Objects with a state that is not handled yet.',
    labels: ['trigger'],
  },
  statewire_in_flight: { type: 'gauge', help: 'Calls that are running.', labels: ['trigger'] },
  statewire_dead_letters: {
    type: 'gauge',
    help: 'Objects whose newest state is not tried again.',
    labels: ['trigger'],
  },
  statewire_watched_objects: { type: 'gauge', help: 'Objects in scope.', labels: ['trigger'] },
  statewire_tracked_objects: {
    type: 'gauge',
    help: 'Objects of which something is kept in memory: in scope, or gone and not told yet.',
    labels: ['trigger'],
  },
  statewire_checkpoint_bytes: {
    type: 'gauge',
    help: 'Size of what is stored of handled objects.',
    labels: ['trigger'],
  },
  statewire_circuit_open: {
    type: 'gauge',
    help: '1 while the circuit to the target is open.',
    labels: ['trigger'],
  },
  statewire_callbacks_total: {
    type: 'counter',
    help: 'Results that came by callback, and requests that were refused.',
    labels: ['result'],
  },
  statewire_filter_errors_total: {
    type: 'counter',
    help: 'Errors while evaluating spec.when.',
    labels: ['trigger'],
  },
  statewire_result_writes_total: {
    type: 'counter',
    help: 'Writes of results by what was written and what came of it.',
    labels: ['trigger', 'what', 'result'],
  },
  statewire_events_dropped_total: {
    type: 'counter',
    help: 'Kubernetes Events that were not written.',
    labels: ['trigger'],
  },
  statewire_finalizers_released_total: {
    type: 'counter',
    help: 'Finalizers removed from objects, by why.',
    labels: ['trigger', 'reason'],
  },
  workqueue_depth: { type: 'gauge', help: 'Current depth of the queue.', labels: ['name'] },
  workqueue_adds_total: { type: 'counter', help: 'Keys added to the queue.', labels: ['name'] },
  workqueue_retries_total: {
    type: 'counter',
    help: 'Keys added to the queue with a delay.',
    labels: ['name'],
  },
  workqueue_queue_duration_seconds: {
    type: 'histogram',
    help: 'Time a key waits in the queue before it is taken.',
    labels: ['name'],
    buckets: WORKQUEUE_BUCKETS,
  },
  workqueue_work_duration_seconds: {
    type: 'histogram',
    help: 'Time from taking a key to being done with it.',
    labels: ['name'],
    buckets: WORKQUEUE_BUCKETS,
  },
  rest_client_requests_total: {
    type: 'counter',
    help: 'Requests to the API server by status code, method and host.',
    labels: ['code', 'method', 'host'],
  },
  rest_client_request_duration_seconds: {
    type: 'histogram',
    help: 'Duration of requests to the API server by verb and host.',
    labels: ['verb', 'host'],
    buckets: REST_BUCKETS,
  },
  leader_election_master_status: {
    type: 'gauge',
    help: '1 while this process may invoke functions.',
    labels: ['name'],
  },
};

export type MetricLabels = Readonly<Record<string, string>>;

/** The metrics port. Unknown labels are a bug and throw. */
export interface Meter {
  /** Adds to a counter. @defaultValue by 1 */
  count(name: MetricName, labels: MetricLabels, by?: number): void;
  /** Sets a gauge. */
  set(name: MetricName, labels: MetricLabels, value: number): void;
  /** A gauge that is read whenever it is shown, until the returned function is called. */
  gauge(name: MetricName, labels: MetricLabels, read: () => number): () => void;
  /** Observes a value (seconds) in a histogram. */
  observe(name: MetricName, labels: MetricLabels, value: number): void;
  /** Drops every series that has all these labels, as when a trigger goes. */
  forget(labels: MetricLabels): void;
}

export const noMeter: Meter = {
  count: () => undefined,
  set: () => undefined,
  gauge: () => () => undefined,
  observe: () => undefined,
  forget: () => undefined,
};
