/** Events on a real API server. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { EventInput } from '../../forwarder/apply/event-body.ts';
import { EventRecorder } from '../../forwarder/apply/event-recorder.ts';
import { systemClock } from '../../forwarder/lib/clock.ts';
import { silentLogger } from '../../forwarder/lib/logger.ts';
import { systemRandom } from '../../forwarder/lib/random.ts';
import { noMeter } from '../../forwarder/model/metrics.ts';
import { ApplyStage } from '../support/apply-stage.ts';

let stage: ApplyStage;
before(async () => {
  stage = await ApplyStage.open('Merged');
});
after(() => stage.close());

describe('Events on a real API server', () => {
  it('are created once and counted as a series', async () => {
    const { client, namespace } = stage;
    const subject = await stage.create('Merged');
    const recorder = new EventRecorder({
      client,
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
      meter: noMeter,
      instance: 'test',
    });
    const event: EventInput = {
      trigger: `${namespace}/app`,
      regarding: {
        apiVersion: `${stage.group}/v1`,
        kind: 'Merged',
        namespace,
        name: subject.name,
        uid: subject.uid,
      },
      type: 'Warning',
      reason: 'QuotaExhausted',
      action: 'Reconcile',
      note: 'é'.repeat(2000),
    };
    recorder.record(event);
    recorder.record(event);
    await recorder.stop();
    const path = `/apis/events.k8s.io/v1/namespaces/${namespace}/events`;
    const { items } = await stage.request('GET', path, undefined, {
      query: { fieldSelector: `regarding.uid=${subject.uid}` },
    });
    assert.equal(items.length, 1);
    const [found] = items;
    assert.equal(found.series.count, 2);
    assert.equal(found.reason, 'QuotaExhausted');
    assert.equal(found.reportingController, 'statewire.dev/forwarder');
    assert.equal(found.reportingInstance, 'statewire.dev/forwarder-test');
    assert.equal(Buffer.byteLength(found.note) <= 1024, true);
  });
});
