import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Logger, silentLogger } from '../../../forwarder/lib/logger.ts';
import { passUntil, until } from '../../support/drive.ts';
import { statusBody } from '../../support/fake-apiserver.ts';
import { benchSources, RecordingSubscriber } from '../../support/source-bench.ts';

describe('Source', () => {
  it('tells what the kind is, every object, and that it knows them all', async (t) => {
    const { server, subscribe, has } = await benchSources(t);
    server.put({ namespace: 'n', name: 'a', uid: 'u1' });
    const recorder = new RecordingSubscriber();
    subscribe(recorder);
    assert.deepEqual(recorder.log, [], 'nothing is told from inside subscribe');
    await has(recorder, 'synced');
    assert.deepEqual(recorder.log, [
      'Syncing: listing "Application" of "example.com/v1"',
      'resolved applications.example.com/v1',
      'Listed u1 11',
      'Synced: every object is known',
      'synced',
    ]);
    assert.equal(recorder.deltas[0]?.head.namespace, 'n');
    const raw = recorder.deltas[0]?.raw;
    assert.equal(JSON.parse(raw ?? '').metadata.name, 'a');
  });

  it('tells a name that has a new uid as the end of the old object and then the new one', async (t) => {
    const { server, clock, follow } = await benchSources(t);
    server.put({ name: 'a', uid: 'u1' });
    const recorder = await follow();
    server.endWatches();
    server.put({ name: 'a', uid: 'u2' });
    server.compact();
    await passUntil(clock, { what: 'the relist', maxMs: 3000 }, () => recorder.only('synced').length === 2);
    assert.deepEqual(recorder.only('Deleted', 'Listed', 'Added'), [
      'Listed u1 11',
      'Deleted u1 13',
      'Listed u2 13',
    ]);
    assert.equal(recorder.deltas[1]?.raw, undefined);
  });

  it('tells deletions that happened while the history was lost', async (t) => {
    const { server, clock, follow } = await benchSources(t);
    server.put({ name: 'a', uid: 'u1' });
    server.put({ name: 'b', uid: 'u2' });
    const recorder = await follow();
    server.endWatches();
    server.delete({ name: 'a' });
    server.compact();
    await passUntil(clock, { what: 'the relist', maxMs: 3000 }, () => recorder.only('synced').length === 2);
    assert.deepEqual(recorder.only('Deleted'), ['Deleted u1 13']);
  });

  it('shows every object to those who come later, and only to them, while the watch goes on', async (t) => {
    const { server, subscribe, has, clock, follow } = await benchSources(t);
    server.put({ name: 'a', uid: 'u1' });
    const first = await follow();
    const told = first.log.length;
    const late = [new RecordingSubscriber(), new RecordingSubscriber()];
    for (const recorder of late) subscribe(recorder);
    await clock.advance(20);
    for (const recorder of late) {
      await has(recorder, 'synced');
      assert.deepEqual(recorder.log, [
        'Synced: every object is known',
        'resolved applications.example.com/v1',
        'Listed u1 11',
        'synced',
      ]);
    }
    assert.equal(first.log.length, told);
    assert.equal(server.count('list'), 1, 'those who come together share a list');
    assert.equal(server.watches, 1);
    server.put({ name: 'a', uid: 'u1' });
    for (const recorder of [first, ...late]) await has(recorder, 'Modified u1 12');
  });

  it('shows a late subscriber nothing that the watch has deleted meanwhile', async (t) => {
    const { server, subscribe, has, clock, follow } = await benchSources(t);
    server.put({ name: 'a', uid: 'u1' });
    server.put({ name: 'b', uid: 'u2' });
    const first = await follow();
    const stale = JSON.stringify({
      kind: 'ApplicationList',
      metadata: { resourceVersion: '12' },
      items: ['1', '2'].map((n) => ({
        metadata: { name: n === '1' ? 'a' : 'b', uid: `u${n}`, resourceVersion: `1${n}` },
      })),
    });
    let release: (() => void) | undefined;
    server.fault = ({ kind }) => {
      if (kind !== 'list') return undefined;
      server.delete({ name: 'a' });
      return {
        kind: 'status',
        status: 200,
        body: stale,
        when: new Promise((resolve) => (release = resolve)),
      };
    };
    const late = new RecordingSubscriber();
    subscribe(late);
    await clock.advance(20);
    await has(first, 'Deleted u1 13');
    release?.();
    await has(late, 'synced');
    assert.deepEqual(late.only('Listed', 'Deleted'), ['Deleted u1 13', 'Listed u2 12']);
  });

  it('lists again for one subscriber that asks for it', async (t) => {
    const { server, subscribe, has, clock } = await benchSources(t);
    server.put({ name: 'a', uid: 'u1' });
    const [asks, other] = [new RecordingSubscriber(), new RecordingSubscriber()];
    const subscription = subscribe(asks);
    subscribe(other);
    await has(asks, 'synced');
    subscription.relist();
    subscription.relist();
    await clock.advance(20);
    await until(clock, 'the second list', () => asks.only('synced').length === 2);
    assert.deepEqual(asks.only('Listed'), ['Listed u1 11', 'Listed u1 11']);
    assert.deepEqual(other.only('Listed'), ['Listed u1 11']);
  });

  it('tries a list for a late subscriber again until it has one', async (t) => {
    const { server, subscribe, clock, follow } = await benchSources(t);
    await follow();
    let refusals = 3;
    server.fault = ({ kind }) =>
      kind === 'list' && refusals-- > 0
        ? { kind: 'status', status: 503, body: statusBody(503, 'Busy') }
        : undefined;
    const late = new RecordingSubscriber();
    subscribe(late);
    await passUntil(clock, { what: 'the list', maxMs: 10_000 }, () => late.log.includes('synced'));
    assert.equal(server.count('list'), 4);
  });

  it('waits for a kind that is not served yet, and finds it within 2 s', async (t) => {
    const { server, subscribe, has, clock } = await benchSources(t);
    server.served = false;
    const recorder = new RecordingSubscriber();
    subscribe(recorder);
    const message = 'ResourceNotFound: kind "Application" is not served by "example.com/v1"';
    await has(recorder, message);
    await clock.advance(1200);
    server.served = true;
    server.put({ name: 'a', uid: 'u1' });
    await passUntil(clock, { what: 'the list', maxMs: 2000 }, () => recorder.log.includes('synced'));
    assert.deepEqual(recorder.only('ResourceNotFound'), [message]);
  });

  it('follows a kind that vanishes and comes back under another plural', async (t) => {
    const { server, clock, follow } = await benchSources(t);
    server.put({ name: 'a', uid: 'u1' });
    server.put({ name: 'b', uid: 'u2' });
    const recorder = await follow();
    server.served = false;
    server.endWatches();
    server.delete({ name: 'a' });
    await passUntil(
      clock,
      { what: 'the news', maxMs: 5000 },
      () => recorder.only('ResourceNotFound').length === 1,
    );
    assert.deepEqual(recorder.only('Deleted'), [], 'what is not served may still exist');
    server.plural = 'apps';
    server.served = true;
    await passUntil(
      clock,
      { what: 'the second list', maxMs: 5000 },
      () => recorder.only('synced').length === 2,
    );
    assert.deepEqual(recorder.only('resolved', 'Deleted', 'synced'), [
      'resolved applications.example.com/v1',
      'synced',
      'resolved apps.example.com/v1',
      'Deleted u1 13',
      'synced',
    ]);
    assert.equal(recorder.log.at(-2), 'Synced: every object is known');
  });

  it('says that it is forbidden, and goes on when it no longer is', async (t) => {
    const { server, subscribe, clock } = await benchSources(t);
    server.fault = ({ kind }) =>
      kind === 'other'
        ? undefined
        : { kind: 'status', status: 403, body: statusBody(403, 'Forbidden', 'no list') };
    const recorder = new RecordingSubscriber();
    subscribe(recorder);
    await passUntil(clock, { what: 'several attempts', maxMs: 20_000 }, () => server.count('stream') === 4);
    assert.deepEqual(recorder.only('Forbidden'), [
      'Forbidden: GET /apis/example.com/v1/applications: 403 no list',
    ]);
    server.fault = () => undefined;
    await passUntil(clock, { what: 'the list', maxMs: 10_000 }, () => recorder.log.includes('synced'));
  });

  it('is unavailable from the third lost connection in a row on, not before', async (t) => {
    const { server, clock, follow } = await benchSources(t);
    const recorder = await follow();
    let left = 2;
    server.fault = () =>
      left-- > 0 ? { kind: 'status', status: 503, body: statusBody(503, 'Busy', 'busy') } : undefined;
    server.endWatches();
    await passUntil(clock, { what: 'the watch', maxMs: 20_000 }, () => server.watches === 1);
    assert.deepEqual(recorder.only('Unavailable'), []);
    left = 3;
    server.endWatches();
    await passUntil(
      clock,
      { what: 'the news', maxMs: 90_000 },
      () => recorder.only('Unavailable').length === 1,
    );
    const recovered = (): boolean => recorder.log.at(-1) === 'Synced: every object is known';
    await passUntil(clock, { what: 'the watch', maxMs: 90_000 }, recovered);
    assert.equal(recorder.only('synced').length, 1);
  });

  it('goes on when a subscriber throws, and logs it', async (t) => {
    const lines: string[] = [];
    const logger: Logger = {
      ...silentLogger,
      error: (msg, fields) => void lines.push(`${msg}: ${fields?.error}`),
      with: () => logger,
    };
    const { server, subscribe, has } = await benchSources(t, { logger });
    const throwing = new RecordingSubscriber(() => {
      throw new Error('a bug');
    });
    const sound = new RecordingSubscriber();
    subscribe(throwing);
    subscribe(sound);
    server.put({ name: 'a', uid: 'u1' });
    await has(sound, 'synced');
    await has(throwing, 'synced');
    server.put({ name: 'a', uid: 'u1' });
    await has(sound, 'Modified u1 12');
    assert.deepEqual(lines, Array(2).fill('a subscriber of a source failed: a bug'));
  });
});
