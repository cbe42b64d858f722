/** The gauges of one process, by trigger; everything else that is counted goes nowhere. */
import type { MetricLabels, Meter, MetricName } from '../../forwarder/model/metrics.ts';

export class Gauges implements Meter {
  readonly #values = new Map<MetricName, Map<string, number>>();

  set(metric: MetricName, { trigger, name }: MetricLabels, value: number): void {
    const of = trigger ?? name;
    if (of === undefined) return;
    let values = this.#values.get(metric);
    if (values === undefined) this.#values.set(metric, (values = new Map()));
    values.set(of, value);
  }

  gauge(): () => void {
    return () => undefined;
  }

  count(): void {}
  observe(): void {}
  forget(): void {}
  initTrigger(): void {}

  /** @returns undefined where it was never set */
  value(metric: MetricName, trigger: string): number | undefined {
    return this.#values.get(metric)?.get(trigger);
  }
}
