import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { passUntil } from '../../support/drive.ts';
import { statusBody } from '../../support/fake-apiserver.ts';
import { RecordingSubscriber } from '../../support/source-bench.ts';
import { benchAudit, isAudit, PERIOD_MS, REPAIRED_MS } from '../../support/audit-bench.ts';

describe('Audit, of a watch in order', () => {
  it('finds nothing where events come twice', async (t) => {
    const { server, audited, repairs, check } = await benchAudit(t);
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
      const { server, clock, audited, repairs, check } = await benchAudit(t);
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
    const { server, clock, recorder, audited, repairs, check } = await benchAudit(t);
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
    const { server, clock, audited } = await benchAudit(t);
    server.fault = (request) =>
      isAudit(request) ? { kind: 'status', status: 503, body: statusBody(503, 'Busy') } : undefined;
    await audited('failed');
    const atMs = clock.monotonic();
    server.fault = () => undefined;
    await audited('clean');
    assert.ok(clock.monotonic() - atMs <= 0.12 * PERIOD_MS + 1000);
  });

  it('reads the metadata of everything and each suspect by its name, under the selectors', async (t) => {
    const { server, clock, audited, follow } = await benchAudit(t);
    const selective = await follow({ namespace: 'n', labelSelector: 'x=y', fieldSelector: 'spec.tier=gold' });
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
    const { server, subscribe, has, clock, audited } = await benchAudit(t, { maxLists: 1 });
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
    const { server, clock } = await benchAudit(t, { auditIntervalMs: 0 });
    for (let i = 0; i < 300; i++) await clock.advance(1000);
    assert.equal(server.count('list'), 0);
  });
});
