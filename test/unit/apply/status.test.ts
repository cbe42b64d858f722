import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseExact } from '../../../forwarder/lib/exact-json.ts';
import type { FunctionResult } from '../../../protocol/result.ts';
import { CONDITION, Harness, MANAGER, OBJECT_PATH, statusWith } from '../../support/apply-harness.ts';
import { apiError } from '../../support/fake-apply-server.ts';

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

describe('A status write to an object that has changed', () => {
  it('reads the object after a conflict, tells what it read, and tries again with its version', async () => {
    const harness = new Harness();
    await harness.server.applyAs('kubectl', STATUS_PATH, {
      metadata: { name: 'web' },
      status: { replicas: 2 },
    });
    const done = harness.applier.apply(harness.task({ status: { phase: 'Ready' } }));
    await harness.clock.advance(100);
    await done;
    assert.equal(harness.stated.length, 1);
    assert.deepEqual(
      harness.server.requests.map(({ method }) => method),
      ['PATCH', 'GET', 'PATCH'],
    );
    assert.deepEqual(
      harness.observed.map(({ status }) => status),
      [{ replicas: 2 }],
    );
    assert.deepEqual(harness.object['status'], { phase: 'Ready', replicas: 2, observedGeneration: 3 });
    assert.deepEqual(harness.counts, { 'status conflict': 1, 'status written': 1 });
    assert.deepEqual(harness.retrying, []);
  });

  it('never lands on another object of the same name', async () => {
    const harness = new Harness();
    harness.server.put(OBJECT_PATH, { metadata: { name: 'web', namespace: 'shop', uid: 'u2' } });
    const done = harness.applier.apply(harness.task({ status: { phase: 'Ready' } }));
    await harness.clock.advance(100);
    const report = await done;
    assert.equal(harness.object['status'], undefined);
    assert.equal(report.complete, false);
    assert.deepEqual(report.problems, []);
    assert.deepEqual(harness.observed, []);
  });

  it('stops silently where the object is gone', async () => {
    const harness = new Harness();
    harness.server.objects.delete(OBJECT_PATH);
    const report = await harness.applier.apply(harness.task({ status: { phase: 'Ready' } }));
    assert.equal(report.complete, false);
    assert.deepEqual(report.problems, []);
    assert.deepEqual(harness.events, []);
  });

  it('reads the object where no state of it is known', async () => {
    const harness = new Harness();
    harness.newest = undefined;
    await harness.applier.apply(harness.task({ status: { phase: 'Ready' } }));
    assert.deepEqual(
      harness.server.requests.map(({ method }) => method),
      ['GET', 'PATCH'],
    );
    assert.equal(harness.object['status'].phase, 'Ready');
  });

  it('waits longer when conflicts do not end, and says so', async () => {
    const harness = new Harness();
    harness.server.before = ({ method }) => {
      if (method === 'PATCH') throw apiError(409, 'modified');
    };
    const done = harness.applier.apply(harness.task({ status: { phase: 'Ready' } }));
    await harness.clock.advance(300);
    assert.equal(harness.counts['status conflict'], 6);
    assert.deepEqual(harness.retrying, [{ reason: 'Conflict', message: 'modified' }]);
    harness.server.before = () => undefined;
    await harness.clock.advance(500);
    await done;
    assert.equal(harness.stated.length, 1);
    assert.equal(harness.clock.pending, 0);
  });
});

describe('A status write while the API server is unavailable', () => {
  it('is tried again after growing waits, for as long as it is current', async () => {
    const harness = new Harness();
    harness.server.before = () => {
      throw apiError(503, 'unavailable');
    };
    const started = harness.clock.now();
    const times: number[] = [];
    const done = harness.applier.apply(
      harness.task(
        { status: { phase: 'Ready' } },
        { onRetrying: () => void times.push(harness.clock.now() - started) },
      ),
    );
    await harness.clock.advance(120_000);
    assert.deepEqual(times.slice(0, 4), [0, 375, 1125, 2625]);
    assert.equal((times.at(-1) ?? 0) - (times.at(-2) ?? 0), 22_500);
    harness.server.before = () => undefined;
    await harness.clock.advance(30_000);
    await done;
    assert.equal(harness.stated.length, 1);
    assert.equal(harness.object['status'].phase, 'Ready');
  });

  it('waits no shorter than the API server asks', async () => {
    const harness = new Harness();
    let calls = 0;
    harness.server.before = () => {
      calls += 1;
      if (calls > 1) return;
      const error = apiError(429, 'slow down');
      throw Object.assign(error, { retryAfterMs: 5000 });
    };
    const done = harness.applier.apply(harness.task({ status: { phase: 'Ready' } }));
    await harness.clock.advance(4999);
    assert.equal(calls, 1);
    await harness.clock.advance(1);
    await done;
    assert.equal(harness.stated.length, 1);
  });

  for (const { reason, end } of [
    { reason: 'once a newer result exists', end: (harness: Harness) => void (harness.current = false) },
    { reason: 'when the signal ends it', end: (harness: Harness) => harness.stop.abort(new Error('stop')) },
  ]) {
    it(`is given up ${reason}`, async () => {
      const harness = new Harness();
      harness.server.before = () => {
        throw apiError(503, 'unavailable');
      };
      const done = harness.applier.apply(harness.task({ status: { phase: 'Ready' } }));
      await harness.clock.advance(10);
      end(harness);
      await harness.clock.advance(60_000);
      const report = await done;
      assert.equal(report.complete, false);
      assert.deepEqual(report.problems, []);
      assert.equal(harness.clock.pending, 0);
    });
  }
});

describe('A status write that is refused for good', () => {
  for (const { status, reason } of [
    { status: 403, reason: 'Forbidden' },
    { status: 422, reason: 'Invalid' },
  ] as const) {
    it(`is a problem and a Warning Event after ${status}, and is not tried again`, async () => {
      const harness = new Harness();
      harness.server.before = ({ method }) => {
        if (method === 'PATCH') throw apiError(status, 'no');
      };
      const report = await harness.apply({ status: { phase: 'Ready' } });
      assert.deepEqual(report.problems, [{ reason, message: 'status: no' }]);
      assert.equal(report.complete, true);
      assert.deepEqual(
        harness.events.map(({ type, reason, note, regarding }) => ({
          type,
          reason,
          note,
          uid: regarding.uid,
        })),
        [{ type: 'Warning', reason, note: 'status: no', uid: 'u1' }],
      );
      assert.equal(harness.counts['status refused'], 1);
    });
  }
});

describe('Status fields that the schema does not declare', () => {
  const undeclared = {
    phase: 'Ready',
    extra: 1,
    nested: { a: '1', c: '3' },
    items: [
      { name: 'x', other: 1 },
      { name: 'y', other: 2 },
    ],
    labels: { any: 'thing' },
    free: { any: { thing: 1 } },
  };

  it('are left out at every depth, while maps and preserved fields stay', async () => {
    const harness = new Harness();
    const report = await harness.apply({ status: undeclared });
    assert.deepEqual(harness.object['status'], {
      observedGeneration: 3,
      phase: 'Ready',
      nested: { a: '1' },
      items: [{ name: 'x' }, { name: 'y' }],
      labels: { any: 'thing' },
      free: { any: { thing: 1 } },
    });
    const message =
      'the schema of App.example.com/v1 does not declare: status.extra, status.items[].other, status.nested.c';
    assert.deepEqual(report.problems, [{ reason: 'FieldNotDeclared', message }]);
  });

  it('are named in one Event per trigger, and reported each time', async () => {
    const harness = new Harness();
    await harness.apply({ status: undeclared });
    const report = await harness.apply({ status: { ...undeclared, phase: 'Other' } });
    assert.equal(report.problems.length, 1);
    assert.equal(harness.events.length, 1);
    await harness.apply({ status: { another: 1 } });
    assert.equal(harness.events.length, 2);
  });

  it('are found by reading the schema once more where the one at hand was out of date', async () => {
    const harness = new Harness();
    harness.published.cached = statusWith({ late: { type: 'string' } });
    const report = await harness.apply({ status: { phase: 'Ready', late: 'x' } });
    assert.deepEqual(harness.schemaReads, ['cached', 'fresh']);
    assert.deepEqual(harness.object['status'], { phase: 'Ready', observedGeneration: 3 });
    assert.equal(report.problems[0]?.reason, 'FieldNotDeclared');
  });

  it('make the status invalid where the API server refuses even what its schema declares', async () => {
    const harness = new Harness();
    harness.server.before = ({ method }) => {
      if (method === 'PATCH')
        throw apiError(500, 'failed to create typed patch object (.status.replicas: expected integer)');
    };
    const report = await harness.apply({ status: { replicas: 'three' } });
    assert.equal(report.problems[0]?.reason, 'Invalid');
    assert.equal(report.complete, true);
    assert.deepEqual(harness.schemaReads, ['cached', 'fresh']);
    assert.equal(harness.server.writes.length, 1);
  });

  it('do not include the forwarder’s own additions', async () => {
    const bare = {
      type: 'object',
      properties: { type: CONDITION.properties?.['type'] ?? {}, status: { type: 'string' } },
    };
    const harness = new Harness({
      status: statusWith({
        observedGeneration: undefined,
        conditions: { type: 'array', items: bare, listType: 'map', listMapKeys: ['type'] },
      }),
    });
    const report = await harness.apply({ conditions: [ready] });
    assert.deepEqual(harness.object['status'], { conditions: [{ type: 'Ready', status: 'True' }] });
    assert.deepEqual(
      report.problems.map(({ message }) => message),
      ['the schema of App.example.com/v1 does not declare: status.conditions[].reason'],
    );
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

describe('Fields that others own', () => {
  it('are taken by force from everybody but other triggers', async () => {
    const harness = new Harness();
    await harness.server.applyAs('kubectl', STATUS_PATH, {
      metadata: { name: 'web' },
      status: { phase: 'Manual', addresses: ['a'] },
    });
    const report = await harness.apply({ status: { phase: 'Ready', addresses: ['b'] } });
    assert.deepEqual(report.problems, []);
    assert.equal(harness.object['status'].phase, 'Ready');
    assert.deepEqual(harness.object['status'].addresses, ['b']);
  });

  it('are left to other triggers and reported', async () => {
    const harness = new Harness();
    await harness.server.applyAs('statewire/other', STATUS_PATH, {
      metadata: { name: 'web' },
      status: {
        phase: 'Theirs',
        nested: { a: 'theirs' },
        labels: { x: 'theirs' },
        addresses: ['a'],
        conditions: [{ type: 'Ready', status: 'False', reason: 'Theirs' }],
      },
    });
    const report = await harness.apply({
      status: { phase: 'Ours', nested: { a: 'ours', b: 'ours' }, labels: { y: 'ours' }, addresses: ['b'] },
      conditions: [ready, { type: 'Synced', status: 'True', reason: 'Done' }],
    });
    const { status } = harness.object;
    assert.equal(status.phase, 'Theirs');
    assert.deepEqual(status.nested, { a: 'theirs', b: 'ours' });
    assert.deepEqual(status.labels, { x: 'theirs', y: 'ours' });
    assert.deepEqual(status.addresses, ['a']);
    assert.deepEqual(
      status.conditions.map(
        (condition: { readonly type: string; readonly reason: string }) => condition.reason,
      ),
      ['Theirs', 'Done'],
    );
    assert.deepEqual(report.problems, [
      {
        reason: 'FieldConflict',
        message:
          'left to another trigger, which owns: status.addresses, status.conditions[Ready], status.nested.a, status.phase',
      },
    ]);
    assert.equal(harness.events[0]?.reason, 'FieldConflict');
  });

  it('that other triggers own need no further write', async () => {
    const harness = new Harness();
    await harness.server.applyAs('statewire-cluster/other', STATUS_PATH, {
      metadata: { name: 'web' },
      status: { phase: 'Theirs' },
    });
    await harness.apply({ status: { phase: 'Ours', replicas: 1 } });
    await harness.apply({ status: { phase: 'Ours', replicas: 1 } });
    assert.equal(harness.server.writes.length, 1);
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
