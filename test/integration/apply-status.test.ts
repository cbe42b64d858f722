/** Status writes on a real API server: what the unit tests take from an imitation is held against it here. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { parseExact } from '../../forwarder/lib/exact-json.ts';
import { ApplyStage, type Loose, type Result } from '../support/apply-stage.ts';

let stage: ApplyStage;
before(async () => {
  stage = await ApplyStage.open('Merged', 'Atomic', 'Bare');
});
after(() => stage.close());

const ready = { type: 'Ready', status: 'True', reason: 'Available' } as const;
const rich: Result = {
  status: {
    phase: 'Ready',
    replicas: 3,
    big: parseExact('9007199254740993'),
    nested: { a: 'x' },
    labels: { 'a.b/c': 'd' },
    addresses: ['b', 'a'],
    free: { x: [1, { y: null }], z: parseExact('1.5') },
    tags: ['t1', 't2'],
    ports: [
      { port: 80, name: 'web' },
      { port: 53, protocol: 'UDP' },
    ],
  },
  conditions: [ready, { type: 'Synced', status: 'Unknown', reason: 'Waiting', message: 'a while' }],
};

describe('Status on a real API server', () => {
  for (const kind of ['Merged', 'Atomic', 'Bare'] as const) {
    it(`lands on ${kind}, and the same again is no request`, async () => {
      const subject = await stage.create(kind);
      const report = await subject.apply(rich);
      assert.deepEqual(report.problems, []);
      const { metadata, status } = await subject.read();
      assert.equal(subject.stated.at(-1)?.metadata.resourceVersion, metadata.resourceVersion);
      assert.equal(status.phase, 'Ready');
      assert.equal(JSON.stringify(status.big), '9007199254740993');
      assert.equal(status.observedGeneration, kind === 'Merged' ? 1 : undefined);
      assert.deepEqual(
        status.conditions.map((condition: Loose) => condition.type),
        ['Ready', 'Synced'],
      );
      await subject.apply(rich);
      assert.deepEqual(subject.requests, []);
      assert.equal(subject.stated.length, 1);
      assert.equal((await subject.read()).metadata.resourceVersion, metadata.resourceVersion);
    });

    it(`goes from ${kind} where it is no longer stated, with nothing of others`, async () => {
      const subject = await stage.create(kind);
      const theirs = {
        type: 'Theirs',
        status: 'True',
        reason: 'ByHand',
        message: 'm',
        lastTransitionTime: '2020-01-01T00:00:00Z',
      };
      await subject.statusBy('kubectl', { nested: { b: 'theirs' }, conditions: [theirs] });
      await subject.apply(rich);
      const merged = (await subject.read()).status;
      assert.deepEqual(merged.nested, { a: 'x', b: 'theirs' });
      assert.deepEqual(
        merged.conditions.find((condition: Loose) => condition.type === 'Theirs'),
        theirs,
      );
      assert.equal(merged.conditions.length, 3);
      await subject.apply({ status: {} });
      const { status } = await subject.read();
      assert.deepEqual(status, {
        ...(kind === 'Merged' && { observedGeneration: 1 }),
        nested: { b: 'theirs' },
        conditions: [theirs],
      });
      await subject.apply({ status: {} });
      assert.deepEqual(subject.requests, []);
    });
  }

  it('leaves undeclared fields out and says which', async () => {
    const subject = await stage.create('Atomic');
    const report = await subject.apply({
      status: { phase: 'Ready', extra: { deep: 1 }, nested: { c: '1' }, free: { any: 1 } },
      conditions: [{ ...ready, score: 1 } as typeof ready],
    });
    assert.match(
      report.problems[0]?.message ?? '',
      /does not declare: status\.conditions\[\]\.score, status\.extra, status\.nested\.c$/,
    );
    const { status } = await subject.read();
    assert.equal(status.phase, 'Ready');
    assert.deepEqual(status.free, { any: 1 });
  });

  it('reads the schema anew when the API server does not know a field', async () => {
    const subject = await stage.create('Atomic');
    const [atomic, merged] = [await stage.resource('Atomic'), await stage.resource('Merged')];
    const { schemas } = stage;
    // The schema of another kind stands for one that is out of date: it declares observedGeneration.
    const applier = stage.applier('app', {
      schemas: {
        schemaOf: (_, options) => schemas.schemaOf(options?.fresh === true ? atomic : merged, options),
      },
    });
    await applier.apply(subject.task({ status: { phase: 'Ready' } }));
    assert.equal(subject.stated.length, 1);
    assert.deepEqual((await subject.read()).status, { phase: 'Ready' });
  });

  it('is refused for good where a value has the wrong type', async () => {
    const subject = await stage.create('Merged');
    const report = await subject.apply({ status: { replicas: 'three' } });
    assert.deepEqual(
      report.problems.map(({ reason }) => reason),
      ['Invalid'],
    );
    assert.match(report.problems[0]?.message ?? '', /replicas/);
    assert.equal(report.complete, true);
    assert.equal(subject.events[0]?.reason, 'Invalid');
  });

  it('survives an edit in between: both stay', async () => {
    const subject = await stage.create('Merged');
    await subject.statusBy('kubectl', { nested: { b: 'theirs' } });
    await subject.applier.apply(subject.task({ status: { phase: 'Ready' } }));
    assert.equal(subject.stated.length, 1);
    const { status } = await subject.read();
    assert.equal(status.phase, 'Ready');
    assert.deepEqual(status.nested, { b: 'theirs' });
    assert.deepEqual(
      subject.requests.map(({ method }) => method),
      ['PATCH', 'GET', 'PATCH'],
    );
  });

  for (const kind of ['Merged', 'Bare'] as const) {
    it(`never lands on another ${kind} of the same name, nor creates one anew`, async () => {
      const subject = await stage.create(kind);
      const task = subject.task({ status: { phase: 'Ready' } });
      await stage.request('DELETE', subject.path);
      assert.equal((await subject.applier.apply(task)).complete, false);
      await assert.rejects(subject.read(), { status: 404 });
      await subject.make();
      subject.newest = task.newest();
      assert.equal((await subject.applier.apply(task)).complete, false);
      assert.equal((await subject.read()).status, undefined);
    });
  }

  it('is left to the trigger that owns it, field by field', async () => {
    const first = await stage.create('Merged', 'first');
    await first.apply({ status: { phase: 'First', nested: { a: 'first' } }, conditions: [ready] });
    const second = stage.other(first, 'second');
    const report = await second.apply({
      status: { phase: 'Second', nested: { a: 'second', b: 'second' } },
      conditions: [ready, { ...ready, type: 'Synced' }],
    });
    assert.match(
      report.problems[0]?.message ?? '',
      /: status\.conditions\[Ready\], status\.nested\.a, status\.phase$/,
    );
    const { status } = await first.read();
    assert.equal(status.phase, 'First');
    assert.deepEqual(status.nested, { a: 'first', b: 'second' });
    assert.deepEqual(
      status.conditions.map((condition: Loose) => condition.type),
      ['Ready', 'Synced'],
    );
    await first.apply({ status: { phase: 'First', nested: { a: 'first' } }, conditions: [ready] });
    assert.equal(first.writes, 0);
    await second.apply({
      status: { phase: 'Second', nested: { a: 'second', b: 'second' } },
      conditions: [ready, { ...ready, type: 'Synced' }],
    });
    assert.equal(second.writes, 0);
  });

  it('takes fields from whoever is no trigger', async () => {
    const subject = await stage.create('Merged');
    await subject.statusBy('kubectl', { phase: 'ByHand', addresses: ['x'] });
    const report = await subject.apply({ status: { phase: 'Ready', addresses: ['y'] } });
    assert.deepEqual(report.problems, []);
    const { status } = await subject.read();
    assert.equal(status.phase, 'Ready');
    assert.deepEqual(status.addresses, ['y']);
  });
});
