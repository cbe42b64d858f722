import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type MetricName, METRICS } from '../../../forwarder/model/metrics.ts';
import { PrometheusMeter } from '../../../forwarder/observe/metrics.ts';

const quiet = (): PrometheusMeter => new PrometheusMeter({ processMetrics: false });

/** Lines of one metric, without comments. */
async function seriesOf(meter: PrometheusMeter, name: string): Promise<string[]> {
  const text = await meter.expose();
  return text.split('\n').filter((line) => line.startsWith(name));
}

describe('PrometheusMeter', () => {
  it('shows every metric of the catalogue with its help and type', async () => {
    const text = await quiet().expose();
    for (const [name, { help, type }] of Object.entries(METRICS)) {
      assert.ok(text.includes(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`), name);
    }
  });

  it('reads a gauge when it is shown, as long as it is wanted', async () => {
    const meter = quiet();
    let age = 1;
    const source = { source: 'widgets.example.com' };
    const stop = meter.gauge('statewire_watch_last_byte_seconds', source, () => age++);
    const shown = (): Promise<string[]> => seriesOf(meter, 'statewire_watch_last_byte_seconds');
    const line = (value: number): string =>
      `statewire_watch_last_byte_seconds{source="widgets.example.com"} ${value}`;
    assert.deepEqual(await shown(), [line(1)]);
    assert.deepEqual(await shown(), [line(2)]);
    stop();
    assert.deepEqual(await shown(), [line(2)]);
  });

  it('counts, sets and observes', async () => {
    const meter = quiet();
    meter.count('statewire_coalesced_total', { trigger: 'a/b' });
    meter.count('statewire_coalesced_total', { trigger: 'a/b' }, 2);
    meter.set('statewire_pending', { trigger: 'a/b' }, 7);
    meter.set('statewire_pending', { trigger: 'a/b' }, 5);
    meter.observe('statewire_event_to_invocation_seconds', { trigger: 'a/b' }, 0.003);
    assert.deepEqual(await seriesOf(meter, 'statewire_coalesced_total'), [
      'statewire_coalesced_total{trigger="a/b"} 3',
    ]);
    assert.deepEqual(await seriesOf(meter, 'statewire_pending'), ['statewire_pending{trigger="a/b"} 5']);
    const histogram = await seriesOf(meter, 'statewire_event_to_invocation_seconds');
    assert.ok(
      histogram.includes('statewire_event_to_invocation_seconds_bucket{le="0.0025",trigger="a/b"} 0'),
    );
    assert.ok(histogram.includes('statewire_event_to_invocation_seconds_bucket{le="0.005",trigger="a/b"} 1'));
    assert.ok(histogram.includes('statewire_event_to_invocation_seconds_count{trigger="a/b"} 1'));
  });

  it('keeps series apart whatever the order of labels and what stands in them', async () => {
    const meter = quiet();
    meter.count('statewire_filtered_total', { trigger: 'a', reason: 'b"\n' });
    meter.count('statewire_filtered_total', { reason: 'b"\n', trigger: 'a' });
    meter.count('statewire_filtered_total', { trigger: 'b"\n', reason: 'a' });
    const values = (await seriesOf(meter, 'statewire_filtered_total')).map((line) => line.at(-1));
    assert.deepEqual(values, ['2', '1']);
  });

  it('begins the series of a trigger at zero', async () => {
    const meter = quiet();
    meter.initTrigger('a/b', 'lambda');
    assert.equal((await seriesOf(meter, 'statewire_invocations_total')).length, 5);
    for (const [name, { labels, type }] of Object.entries(METRICS)) {
      if (labels.join() !== 'trigger' || type === 'histogram') continue;
      assert.deepEqual(await seriesOf(meter, name), [`${name}{trigger="a/b"} 0`]);
    }
    const histograms = await seriesOf(meter, 'statewire_invocation_duration_seconds_count');
    assert.deepEqual(histograms, [
      'statewire_invocation_duration_seconds_count{trigger="a/b",target="lambda"} 0',
    ]);
  });

  it('drops every series of a trigger that goes, and no other', async () => {
    const meter = quiet();
    meter.initTrigger('a/b', 'lambda');
    meter.initTrigger('a/c', 'http');
    meter.count('statewire_filtered_total', { trigger: 'a/b', reason: 'seen' });
    meter.count('workqueue_adds_total', { name: 'a/b' });
    meter.forget({ trigger: 'a/b' });
    const text = await meter.expose();
    assert.ok(!text.includes('trigger="a/b"'));
    assert.ok(text.includes('statewire_pending{trigger="a/c"} 0'));
    assert.ok(text.includes('workqueue_adds_total{name="a/b"} 1'));
    meter.forget({ name: 'a/b' });
    assert.ok(!(await meter.expose()).includes('name="a/b"'));
  });

  it('begins again after a series was dropped', async () => {
    const meter = quiet();
    meter.count('statewire_coalesced_total', { trigger: 'a' }, 5);
    meter.forget({ trigger: 'a' });
    meter.count('statewire_coalesced_total', { trigger: 'a' });
    assert.deepEqual(await seriesOf(meter, 'statewire_coalesced_total'), [
      'statewire_coalesced_total{trigger="a"} 1',
    ]);
  });

  const misuses: readonly (readonly [reason: string, misuse: (meter: PrometheusMeter) => void])[] = [
    ['a label too many', (m) => m.count('statewire_coalesced_total', { trigger: 'a', reason: 'b' })],
    ['a label too few', (m) => m.count('statewire_filtered_total', { trigger: 'a' })],
    ['another type', (m) => m.count('statewire_pending', { trigger: 'a' })],
    ['no such metric', (m) => m.count('statewire_nothing' as MetricName, {})],
  ];
  for (const [reason, misuse] of misuses) {
    it(`throws for ${reason}`, () => assert.throws(() => misuse(quiet()), /metric/));
  }

  it('tells of the process, with the lag of its event loop', async () => {
    const text = await new PrometheusMeter().expose();
    for (const name of [
      'process_resident_memory_bytes',
      'nodejs_eventloop_lag_seconds',
      'process_cpu_seconds_total',
    ]) {
      assert.ok(text.includes(`\n${name} `), name);
    }
  });
});
