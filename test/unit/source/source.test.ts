import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { type Logger, silentLogger } from '../../../forwarder/lib/logger.ts';
import type { Delta } from '../../../forwarder/model/delta.ts';
import { noMeter } from '../../../forwarder/model/metrics.ts';
import { Discovery } from '../../../forwarder/kube/discovery.ts';
import { HttpKubeClient } from '../../../forwarder/kube/kube-client.ts';
import { StreamTransport } from '../../../forwarder/kube/stream-transport.ts';
import { SourceRegistry } from '../../../forwarder/source/source-registry.ts';
import type { SourceKey } from '../../../forwarder/source/source-key.ts';
import type { SourceSubscriber, Subscription } from '../../../forwarder/source/source-subscriber.ts';
import { passUntil, until } from '../../support/drive.ts';
import { FakeApiServer, statusBody } from '../../support/fake-apiserver.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const KEY: SourceKey = { apiVersion: 'example.com/v1', kind: 'Application', identity: 'forwarder' };

/** Keeps what it is told, in order. */
class Recorder implements SourceSubscriber {
  readonly log: string[] = [];
  readonly deltas: Delta[] = [];
  #onDelta: (delta: Delta) => void;
  constructor(onDelta: (delta: Delta) => void = () => undefined) {
    this.#onDelta = onDelta;
  }
  resolved({ plural, group, version }: Parameters<SourceSubscriber['resolved']>[0]): void {
    this.log.push(`resolved ${plural}.${group}/${version}`);
  }
  delta(delta: Delta): void {
    this.deltas.push(delta);
    this.log.push(`${delta.type} ${delta.head.uid} ${delta.head.resourceVersion}`);
    this.#onDelta(delta);
  }
  synced(): void {
    this.log.push('synced');
  }
  health({ state, message }: Parameters<SourceSubscriber['health']>[0]): void {
    this.log.push(`${state}: ${message}`);
  }
  /** Lines that begin with one of these. */
  only(...starts: readonly string[]): string[] {
    return this.log.filter((line) => starts.some((start) => line.startsWith(start)));
  }
}

async function setUp(t: TestContext, options: { readonly logger?: Logger; readonly maxLists?: number } = {}) {
  const server = await FakeApiServer.start();
  const clock = new ManualClock();
  const client = new HttpKubeClient({ access: server.access, clock });
  const transport = new StreamTransport({ access: server.access, clock });
  const discovery = new Discovery(client);
  const sources = new SourceRegistry({
    connect: () => ({ transport, discovery }),
    clock,
    random: () => 0,
    logger: options.logger ?? silentLogger,
    meter: noMeter,
    ...(options.maxLists !== undefined && { maxLists: options.maxLists }),
  });
  t.after(async () => {
    let stopped = false;
    void sources.stop().then(() => (stopped = true));
    await until(clock, 'end of the sources', () => stopped);
    transport.close();
    await client[Symbol.asyncDispose]();
    await until(clock, 'end of all sockets', () => server.open === 0);
    assert.equal(clock.pending, 0, 'timers are left');
    await server[Symbol.asyncDispose]();
  });
  const subscribe = (recorder: Recorder, key: Partial<SourceKey> = {}): Subscription =>
    sources.subscribe({ ...KEY, ...key }, recorder);
  const has = (recorder: Recorder, line: string): Promise<void> =>
    until(clock, `"${line}" in ${JSON.stringify(recorder.log)}`, () => recorder.log.includes(line));
  return { server, clock, sources, subscribe, has };
}

describe('Source', () => {
  it('tells what the kind is, every object, and that it knows them all', async (t) => {
    const { server, subscribe, has } = await setUp(t);
    server.put({ namespace: 'n', name: 'a', uid: 'u1' });
    const recorder = new Recorder();
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
    const { server, subscribe, has, clock } = await setUp(t);
    server.put({ name: 'a', uid: 'u1' });
    const recorder = new Recorder();
    subscribe(recorder);
    await has(recorder, 'synced');
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
    const { server, subscribe, has, clock } = await setUp(t);
    server.put({ name: 'a', uid: 'u1' });
    server.put({ name: 'b', uid: 'u2' });
    const recorder = new Recorder();
    subscribe(recorder);
    await has(recorder, 'synced');
    server.endWatches();
    server.delete({ name: 'a' });
    server.compact();
    await passUntil(clock, { what: 'the relist', maxMs: 3000 }, () => recorder.only('synced').length === 2);
    assert.deepEqual(recorder.only('Deleted'), ['Deleted u1 13']);
  });

  it('shows every object to those who come later, and only to them, while the watch goes on', async (t) => {
    const { server, subscribe, has, clock } = await setUp(t);
    server.put({ name: 'a', uid: 'u1' });
    const first = new Recorder();
    subscribe(first);
    await has(first, 'synced');
    const told = first.log.length;
    const late = [new Recorder(), new Recorder()];
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
    const { server, subscribe, has, clock } = await setUp(t);
    server.put({ name: 'a', uid: 'u1' });
    server.put({ name: 'b', uid: 'u2' });
    const first = new Recorder();
    subscribe(first);
    await has(first, 'synced');
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
    const late = new Recorder();
    subscribe(late);
    await clock.advance(20);
    await has(first, 'Deleted u1 13');
    release?.();
    await has(late, 'synced');
    assert.deepEqual(late.only('Listed', 'Deleted'), ['Deleted u1 13', 'Listed u2 12']);
  });

  it('lists again for one subscriber that asks for it', async (t) => {
    const { server, subscribe, has, clock } = await setUp(t);
    server.put({ name: 'a', uid: 'u1' });
    const [asks, other] = [new Recorder(), new Recorder()];
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
    const { server, subscribe, has, clock } = await setUp(t);
    const first = new Recorder();
    subscribe(first);
    await has(first, 'synced');
    let refusals = 3;
    server.fault = ({ kind }) =>
      kind === 'list' && refusals-- > 0
        ? { kind: 'status', status: 503, body: statusBody(503, 'Busy') }
        : undefined;
    const late = new Recorder();
    subscribe(late);
    await passUntil(clock, { what: 'the list', maxMs: 10_000 }, () => late.log.includes('synced'));
    assert.equal(server.count('list'), 4);
  });

  it('waits for a kind that is not served yet, and finds it within 2 s', async (t) => {
    const { server, subscribe, has, clock } = await setUp(t);
    server.served = false;
    const recorder = new Recorder();
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
    const { server, subscribe, has, clock } = await setUp(t);
    server.put({ name: 'a', uid: 'u1' });
    server.put({ name: 'b', uid: 'u2' });
    const recorder = new Recorder();
    subscribe(recorder);
    await has(recorder, 'synced');
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
    const { server, subscribe, clock } = await setUp(t);
    server.fault = ({ kind }) =>
      kind === 'other'
        ? undefined
        : { kind: 'status', status: 403, body: statusBody(403, 'Forbidden', 'no list') };
    const recorder = new Recorder();
    subscribe(recorder);
    await passUntil(clock, { what: 'several attempts', maxMs: 20_000 }, () => server.count('stream') === 4);
    assert.deepEqual(recorder.only('Forbidden'), [
      'Forbidden: GET /apis/example.com/v1/applications: 403 no list',
    ]);
    server.fault = () => undefined;
    await passUntil(clock, { what: 'the list', maxMs: 10_000 }, () => recorder.log.includes('synced'));
  });

  it('is unavailable from the third lost connection in a row on, not before', async (t) => {
    const { server, subscribe, has, clock } = await setUp(t);
    const recorder = new Recorder();
    subscribe(recorder);
    await has(recorder, 'synced');
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
    const { server, subscribe, has } = await setUp(t, { logger });
    const throwing = new Recorder(() => {
      throw new Error('a bug');
    });
    const sound = new Recorder();
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

describe('SourceRegistry', () => {
  it('shares one watch among equal keys and stops it when the last has left', async (t) => {
    const { server, subscribe, has, sources, clock } = await setUp(t);
    const recorders = [new Recorder(), new Recorder()];
    const subscriptions = recorders.map((recorder) => subscribe(recorder, { labelSelector: 'a=b' }));
    for (const recorder of recorders) await has(recorder, 'synced');
    assert.equal(sources.size, 1);
    assert.equal(server.watches, 1);
    assert.equal(server.requests.find(({ kind }) => kind === 'stream')?.query.get('labelSelector'), 'a=b');
    subscriptions[0]?.unsubscribe();
    subscriptions[0]?.unsubscribe();
    server.put({ name: 'a', uid: 'u1' });
    await has(recorders[1] as Recorder, 'Added u1 11');
    assert.deepEqual(recorders[0]?.only('Added'), []);
    subscriptions[1]?.unsubscribe();
    assert.equal(sources.size, 0);
    await until(clock, 'end of the watch', () => server.watches === 0);
  });

  it('keeps apart what differs in scope, selector or identity', async (t) => {
    const { subscribe, sources } = await setUp(t);
    const keys: readonly Partial<SourceKey>[] = [
      {},
      { namespace: 'n' },
      { labelSelector: 'a=b' },
      { fieldSelector: 'a=b' },
      { identity: 'n/someone' },
      { kind: 'Other' },
    ];
    for (const key of keys) subscribe(new Recorder(), key);
    assert.equal(sources.size, keys.length);
    subscribe(new Recorder(), { labelSelector: '' });
    assert.equal(sources.size, keys.length);
  });

  it('makes at most as many lists at a time as it may', async (t) => {
    const { server, subscribe, clock } = await setUp(t, { maxLists: 2 });
    server.fault = ({ kind }) => (kind === 'stream' ? { kind: 'mute' } : undefined);
    for (let i = 0; i < 5; i++) subscribe(new Recorder(), { namespace: `n${i}` });
    await until(clock, 'two lists', () => server.count('stream') === 2);
    for (let i = 0; i < 100; i++) await clock.advance(0);
    assert.equal(server.count('stream'), 2);
  });

  it('stops in the middle of anything', async (t) => {
    const { server, subscribe, clock } = await setUp(t);
    server.fault = ({ kind }) => (kind === 'other' ? { kind: 'mute' } : undefined);
    const subscription = subscribe(new Recorder());
    await until(clock, 'discovery', () => server.requests.length === 1);
    subscription.unsubscribe();
    // What is left is checked when the test ends.
  });
});
