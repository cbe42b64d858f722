import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseExact } from '../../../forwarder/lib/exact-json.ts';
import type { FunctionResult } from '../../../protocol/result.ts';
import { Harness, MANAGER, OBJECT_PATH, statusWith } from '../../support/apply-harness.ts';

const ready = { type: 'Ready', status: 'True', reason: 'Available' } as const;

const STATUS_PATH = `${OBJECT_PATH}/status`;

describe('A status write', () => {
  it('applies status and conditions as one statement under the trigger’s field manager', async () => {
    const harness = new Harness();
    const report = await harness.apply({ status: { phase: 'Ready' }, conditions: [ready] });
    assert.deepEqual(harness.server.writes, [`PATCH ${STATUS_PATH}`]);
    const [request] = harness.server.requests;
    assert.deepEqual(request?.query, { fieldManager: MANAGER, force: 'true' });
    assert.deepEqual(harness.object['status'], {
      phase: 'Ready',
      observedGeneration: 3,
      conditions: [
        {
          ...ready,
          message: '',
          lastTransitionTime: '2026-01-01T00:00:00Z',
          observedGeneration: 3,
        },
      ],
    });
    assert.equal(report.complete, true);
    assert.deepEqual(report.problems, []);
    assert.deepEqual(
      harness.stated.map(({ metadata }) => metadata.resourceVersion),
      [harness.object['metadata'].resourceVersion],
    );
    assert.deepEqual(harness.counts, { 'status written': 1 });
  });

  it('is guarded by the newest resourceVersion and never names a uid', async () => {
    const harness = new Harness();
    const version = harness.newest?.metadata.resourceVersion;
    await harness.applier.apply(harness.task({ status: { phase: 'Ready' } }));
    const body = JSON.parse(harness.server.requests[0]?.body ?? '') as { readonly metadata: unknown };
    assert.deepEqual(body.metadata, { name: 'web', namespace: 'shop', resourceVersion: version });
  });

  it('leaves status alone where the result has neither status nor conditions', async () => {
    const harness = new Harness();
    await harness.apply({ status: { phase: 'Ready' } });
    await harness.apply({ requeueAfter: '30s' });
    assert.equal(harness.server.writes.length, 1);
    assert.equal(harness.object['status'].phase, 'Ready');
  });

  it('removes what was stated before and is left out now', async () => {
    const harness = new Harness();
    await harness.apply({ status: { phase: 'Ready', nested: { a: '1', b: '2' } }, conditions: [ready] });
    await harness.apply({ status: { nested: { a: '1' } } });
    assert.deepEqual(harness.object['status'], { nested: { a: '1' }, observedGeneration: 3 });
  });

  it('removes everything of the trigger for an empty status', async () => {
    const harness = new Harness({ status: statusWith({ observedGeneration: undefined }) });
    await harness.server.applyAs('kubectl', STATUS_PATH, {
      metadata: { name: 'web' },
      status: { replicas: 2 },
    });
    await harness.apply({ status: { phase: 'Ready' } });
    await harness.apply({ status: {} });
    assert.deepEqual(harness.object['status'], { replicas: 2 });
    const [entry, ...rest] = harness.object['metadata'].managedFields;
    assert.equal(entry.manager, 'kubectl');
    assert.deepEqual(rest, []);
  });

  it('makes no request where nothing would change', async () => {
    const harness = new Harness();
    const result: Omit<FunctionResult, 'kind'> = {
      status: {
        phase: 'Ready',
        nested: { a: '1' },
        labels: {},
        free: { x: [1, { y: 2 }] },
        addresses: ['a', 'b'],
      },
      conditions: [ready],
    };
    await harness.apply(result);
    harness.server.requests.length = 0;
    await harness.clock.advance(60_000);
    const report = await harness.apply(result);
    assert.deepEqual(harness.server.requests, []);
    assert.equal(harness.stated.length, 1);
    assert.equal(report.complete, true);
    assert.deepEqual(harness.counts, { 'status written': 1, 'status unchanged': 1 });
  });

  it('writes equal values that somebody else owns, to own them too', async () => {
    const harness = new Harness();
    await harness.server.applyAs('kubectl', STATUS_PATH, {
      metadata: { name: 'web' },
      status: { phase: 'Ready' },
    });
    await harness.apply({ status: { phase: 'Ready' } });
    assert.equal(harness.server.writes.length, 1);
  });

  it('keeps numbers exactly as the function wrote them', async () => {
    const harness = new Harness({ status: { type: 'object', preserveUnknownFields: true } });
    const status = parseExact('{"big":9007199254740993,"ratio":1.0}') as Record<string, unknown>;
    await harness.apply({ status });
    assert.match(harness.server.requests[0]?.body ?? '', /"status":\{"big":9007199254740993,"ratio":1\.0\}/);
    await harness.apply({ status });
    assert.equal(harness.server.writes.length, 1);
  });

  it('does not apply a status of an older generation than the one stated', async () => {
    const harness = new Harness();
    await harness.apply({ status: { phase: 'New' } }, { deliveredGeneration: 3 });
    const report = await harness.apply({ status: { phase: 'Old' } }, { deliveredGeneration: 2 });
    assert.equal(harness.object['status'].phase, 'New');
    assert.equal(report.complete, true);
  });

  it('knows the generation stated by an earlier process from the object', async () => {
    const earlier = new Harness();
    await earlier.apply({ status: { phase: 'New' } }, { deliveredGeneration: 3 });
    const harness = new Harness();
    harness.server.objects.set(OBJECT_PATH, earlier.object);
    await harness.apply({ status: { phase: 'Old' } }, { deliveredGeneration: 2 });
    assert.equal(harness.object['status'].phase, 'New');
  });

  it('is not held up for ever by a generation that a function made up', async () => {
    const harness = new Harness();
    await harness.apply({ status: { phase: 'A', observedGeneration: 999 } });
    await harness.apply({ status: { phase: 'B' } });
    assert.deepEqual(harness.object['status'], { phase: 'B', observedGeneration: 3 });
  });
});

describe('observedGeneration', () => {
  it('is left to another manager that owns it', async () => {
    const harness = new Harness();
    await harness.server.applyAs('kubectl', STATUS_PATH, {
      metadata: { name: 'web' },
      status: { observedGeneration: 1 },
    });
    await harness.apply({ status: { phase: 'Ready' } });
    assert.deepEqual(harness.object['status'], { observedGeneration: 1, phase: 'Ready' });
  });

  it('is absent for a delivery without generation', async () => {
    const harness = new Harness();
    const { deliveredGeneration: _, ...task } = harness.task({ status: { phase: 'Ready' } });
    await harness.applier.apply(task);
    assert.deepEqual(harness.object['status'], { phase: 'Ready' });
  });
});

describe('A kind without status subresource', () => {
  for (const { reason, known } of [
    { reason: 'as discovery says', known: false },
    { reason: 'as a 404 on /status shows, where discovery is out of date', known: true },
  ]) {
    it(`has its status applied to the main resource, ${reason}`, async () => {
      const harness = new Harness({ statusSubresource: false });
      const task = harness.task({ status: { phase: 'Ready' } });
      await harness.applier.apply({
        ...task,
        resource: { ...task.resource, statusSubresource: known },
      });
      assert.equal(harness.stated.length, 1);
      assert.equal(harness.object['status'].phase, 'Ready');
      assert.equal(harness.server.writes.at(-1), `PATCH ${OBJECT_PATH}`);
    });
  }

  it('is not created anew where the object is gone', async () => {
    const harness = new Harness({ statusSubresource: false });
    const task = harness.task({ status: { phase: 'Ready' } });
    harness.server.objects.delete(OBJECT_PATH);
    const done = harness.applier.apply({ ...task, resource: { ...task.resource, statusSubresource: false } });
    await harness.clock.advance(100);
    assert.equal((await done).complete, false);
    assert.equal(harness.server.objects.size, 0);
  });
});
