import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { passUntil } from '../../support/drive.ts';
import type { FakeRequest } from '../../support/fake-apiserver.ts';
import { RecordingSubscriber } from '../../support/source-bench.ts';
import { benchAudit, REPAIRED_MS, SOURCE } from '../../support/audit-bench.ts';

describe('Audit, of a watch that withholds', () => {
  for (const { change, kind, told } of [
    { change: 'ADDED', kind: 'added', told: 'Added u-d 14' },
    { change: 'MODIFIED', kind: 'updated', told: 'Modified u-a 14' },
    { change: 'DELETED', kind: 'deleted', told: 'Deleted u-a 15' },
  ] as const) {
    it(`${change}, tells it within a period, once`, async (t) => {
      const { server, recorder, audited, repairs, warnings, check } = await benchAudit(t);
      server.told = ({ type, ...rest }) => (type === change ? [] : [{ type, ...rest }]);
      if (change === 'ADDED') server.put({ namespace: 'n', name: 'd', uid: 'u-d' });
      else if (change === 'MODIFIED') server.put({ namespace: 'n', name: 'a', uid: 'u-a' });
      else server.delete({ namespace: 'n', name: 'a' });
      server.bookmark();
      await audited('repaired');
      check();
      assert.equal(recorder.log.at(-1), told);
      assert.deepEqual(repairs(), { [kind]: 1 });
      assert.deepEqual(warnings, [`n/${change === 'ADDED' ? 'd' : 'a'} ${kind}`]);
      await audited('clean');
      assert.equal(recorder.log.at(-1), told);
      assert.deepEqual(repairs(), { [kind]: 1 });
    });
  }

  it('an event until after a bookmark that is newer, tells it and is not misled by its late coming', async (t) => {
    const { server, clock, recorder, audited, repairs, check } = await benchAudit(t);
    server.told = () => [];
    server.put({ namespace: 'n', name: 'a', uid: 'u-a' });
    server.bookmark();
    const metadata = { namespace: 'n', name: 'a', uid: 'u-a', resourceVersion: '14' };
    server.say(`${JSON.stringify({ type: 'MODIFIED', object: { metadata } })}\n`);
    await clock.advance(1000);
    assert.deepEqual(recorder.only('Modified'), [], 'nothing goes back in time');
    await audited('repaired');
    check();
    assert.deepEqual(repairs(), { updated: 1 });
  });

  it('the order of events, tells what came too late to be told', async (t) => {
    const { server, audited, repairs, check } = await benchAudit(t);
    const [held, swapped]: [unknown[], unknown[]] = [[], []];
    server.told = (change) => {
      if (held.push(change) % 2 === 1) return [];
      const pair = held.splice(0) as (typeof change)[];
      swapped.push(...pair);
      return pair.toReversed();
    };
    for (const name of ['a', 'b', 'c', 'c']) server.put({ namespace: 'n', name, uid: `u-${name}` });
    assert.equal(swapped.length, 4);
    server.bookmark();
    await audited('repaired');
    check();
    // Of two changes of one object the older one is no loss.
    assert.deepEqual(repairs(), { updated: 1 });
  });

  it('a deletion where it is opened again at the version of a compaction, tells it', async (t) => {
    const { server, clock, recorder, audited, repairs, check } = await benchAudit(t);
    server.endWatches();
    server.delete({ namespace: 'n', name: 'b' });
    server.put({ namespace: 'n', name: 'c', uid: 'u-c' });
    server.told = ({ type, ...rest }) => (type === 'DELETED' ? [] : [{ type, ...rest }]);
    await passUntil(clock, { what: 'the watch', maxMs: 5000 }, () =>
      recorder.log.includes('Modified u-c 15'),
    );
    await audited('repaired');
    check();
    assert.deepEqual(repairs(), { deleted: 1 });
  });

  it('a whole life and the next one, tells the end of the one before the other', async (t) => {
    const { server, recorder, audited, repairs, check } = await benchAudit(t);
    server.told = () => [];
    server.put({ namespace: 'n', name: 'a', uid: 'u-a2' });
    server.bookmark();
    await audited('repaired');
    check();
    assert.deepEqual(recorder.only('Deleted', 'Added'), ['Deleted u-a 15', 'Added u-a2 15']);
    assert.deepEqual(repairs(), { added: 1, deleted: 1 });
  });

  it('an object until it is gone, does not tell it after its end', async (t) => {
    const { server, clock, recorder, audited, repairs, check } = await benchAudit(t);
    server.told = ({ type, ...rest }) => (type === 'ADDED' ? [] : [{ type, ...rest }]);
    server.put({ namespace: 'n', name: 'd', uid: 'u-d' });
    server.bookmark();
    const metadata = { namespace: 'n', name: 'd', uid: 'u-d', resourceVersion: '14' };
    const body = `{"kind":"List","metadata":{"resourceVersion":"14"},"items":[${JSON.stringify({ metadata })}]}`;
    const { promise: when, resolve } = Promise.withResolvers<void>();
    const isRead = ({ kind, query }: FakeRequest): boolean => kind === 'list' && query.has('fieldSelector');
    server.fault = (request) => (isRead(request) ? { kind: 'status', status: 200, body, when } : undefined);
    const read = (): boolean => server.requests.some(isRead);
    await passUntil(clock, { what: 'the read', maxMs: REPAIRED_MS, stepMs: 1000 }, read);
    server.delete({ namespace: 'n', name: 'd' });
    await clock.advance(10);
    resolve();
    await audited('clean');
    check();
    assert.deepEqual(recorder.only('Added', 'Deleted'), []);
    assert.deepEqual(repairs(), {});
  });

  it('more than a hundred changes, begins it anew with a list', async (t) => {
    const { server, clock, meter, recorder, audited, repairs, warnings, check } = await benchAudit(t);
    server.told = () => [];
    for (let i = 0; i < 101; i++) server.put({ name: `x${i}`, uid: `u-x${i}` });
    server.bookmark();
    await audited('relisted');
    await passUntil(clock, { what: 'the list', maxMs: 1000 }, () => recorder.only('synced').length === 2);
    check();
    assert.equal(meter.value('statewire_relists_total', { source: SOURCE, reason: 'audit' }), 1);
    assert.deepEqual(repairs(), { added: 101 });
    assert.deepEqual(warnings, ['101']);
    server.told = (change) => [change];
    server.put({ namespace: 'n', name: 'a', uid: 'u-a' });
    await passUntil(clock, { what: 'the watch', maxMs: 1000 }, () => server.watches === 1);
    await audited('clean');
    check();
  });

  it('a change and every bookmark, tells it after two minutes more', async (t) => {
    const { server, audited, repairs, check } = await benchAudit(t);
    server.told = () => [];
    server.put({ namespace: 'n', name: 'a', uid: 'u-a' });
    await audited('repaired', 1, REPAIRED_MS + 120_000);
    check();
    assert.deepEqual(repairs(), { updated: 1 });
  });

  it('a change that it told only to those who came later, tells it to everybody', async (t) => {
    const { server, subscribe, has, clock, recorder, check } = await benchAudit(t);
    server.told = () => [];
    server.put({ namespace: 'n', name: 'a', uid: 'u-a' });
    const late = new RecordingSubscriber();
    subscribe(late);
    await clock.advance(20);
    await has(late, 'synced');
    assert.deepEqual(late.only('Listed', 'Modified'), ['Listed u-a 14', 'Listed u-b 12', 'Listed u-c 13']);
    assert.deepEqual(recorder.only('Modified'), ['Modified u-a 14']);
    check();
  });
});
