import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { type Logger, silentLogger } from '../../../forwarder/lib/logger.ts';
import { compareResourceVersions } from '../../../forwarder/model/delta.ts';
import { passUntil } from '../../support/drive.ts';
import { type FakeRequest, statusBody } from '../../support/fake-apiserver.ts';
import { benchSources, RecordingSubscriber, type SourceBench } from '../../support/source-bench.ts';

const PERIOD_MS = 60_000;
/** Until a repair: a period with its jitter, the time that a watch is given, and the steps of this test. */
const REPAIRED_MS = 1.2 * PERIOD_MS + 12_000;
const SOURCE = 'applications.example.com/v1';

interface AuditBench extends SourceBench {
  readonly recorder: RecordingSubscriber;
  /** What was logged as a warning. */
  readonly warnings: string[];
  /** Lets time pass until so many audits have ended so. */
  readonly audited: (result: string, times?: number, maxMs?: number) => Promise<void>;
  readonly repairs: () => Record<string, number>;
  /** Whether exactly what the server has was told, and nothing ever went back. */
  readonly check: () => void;
}

/** One subscriber that is synced with three objects, and an audit a minute. */
async function setUp(
  t: TestContext,
  options: { readonly auditIntervalMs?: number; readonly maxLists?: number } = {},
): Promise<AuditBench> {
  const warnings: string[] = [];
  const logger: Logger = {
    ...silentLogger,
    warn: (_msg, { key, reason, count } = {}) => void warnings.push(key ? `${key} ${reason}` : `${count}`),
    with: () => logger,
  };
  const bench = await benchSources(t, {
    auditIntervalMs: PERIOD_MS,
    random: () => 0.5,
    logger,
    ...options,
  });
  const { server, clock, meter, subscribe, has } = bench;
  for (const name of ['a', 'b', 'c']) server.put({ namespace: 'n', name, uid: `u-${name}` });
  const recorder = new RecordingSubscriber();
  subscribe(recorder);
  await has(recorder, 'synced');
  const value = (result: string): number =>
    meter.value('statewire_audits_total', { source: SOURCE, result }) ?? 0;
  return {
    ...bench,
    recorder,
    warnings,
    async audited(result, times = 1, maxMs = REPAIRED_MS) {
      const what = `${times} audits with result ${result}`;
      await passUntil(clock, { what, maxMs, stepMs: 1000 }, () => value(result) >= times);
    },
    repairs() {
      const kinds = ['added', 'updated', 'deleted'].map((kind) => {
        const count = meter.value('statewire_audit_repairs_total', { source: SOURCE, kind });
        return [kind, count] as const;
      });
      return Object.fromEntries(
        kinds.flatMap(([kind, count]) => (count === undefined ? [] : [[kind, count]])),
      );
    },
    check: () => check(recorder, server.state),
  };
}

function check({ deltas }: RecordingSubscriber, state: ReadonlyMap<string, string>): void {
  const told = new Map<string, string>();
  const newest = new Map<string, string>();
  for (const { type, head } of deltas) {
    const before = newest.get(head.uid) ?? '0';
    assert.ok(compareResourceVersions(head.resourceVersion, before) >= 0, `${head.uid} goes back`);
    newest.set(head.uid, head.resourceVersion);
    if (type === 'Deleted') told.delete(head.uid);
    else told.set(head.uid, head.resourceVersion);
  }
  assert.deepEqual(Object.fromEntries(told), Object.fromEntries(state));
}

function isAudit({ headers }: FakeRequest): boolean {
  return headers.accept?.includes('PartialObjectMetadataList') === true;
}

describe('Audit, of a watch that withholds', () => {
  for (const { change, kind, told } of [
    { change: 'ADDED', kind: 'added', told: 'Added u-d 14' },
    { change: 'MODIFIED', kind: 'updated', told: 'Modified u-a 14' },
    { change: 'DELETED', kind: 'deleted', told: 'Deleted u-a 15' },
  ] as const) {
    it(`${change}, tells it within a period, once`, async (t) => {
      const { server, recorder, audited, repairs, warnings, check } = await setUp(t);
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
    const { server, clock, recorder, audited, repairs, check } = await setUp(t);
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
    const { server, audited, repairs, check } = await setUp(t);
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
    const { server, clock, recorder, audited, repairs, check } = await setUp(t);
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
    const { server, recorder, audited, repairs, check } = await setUp(t);
    server.told = () => [];
    server.put({ namespace: 'n', name: 'a', uid: 'u-a2' });
    server.bookmark();
    await audited('repaired');
    check();
    assert.deepEqual(recorder.only('Deleted', 'Added'), ['Deleted u-a 15', 'Added u-a2 15']);
    assert.deepEqual(repairs(), { added: 1, deleted: 1 });
  });

  it('an object until it is gone, does not tell it after its end', async (t) => {
    const { server, clock, recorder, audited, repairs, check } = await setUp(t);
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
    const { server, clock, meter, recorder, audited, repairs, warnings, check } = await setUp(t);
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
    const { server, audited, repairs, check } = await setUp(t);
    server.told = () => [];
    server.put({ namespace: 'n', name: 'a', uid: 'u-a' });
    await audited('repaired', 1, REPAIRED_MS + 120_000);
    check();
    assert.deepEqual(repairs(), { updated: 1 });
  });

  it('a change that it told only to those who came later, tells it to everybody', async (t) => {
    const { server, subscribe, has, clock, recorder, check } = await setUp(t);
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

describe('Audit, of a watch in order', () => {
  it('finds nothing where events come twice', async (t) => {
    const { server, audited, repairs, check } = await setUp(t);
    server.told = (change) => [change, change];
    server.put({ namespace: 'n', name: 'a', uid: 'u-a' });
    server.delete({ namespace: 'n', name: 'b' });
    server.put({ namespace: 'n', name: 'd', uid: 'u-d' });
    await audited('clean');
    check();
    assert.deepEqual(repairs(), {});
  });

  for (const lateMs of [8000, 60_000]) {
    it(`repairs nothing of what comes ${lateMs / 1000} s after it was listed`, async (t) => {
      const { server, clock, audited, repairs, check } = await setUp(t);
      const late: (() => void)[] = [];
      server.told = ({ type, object: { version, spec: _spec, ...metadata } }) => {
        const object = { metadata: { ...metadata, resourceVersion: String(version) } };
        late.push(() => server.say(`${JSON.stringify({ type, object })}\n`));
        return [];
      };
      server.put({ namespace: 'n', name: 'a', uid: 'u-a' });
      server.delete({ namespace: 'n', name: 'b' });
      server.put({ namespace: 'n', name: 'c', uid: 'u-c2' });
      server.put({ namespace: 'n', name: 'd', uid: 'u-d' });
      server.delete({ namespace: 'n', name: 'd' });
      server.put({ namespace: 'n', name: 'e', uid: 'u-e' });
      const listed = (): boolean => server.requests.some(isAudit);
      await passUntil(clock, { what: 'the audit', maxMs: REPAIRED_MS, stepMs: 1000 }, listed);
      // Bytes, lest the watch is opened anew.
      for (let ms = 0; ms < lateMs; ms += 1000) {
        server.say('\n');
        await clock.advance(1000);
      }
      for (const say of late) say();
      await audited('clean');
      check();
      assert.deepEqual(repairs(), {});
    });
  }

  it('is abandoned when a list begins, and the next comes a period after it', async (t) => {
    const { server, clock, recorder, audited, repairs, check } = await setUp(t);
    server.fault = (request) => (isAudit(request) ? { kind: 'mute' } : undefined);
    const listed = (): boolean => server.requests.some(isAudit);
    await passUntil(clock, { what: 'the audit', maxMs: REPAIRED_MS, stepMs: 1000 }, listed);
    server.endWatches();
    server.delete({ namespace: 'n', name: 'a' });
    server.compact();
    await audited('abandoned', 1, 5000);
    await passUntil(clock, { what: 'the list', maxMs: 1000 }, () => recorder.only('synced').length === 2);
    server.fault = () => undefined;
    const atMs = clock.monotonic();
    await audited('clean');
    assert.ok(clock.monotonic() - atMs > 0.2 * PERIOD_MS);
    check();
    assert.deepEqual(repairs(), {});
  });

  it('is made again after a tenth of its period where it fails', async (t) => {
    const { server, clock, audited } = await setUp(t);
    server.fault = (request) =>
      isAudit(request) ? { kind: 'status', status: 503, body: statusBody(503, 'Busy') } : undefined;
    await audited('failed');
    const atMs = clock.monotonic();
    server.fault = () => undefined;
    await audited('clean');
    assert.ok(clock.monotonic() - atMs <= 0.12 * PERIOD_MS + 1000);
  });

  it('reads the metadata of everything and each suspect by its name, under the selectors', async (t) => {
    const { server, subscribe, has, clock, audited } = await setUp(t);
    const selective = new RecordingSubscriber();
    subscribe(selective, { namespace: 'n', labelSelector: 'x=y', fieldSelector: 'spec.tier=gold' });
    await has(selective, 'synced');
    server.told = () => [];
    server.put({ namespace: 'n', name: 'a', uid: 'u-a' });
    server.bookmark();
    await audited('repaired');
    const repaired = (): boolean => selective.log.includes('Modified u-a 14');
    await passUntil(clock, { what: 'the other repair', maxMs: 20_000, stepMs: 1000 }, repaired);
    const asked = server.requests
      .filter(({ kind, query }) => kind === 'list' && query.has('labelSelector'))
      .map((request) => `${isAudit(request)} ${request.path} ${request.query.get('fieldSelector')}`);
    const path = '/apis/example.com/v1/namespaces/n/applications';
    assert.deepEqual(asked, [`true ${path} spec.tier=gold`, `false ${path} spec.tier=gold,metadata.name=a`]);
    assert.ok(server.requests.every(({ query }) => !query.has('resourceVersion') || query.has('watch')));
  });

  it('lets a list that somebody waits for go first, after each page', async (t) => {
    const { server, subscribe, has, clock, audited } = await setUp(t, { maxLists: 1 });
    for (let i = 0; i < 500; i++) server.put({ name: `x${i}`, uid: `u-x${i}` });
    const late = new RecordingSubscriber();
    server.fault = (request) => {
      if (isAudit(request) && !request.query.has('continue')) subscribe(late, { namespace: 'n' });
      return undefined;
    };
    await audited('clean');
    await has(late, 'synced');
    await clock.advance(0);
    const reads = server.requests.filter(({ kind }) => kind === 'list' || kind === 'stream').slice(-3);
    assert.deepEqual(
      reads.map((request) => `${isAudit(request)} ${request.kind}`),
      ['true list', 'false stream', 'true list'],
    );
  });

  it('is never made where its period is zero', async (t) => {
    const { server, clock } = await setUp(t, { auditIntervalMs: 0 });
    for (let i = 0; i < 300; i++) await clock.advance(1000);
    assert.equal(server.count('list'), 0);
  });
});
