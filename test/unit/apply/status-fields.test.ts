/** Fields of a status that the schema does not know, or that somebody else owns. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CONDITION, Harness, OBJECT_PATH, statusWith } from '../../support/apply-harness.ts';
import { apiError } from '../../support/fake-apply-server.ts';

const ready = { type: 'Ready', status: 'True', reason: 'Available' } as const;

const STATUS_PATH = `${OBJECT_PATH}/status`;

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
