/** The metrics port on prom-client, with a registry of its own. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import {
  type Meter,
  type MetricDefinition,
  type MetricLabels,
  type MetricName,
  METRICS,
} from '../model/metrics.ts';
import type { OutcomeLabel } from '../model/outcome.ts';

export interface PrometheusMeterOptions {
  /** Memory, CPU, garbage collection and event loop of this process. @defaultValue true */
  readonly processMetrics?: boolean;
}

type Metric = Counter | Gauge | Histogram;

interface Family {
  readonly definition: MetricDefinition;
  readonly metric: Metric;
  /** By label values in the definition's order: prom-client cannot say what it has without rendering it. */
  readonly series: Map<string, Series>;
}

interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly change: (value: number) => void;
}

const RESULTS: readonly OutcomeLabel[] = ['success', 'requeue', 'retry', 'permanent', 'target_unavailable'];

/** Series of a trigger that begin at zero, so that a rate sees the first increase. */
const PER_TRIGGER: readonly MetricName[] = (Object.keys(METRICS) as MetricName[]).filter(
  (name) => METRICS[name].labels.length === 1 && METRICS[name].labels[0] === 'trigger',
);

export class PrometheusMeter implements Meter {
  readonly contentType: string;
  readonly #registry = new Registry();
  readonly #families = new Map<string, Family>();
  readonly #gauges = new Set<() => void>();

  constructor({ processMetrics = true }: PrometheusMeterOptions = {}) {
    this.contentType = this.#registry.contentType;
    for (const [name, definition] of Object.entries(METRICS)) {
      const metric = createMetric(name, definition, this.#registry);
      this.#families.set(name, { definition, metric, series: new Map() });
    }
    if (processMetrics) collectDefaultMetrics({ register: this.#registry });
  }

  count(name: MetricName, labels: MetricLabels, by: number = 1): void {
    this.#series(name, 'counter', labels).change(by);
  }

  set(name: MetricName, labels: MetricLabels, value: number): void {
    this.#series(name, 'gauge', labels).change(value);
  }

  gauge(name: MetricName, labels: MetricLabels, read: () => number): () => void {
    const show = (): void => this.set(name, labels, read());
    this.#gauges.add(show);
    return () => void this.#gauges.delete(show);
  }

  observe(name: MetricName, labels: MetricLabels, value: number): void {
    this.#series(name, 'histogram', labels).change(value);
  }

  /** Makes the series of a trigger at zero, before anything has happened. */
  initTrigger(trigger: string, target: string): void {
    for (const name of PER_TRIGGER) {
      const { type } = METRICS[name];
      const series = this.#series(name, type, { trigger });
      if (type !== 'histogram') series.change(0);
    }
    for (const result of RESULTS) this.count('statewire_invocations_total', { trigger, target, result }, 0);
    this.#series('statewire_invocation_duration_seconds', 'histogram', { trigger, target });
  }

  forget(labels: MetricLabels): void {
    const wanted = Object.entries(labels);
    for (const { definition, metric, series } of this.#families.values()) {
      if (!wanted.every(([name]) => definition.labels.includes(name))) continue;
      for (const [key, { labels: own }] of series) {
        if (!wanted.every(([name, value]) => own[name] === value)) continue;
        series.delete(key);
        metric.remove(own);
      }
    }
  }

  /** The text of `/metrics`. */
  expose(): Promise<string> {
    for (const show of this.#gauges) show();
    return this.#registry.metrics();
  }

  #series(name: MetricName, type: MetricDefinition['type'], labels: MetricLabels): Series {
    const family = this.#families.get(name);
    if (family?.definition.type !== type) throw new Error(`metric ${name} is no ${type}`);
    const { definition, metric, series } = family;
    let key = '';
    for (const label of definition.labels) key += `${labels[label] ?? missing(name, label)}\u0000`;
    const known = series.get(key);
    if (known !== undefined) return known;
    for (const label of Object.keys(labels)) {
      if (!definition.labels.includes(label)) throw new Error(`metric ${name} has no label ${label}`);
    }
    const made: Series = { labels: { ...labels }, change: changer(metric, labels) };
    series.set(key, made);
    return made;
  }
}

function missing(name: string, label: string): never {
  throw new Error(`metric ${name} needs the label ${label}`);
}

function createMetric(name: string, definition: MetricDefinition, registry: Registry): Metric {
  const { type, help, labels, buckets } = definition;
  const common = { name, help, labelNames: [...labels], registers: [registry] };
  if (type === 'counter') return new Counter(common);
  if (type === 'gauge') return new Gauge(common);
  return new Histogram(buckets === undefined ? common : { ...common, buckets: [...buckets] });
}

function changer(metric: Metric, labels: MetricLabels): (value: number) => void {
  const own = { ...labels };
  if (metric instanceof Counter) {
    const child = metric.labels(own);
    return (value) => child.inc(value);
  }
  if (metric instanceof Gauge) {
    const child = metric.labels(own);
    return (value) => child.set(value);
  }
  metric.zero(own);
  const child = metric.labels(own);
  return (value) => child.observe(value);
}
