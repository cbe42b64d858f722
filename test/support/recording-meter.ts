/** A Meter that a test can read. */
import type { MetricLabels, Meter, MetricName } from '../../forwarder/model/metrics.ts';

export class RecordingMeter implements Meter {
  readonly #values = new Map<string, number>();
  readonly #gauges = new Map<string, () => number>();
  readonly #observed = new Map<string, number[]>();

  count(name: MetricName, labels: MetricLabels, by = 1): void {
    const series = seriesOf(name, labels);
    this.#values.set(series, (this.#values.get(series) ?? 0) + by);
  }

  set(name: MetricName, labels: MetricLabels, value: number): void {
    this.#values.set(seriesOf(name, labels), value);
  }

  gauge(name: MetricName, labels: MetricLabels, read: () => number): () => void {
    const series = seriesOf(name, labels);
    this.#gauges.set(series, read);
    return () => void this.#gauges.delete(series);
  }

  observe(name: MetricName, labels: MetricLabels, value: number): void {
    const series = seriesOf(name, labels);
    this.#observed.set(series, [...(this.#observed.get(series) ?? []), value]);
  }

  forget(): void {
    this.#values.clear();
    this.#observed.clear();
  }

  /** A counter's or gauge's value; undefined where the series does not exist. */
  value(name: MetricName, labels: MetricLabels): number | undefined {
    const series = seriesOf(name, labels);
    return this.#gauges.get(series)?.() ?? this.#values.get(series);
  }

  /** What a histogram observed, in order. */
  observed(name: MetricName, labels: MetricLabels): readonly number[] {
    return this.#observed.get(seriesOf(name, labels)) ?? [];
  }
}

function seriesOf(name: MetricName, labels: MetricLabels): string {
  return JSON.stringify([name, Object.entries(labels).toSorted(([a], [b]) => a.localeCompare(b))]);
}
