import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CONDITION, Harness, OBJECT_PATH, statusWith } from '../../support/apply-harness.ts';

const STATUS_PATH = `${OBJECT_PATH}/status`;
const ATOMIC = statusWith({ conditions: { type: 'array', items: CONDITION } });
const ready = { type: 'Ready', status: 'True', reason: 'Available' } as const;
const theirs = {
  type: 'Theirs',
  status: 'True',
  reason: 'Fine',
  message: 'by hand',
  lastTransitionTime: '2020-01-01T00:00:00Z',
};

function types(harness: Harness): string[] {
  const list = harness.object['status'].conditions as readonly { readonly type: string }[] | undefined;
  return (list ?? []).map(({ type }) => type);
}

describe('Conditions', () => {
  it('keep lastTransitionTime while their status stays, and change it with the status only', async () => {
    const harness = new Harness();
    await harness.apply({ conditions: [ready] });
    await harness.clock.advance(60_000);
    await harness.apply({ conditions: [{ ...ready, reason: 'StillAvailable' }] });
    const [same] = harness.object['status'].conditions;
    assert.equal(same.reason, 'StillAvailable');
    assert.equal(same.lastTransitionTime, '2026-01-01T00:00:00Z');
    await harness.apply({ conditions: [{ ...ready, status: 'False', reason: 'Gone' }] });
    assert.equal(harness.object['status'].conditions[0].lastTransitionTime, '2026-01-01T00:01:00Z');
  });

  it('take lastTransitionTime over from whoever stated the same status before', async () => {
    const harness = new Harness();
    await harness.server.applyAs('kubectl', STATUS_PATH, {
      metadata: { name: 'web' },
      status: { conditions: [{ ...theirs, type: 'Ready' }] },
    });
    await harness.apply({ conditions: [ready] });
    assert.equal(harness.object['status'].conditions[0].lastTransitionTime, '2020-01-01T00:00:00Z');
  });

  it('carry the generation delivered, and move with it', async () => {
    const harness = new Harness();
    await harness.apply({ conditions: [ready] });
    await harness.apply({ conditions: [ready] }, { deliveredGeneration: 4 });
    assert.equal(harness.object['status'].conditions[0].observedGeneration, 4);
  });

  it('may also stand in status, where those in conditions win', async () => {
    const harness = new Harness();
    await harness.apply({
      status: {
        conditions: [
          { type: 'Synced', status: 'True', reason: 'Done' },
          { ...ready, reason: 'Loses' },
        ],
      },
      conditions: [ready],
    });
    assert.deepEqual(types(harness).toSorted(), ['Ready', 'Synced']);
    const list = harness.object['status'].conditions as readonly {
      readonly type: string;
      readonly reason: string;
    }[];
    assert.equal(list.find(({ type }) => type === 'Ready')?.reason, 'Available');
  });

  it('are reported as undeclared where the kind has none', async () => {
    const harness = new Harness({ status: statusWith({ conditions: undefined }) });
    const report = await harness.apply({ status: { phase: 'Ready' }, conditions: [ready] });
    assert.deepEqual(harness.object['status'], { phase: 'Ready', observedGeneration: 3 });
    assert.match(report.problems[0]?.message ?? '', /status\.conditions$/);
  });
});

describe('Conditions in a list that merges by type', () => {
  it('leave those of others alone', async () => {
    const harness = new Harness();
    await harness.server.applyAs('kubectl', STATUS_PATH, {
      metadata: { name: 'web' },
      status: { conditions: [theirs] },
    });
    await harness.apply({ conditions: [ready] });
    assert.deepEqual(types(harness), ['Theirs', 'Ready']);
    const [, entry] = harness.object['metadata'].managedFields;
    assert.deepEqual(Object.keys(entry.fieldsV1['f:status']['f:conditions']), ['k:{"type":"Ready"}']);
  });
});

describe('Conditions in an atomic list', () => {
  it('are merged by type, and nothing of others is lost', async () => {
    const harness = new Harness({ status: ATOMIC });
    await harness.server.applyAs('kubectl', STATUS_PATH, {
      metadata: { name: 'web' },
      status: { conditions: [theirs] },
    });
    const report = await harness.apply({ conditions: [ready] });
    assert.deepEqual(types(harness), ['Theirs', 'Ready']);
    assert.deepEqual(harness.object['status'].conditions[0], theirs);
    assert.deepEqual(report.problems, []);
  });

  it('are removed by type once they are no longer stated', async () => {
    const harness = new Harness({ status: ATOMIC });
    await harness.server.applyAs('kubectl', STATUS_PATH, {
      metadata: { name: 'web' },
      status: { conditions: [theirs] },
    });
    await harness.apply({ conditions: [ready, { ...ready, type: 'Synced' }] });
    await harness.apply({ conditions: [ready] });
    assert.deepEqual(types(harness), ['Theirs', 'Ready']);
    await harness.apply({ status: {} });
    assert.deepEqual(types(harness), ['Theirs']);
  });

  it('stay where it is not known any more who stated them', async () => {
    const harness = new Harness({ status: ATOMIC });
    await harness.apply({ conditions: [ready, { ...ready, type: 'Synced' }] });
    harness.applier.forget('u1');
    await harness.apply({ conditions: [ready] });
    assert.deepEqual(types(harness), ['Ready', 'Synced']);
  });

  it('are not written again only to own the list', async () => {
    const harness = new Harness({ status: ATOMIC });
    await harness.apply({ conditions: [ready] });
    const conditions = structuredClone(harness.object['status'].conditions) as unknown[];
    await harness.server.applyAs('statewire/other', STATUS_PATH, {
      metadata: { name: 'web' },
      status: { conditions: [...conditions, theirs] },
    });
    harness.server.requests.length = 0;
    await harness.apply({ conditions: [ready] });
    assert.deepEqual(types(harness), ['Ready', 'Theirs']);
    assert.equal(harness.server.writes.length, 0);
  });
});
