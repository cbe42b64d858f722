import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ApiError, type ApiErrorCode } from '../../../forwarder/lib/errors.ts';
import { silentLogger } from '../../../forwarder/lib/logger.ts';
import type { KubeClient, KubeRequest, KubeResponse } from '../../../forwarder/model/kube-client.ts';
import type { TriggerIdentity } from '../../../forwarder/model/trigger.ts';
import type { ConditionChange } from '../../../forwarder/status/conditions.ts';
import { TriggerStatusWriter } from '../../../forwarder/status/trigger-status-writer.ts';
import { ManualClock } from '../../support/manual-clock.ts';

interface Status {
  readonly observedGeneration: number;
  readonly target?: string;
  readonly objects?: Readonly<Record<string, number>>;
  readonly conditions: readonly Readonly<Record<string, unknown>>[];
}

/** Records requests; each is answered in the next turn, or when a test lets it. */
class RecordingClient implements KubeClient {
  readonly requests: KubeRequest[] = [];
  inFlight = 0;
  mostInFlight = 0;
  fail: ApiError | undefined;
  hold: Promise<void> | undefined;

  async request(request: KubeRequest): Promise<KubeResponse> {
    this.requests.push(request);
    this.inFlight += 1;
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
    await this.hold;
    this.inFlight -= 1;
    if (this.fail !== undefined) throw this.fail;
    return { status: 200, text: '{}' };
  }

  statuses(): Status[] {
    return this.requests.map(({ body }) => (JSON.parse(body ?? '') as { status: Status }).status);
  }
}

const APP: TriggerIdentity = { namespace: 'shop', name: 'app', uid: 'u-1', generation: 1 };

const accepted: ConditionChange = { type: 'Accepted', status: 'True', reason: 'Accepted' };
const refused: ConditionChange = {
  type: 'Accepted',
  status: 'False',
  reason: 'Invalid',
  message: 'spec.a: bad',
};
const counts = (
  watched: number,
): { objects: { watched: number; pending: number; failing: number; deadLettered: number } } => ({
  objects: { watched, pending: 0, failing: 0, deadLettered: 0 },
});

function setUp(): { clock: ManualClock; client: RecordingClient; writer: TriggerStatusWriter } {
  const clock = new ManualClock();
  const client = new RecordingClient();
  const writer = new TriggerStatusWriter({ client, clock, random: () => 1, logger: silentLogger });
  return { clock, client, writer };
}

const error = (code: ApiErrorCode, retryAfterMs?: number): ApiError =>
  new ApiError(code, 'no', retryAfterMs === undefined ? {} : { retryAfterMs });

describe('TriggerStatusWriter', () => {
  it('applies what was said in one turn as one write', async () => {
    const { clock, client, writer } = setUp();
    writer.update(APP, { conditions: [accepted] });
    writer.update(APP, { target: 'lambda app', ...counts(3) });
    await clock.advance(0);
    const [{ body, ...request } = { body: '' }] = client.requests;
    assert.deepEqual(request, {
      method: 'PATCH',
      path: '/apis/statewire.dev/v1alpha1/namespaces/shop/functiontriggers/app/status',
      query: { fieldManager: 'statewire-forwarder', force: 'true' },
      contentType: 'application/apply-patch+yaml',
    });
    const { status, ...object } = JSON.parse(body ?? '') as { status: Status };
    assert.deepEqual(object, {
      apiVersion: 'statewire.dev/v1alpha1',
      kind: 'FunctionTrigger',
      metadata: { name: 'app', namespace: 'shop' },
    });
    assert.equal(client.requests.length, 1);
    assert.deepEqual(
      [status.observedGeneration, status.target, status.objects, status.conditions.length],
      [1, 'lambda app', counts(3).objects, 7],
    );
    assert.equal(clock.pending, 0);
  });

  it('writes nothing when nothing changed', async () => {
    const { clock, client, writer } = setUp();
    for (let times = 0; times < 5; times += 1) {
      writer.update(APP, { conditions: [refused], ...counts(1) });
      await clock.advance(60_000);
    }
    assert.equal(client.requests.length, 1);
    assert.equal(clock.pending, 0);
  });

  it('writes a condition at once, and counts every 10 s at most', async () => {
    const { clock, client, writer } = setUp();
    writer.update(APP, { conditions: [accepted], ...counts(0) });
    await clock.advance(0);
    for (let second = 1; second <= 30; second += 1) {
      writer.update(APP, counts(second));
      await clock.advance(1000);
    }
    assert.deepEqual(
      client.statuses().map(({ objects }) => objects?.['watched']),
      [0, 10, 20, 30],
    );
    writer.update(APP, { conditions: [refused] });
    await clock.advance(0);
    assert.equal(client.statuses().at(-1)?.conditions[0]?.['status'], 'False');
  });

  it('shows the first counts at once', async () => {
    const { clock, client, writer } = setUp();
    writer.update(APP, { conditions: [accepted] });
    await clock.advance(0);
    writer.update(APP, counts(120));
    await clock.advance(0);
    assert.deepEqual(client.statuses().at(-1)?.objects, counts(120).objects);
  });

  it('writes nothing for counts that are back where they were', async () => {
    const { clock, client, writer } = setUp();
    writer.update(APP, { conditions: [accepted], ...counts(1) });
    await clock.advance(0);
    writer.update(APP, counts(2));
    writer.update(APP, counts(1));
    await clock.advance(60_000);
    assert.equal(client.requests.length, 1);
  });

  it('writes nothing after a restart that finds all as it was', async () => {
    const first = setUp();
    first.writer.update(APP, {
      conditions: [accepted, { ...accepted, type: 'SourceSynced' }],
      target: 'x',
      ...counts(2),
    });
    await first.clock.advance(0);
    const stored = first.client.statuses()[0];

    const { clock, client, writer } = setUp();
    await clock.advance(3_600_000);
    writer.adopt(APP, stored);
    writer.update(APP, {
      conditions: [accepted, { ...accepted, type: 'SourceSynced' }],
      target: 'x',
      ...counts(2),
    });
    await clock.advance(60_000);
    assert.equal(client.requests.length, 0);
    writer.update(APP, { conditions: [refused] });
    await clock.advance(0);
    const [acceptance, source] = client.statuses()[0]?.conditions ?? [];
    assert.equal(acceptance?.['lastTransitionTime'], '2026-01-01T01:01:00Z');
    assert.equal(source?.['lastTransitionTime'], '2026-01-01T00:00:00Z');
  });

  it('adopts once: later news from the API are its own writes', async () => {
    const { clock, client, writer } = setUp();
    writer.update(APP, { conditions: [refused] });
    await clock.advance(0);
    const [stored] = client.statuses();
    writer.update(APP, { conditions: [accepted] });
    writer.adopt(APP, stored);
    await clock.advance(0);
    assert.equal(client.statuses().at(-1)?.conditions[0]?.['status'], 'True');
  });

  it('says which generation it is about', async () => {
    const { clock, client, writer } = setUp();
    writer.update(APP, { conditions: [accepted] });
    await clock.advance(0);
    writer.update({ ...APP, generation: 2 }, { conditions: [accepted] });
    await clock.advance(0);
    assert.deepEqual(
      client.statuses().map((status) => status.observedGeneration),
      [1, 2],
    );
  });

  it('tries a failed write again, later each time, with the newest state', async () => {
    const { clock, client, writer } = setUp();
    client.fail = error('API_UNAVAILABLE');
    writer.update(APP, { conditions: [refused] });
    await clock.advance(0);
    writer.update(APP, { conditions: [accepted] });
    await clock.advance(999);
    assert.equal(client.requests.length, 1);
    await clock.advance(1);
    assert.equal(client.requests.length, 2);
    await clock.advance(1999);
    assert.equal(client.requests.length, 2);
    client.fail = undefined;
    await clock.advance(1);
    assert.equal(client.statuses()[2]?.conditions[0]?.['status'], 'True');
    await clock.advance(600_000);
    assert.equal(client.requests.length, 3);
  });

  it('waits as long as the API server asks', async () => {
    const { clock, client, writer } = setUp();
    client.fail = error('API_THROTTLED', 7000);
    writer.update(APP, { conditions: [accepted] });
    await clock.advance(6999);
    assert.equal(client.requests.length, 1);
    await clock.advance(1);
    assert.equal(client.requests.length, 2);
  });

  for (const code of ['API_NOT_FOUND', 'API_INVALID'] as const) {
    it(`gives the bytes up that were answered with ${code}, and tries others`, async () => {
      const { clock, client, writer } = setUp();
      client.fail = error(code);
      writer.update(APP, { conditions: [accepted] });
      await clock.advance(600_000);
      assert.equal(client.requests.length, 1);
      writer.update(APP, { conditions: [refused] });
      await clock.advance(0);
      assert.equal(client.requests.length, 2);
    });
  }

  it('writes nothing for a trigger that is gone', async () => {
    const { clock, client, writer } = setUp();
    writer.update(APP, { conditions: [accepted] });
    writer.forget(APP);
    await clock.advance(60_000);
    assert.equal(client.requests.length, 0);
    assert.equal(clock.pending, 0);
  });

  it('makes at most 4 writes at a time for 1,000 triggers', async () => {
    const { clock, client, writer } = setUp();
    const { promise, resolve } = Promise.withResolvers<void>();
    client.hold = promise;
    for (let index = 0; index < 1000; index += 1) {
      writer.update({ ...APP, name: `a${index}`, uid: `u-${index}` }, { conditions: [accepted] });
    }
    await clock.advance(0);
    assert.equal(client.requests.length, 4);
    resolve();
    await clock.advance(0);
    assert.equal(client.requests.length, 1000);
    assert.equal(client.mostInFlight, 4);
  });

  it('never writes twice at a time for one trigger, and then the newest state', async () => {
    const { clock, client, writer } = setUp();
    const { promise, resolve } = Promise.withResolvers<void>();
    client.hold = promise;
    writer.update(APP, { conditions: [refused] });
    await clock.advance(0);
    writer.update(APP, { conditions: [accepted] });
    await clock.advance(60_000);
    assert.equal(client.requests.length, 1);
    resolve();
    await clock.advance(0);
    assert.deepEqual(
      client.statuses().map(({ conditions }) => conditions[0]?.['status']),
      ['False', 'True'],
    );
    assert.equal(client.mostInFlight, 1);
  });

  it('writes what is left on flush without waiting for its time', async () => {
    const { clock, client, writer } = setUp();
    writer.update(APP, { conditions: [accepted], ...counts(1) });
    await clock.advance(0);
    writer.update(APP, counts(2));
    await writer.flush();
    assert.equal(client.statuses().at(-1)?.objects?.['watched'], 2);
  });

  it('leaves no timer behind when it is closed, even where the API server is gone', async () => {
    const { clock, client, writer } = setUp();
    client.fail = error('API_UNAVAILABLE');
    writer.update(APP, { conditions: [accepted] });
    await writer.close();
    writer.update(APP, { conditions: [refused] });
    assert.equal(client.requests.length, 1);
    assert.equal(clock.pending, 0);
  });
});
