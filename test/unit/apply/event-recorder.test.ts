import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EventInput } from '../../../forwarder/apply/event-body.ts';
import { EventRecorder } from '../../../forwarder/apply/event-recorder.ts';
import type { ApiError } from '../../../forwarder/lib/errors.ts';
import { silentLogger } from '../../../forwarder/lib/logger.ts';
import type { KubeRequest } from '../../../forwarder/model/kube-client.ts';
import { noMeter } from '../../../forwarder/model/metrics.ts';
import { apiError } from '../../support/fake-apply-server.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const MINUTE = 60_000;
const EVENT: EventInput = {
  trigger: 'shop/app',
  regarding: { apiVersion: 'example.com/v1', kind: 'App', namespace: 'shop', name: 'web', uid: 'u1' },
  type: 'Normal',
  reason: 'Scaled',
  action: 'Reconcile',
  note: 'to 3 replicas',
};

// oxlint-disable-next-line typescript/no-explicit-any -- taken apart by tests
type Loose = any;

class Recording {
  readonly clock: ManualClock = new ManualClock();
  readonly requests: KubeRequest[] = [];
  readonly counts: Record<string, number> = {};
  answer: () => ApiError | undefined | Promise<undefined> = () => undefined;
  readonly recorder: EventRecorder = new EventRecorder({
    client: {
      request: async (request) => {
        this.requests.push(request);
        const error = await this.answer();
        request.signal?.throwIfAborted();
        if (error !== undefined) throw error;
        return { status: 200, text: '{}' };
      },
    },
    clock: this.clock,
    random: () => 0,
    logger: silentLogger,
    meter: {
      ...noMeter,
      count: (name, labels) => {
        const key = labels['result'] ?? name;
        this.counts[key] = (this.counts[key] ?? 0) + 1;
      },
    },
    instance: 'host',
  });

  get sent(): string[] {
    return this.requests.map(({ method }) => method);
  }

  body(index: number): Loose {
    return JSON.parse(this.requests.at(index)?.body ?? 'null');
  }
}

describe('EventRecorder', () => {
  it('creates an Event beside the object it regards', async () => {
    const recording = new Recording();
    recording.recorder.record(EVENT);
    await recording.clock.advance(0);
    assert.deepEqual(recording.sent, ['POST']);
    assert.equal(recording.requests[0]?.path, '/apis/events.k8s.io/v1/namespaces/shop/events');
    const { metadata, ...body } = recording.body(0);
    assert.match(metadata.name, /^web\.[0-9a-f]{16}$/);
    assert.equal(metadata.namespace, 'shop');
    assert.deepEqual(body, {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      eventTime: '2026-01-01T00:00:00.000000Z',
      reportingController: 'statewire.dev/forwarder',
      reportingInstance: 'statewire.dev/forwarder-host',
      action: 'Reconcile',
      reason: 'Scaled',
      regarding: EVENT.regarding,
      type: 'Normal',
      note: 'to 3 replicas',
    });
    await recording.recorder.stop();
    assert.equal(recording.clock.pending, 0);
  });

  it('puts Events of cluster-scoped objects into namespace default', async () => {
    const recording = new Recording();
    const { namespace: _, ...regarding } = EVENT.regarding;
    recording.recorder.record({ ...EVENT, regarding });
    await recording.recorder.stop();
    assert.equal(recording.requests[0]?.path, '/apis/events.k8s.io/v1/namespaces/default/events');
  });

  it('names the Event otherwise where the object’s name leaves no room', async () => {
    const recording = new Recording();
    recording.recorder.record({ ...EVENT, regarding: { ...EVENT.regarding, name: 'a'.repeat(250) } });
    await recording.recorder.stop();
    assert.match(recording.body(0).metadata.name, /^statewire\.[0-9a-f]+$/);
  });

  it('cuts a note at 1,024 bytes and at a whole character', async () => {
    const recording = new Recording();
    recording.recorder.record({ ...EVENT, note: `a${'é'.repeat(600)}` });
    await recording.recorder.stop();
    const { note } = recording.body(0);
    assert.equal(Buffer.byteLength(note) <= 1024, true);
    assert.match(note, /^aé+…$/);
  });

  it('makes a series of the second equal Event, and only counts the later ones', async () => {
    const recording = new Recording();
    for (const note of ['a', 'b', 'c', 'd']) {
      recording.recorder.record({ ...EVENT, note });
      await recording.clock.advance(1000);
    }
    assert.deepEqual(recording.sent, ['POST', 'PATCH']);
    assert.equal(recording.requests[1]?.contentType, 'application/strategic-merge-patch+json');
    assert.deepEqual(recording.body(1), {
      series: { count: 2, lastObservedTime: '2026-01-01T00:00:01.000000Z' },
    });
  });

  it('writes the count of a lasting series every half hour', async () => {
    const recording = new Recording();
    for (let minute = 0; minute <= 40; minute += 1) {
      recording.recorder.record(EVENT);
      await recording.clock.advance(MINUTE);
    }
    assert.deepEqual(recording.sent, ['POST', 'PATCH', 'PATCH']);
    assert.equal(recording.body(2).series.count > 29, true);
  });

  it('writes a series a last time once it has been idle for six minutes, and then begins anew', async () => {
    const recording = new Recording();
    for (let count = 0; count < 5; count += 1) {
      recording.recorder.record(EVENT);
      await recording.clock.advance(1000);
    }
    await recording.clock.advance(7 * MINUTE);
    assert.deepEqual(recording.sent, ['POST', 'PATCH', 'PATCH']);
    assert.equal(recording.body(2).series.count, 5);
    assert.equal(recording.clock.pending, 0);
    recording.recorder.record(EVENT);
    await recording.clock.advance(0);
    assert.equal(recording.sent.at(-1), 'POST');
  });

  it('creates the Event again where the one of the series has expired', async () => {
    const recording = new Recording();
    recording.recorder.record(EVENT);
    await recording.clock.advance(0);
    const answers = [apiError(404, 'gone')];
    recording.answer = () => answers.shift();
    recording.recorder.record(EVENT);
    await recording.clock.advance(0);
    assert.deepEqual(recording.sent, ['POST', 'PATCH', 'POST']);
    assert.equal(recording.body(2).series.count, 2);
  });

  it('tries again where there was no answer, at most 12 times', async () => {
    const recording = new Recording();
    recording.answer = () => apiError(0, 'connection refused');
    recording.recorder.record(EVENT);
    await recording.clock.advance(10_000);
    assert.equal(recording.sent.length, 2);
    await recording.clock.advance(10 * MINUTE);
    assert.equal(recording.sent.length, 12);
    assert.equal(recording.counts['statewire_events_dropped_total'], 1);
  });

  it('does not try again what the API server refuses', async () => {
    const recording = new Recording();
    recording.answer = () => apiError(403, 'may not');
    recording.recorder.record(EVENT);
    await recording.clock.advance(MINUTE);
    assert.equal(recording.sent.length, 1);
    assert.equal(recording.counts['refused'], 1);
  });

  it('drops what one object says too often, and nothing of the others', async () => {
    const recording = new Recording();
    for (let count = 0; count < 30; count += 1) recording.recorder.record({ ...EVENT, reason: `R${count}` });
    recording.recorder.record({ ...EVENT, regarding: { ...EVENT.regarding, uid: 'u2' } });
    await recording.clock.advance(0);
    assert.equal(recording.sent.length, 26);
    assert.equal(recording.counts['statewire_events_dropped_total'], 5);
    await recording.clock.advance(5 * MINUTE);
    recording.recorder.record({ ...EVENT, reason: 'Later' });
    await recording.clock.advance(0);
    assert.equal(recording.sent.length, 27);
  });

  it('drops rather than waits when the queue is full, with room left for other triggers', () => {
    const recording = new Recording();
    recording.answer = () => new Promise(() => undefined);
    const flood = (trigger: string, objects: number): void => {
      for (let index = 0; index < objects; index += 1) {
        recording.recorder.record({
          ...EVENT,
          trigger,
          regarding: { ...EVENT.regarding, uid: `${trigger}${index}` },
        });
      }
    };
    flood('noisy', 2000);
    // 8 are being sent, 500 wait.
    assert.equal(recording.counts['statewire_events_dropped_total'], 2000 - 508);
    flood('other', 500);
    assert.equal(recording.counts['statewire_events_dropped_total'], 2000 - 508);
    flood('third', 1);
    assert.equal(recording.counts['statewire_events_dropped_total'], 2001 - 508);
  });

  it('writes what waits when it is stopped, and gives up at the deadline', async () => {
    const recording = new Recording();
    recording.answer = () => apiError(0, 'connection refused');
    recording.recorder.record(EVENT);
    let stopped = false;
    const stop = recording.recorder.stop(2000).then(() => (stopped = true));
    await recording.clock.advance(1999);
    assert.equal(stopped, false);
    await recording.clock.advance(1);
    assert.equal(await stop, true);
    assert.equal(recording.counts['statewire_events_dropped_total'], 1);
    assert.equal(recording.clock.pending, 0);
  });
});
