import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SourceKey } from '../../../forwarder/source/source-key.ts';
import { until } from '../../support/drive.ts';
import { benchSources, RecordingSubscriber } from '../../support/source-bench.ts';

describe('SourceRegistry', () => {
  it('shares one watch among equal keys and stops it when the last has left', async (t) => {
    const { server, subscribe, has, sources, clock } = await benchSources(t);
    const recorders = [new RecordingSubscriber(), new RecordingSubscriber()];
    const subscriptions = recorders.map((recorder) => subscribe(recorder, { labelSelector: 'a=b' }));
    for (const recorder of recorders) await has(recorder, 'synced');
    assert.equal(sources.size, 1);
    assert.equal(server.watches, 1);
    assert.equal(server.requests.find(({ kind }) => kind === 'stream')?.query.get('labelSelector'), 'a=b');
    subscriptions[0]?.unsubscribe();
    subscriptions[0]?.unsubscribe();
    server.put({ name: 'a', uid: 'u1' });
    await has(recorders[1] as RecordingSubscriber, 'Added u1 11');
    assert.deepEqual(recorders[0]?.only('Added'), []);
    subscriptions[1]?.unsubscribe();
    assert.equal(sources.size, 0);
    await until(clock, 'end of the watch', () => server.watches === 0);
  });

  it('keeps apart what differs in scope, selector or identity', async (t) => {
    const { subscribe, sources } = await benchSources(t);
    const keys: readonly Partial<SourceKey>[] = [
      {},
      { namespace: 'n' },
      { labelSelector: 'a=b' },
      { fieldSelector: 'a=b' },
      { identity: 'n/someone' },
      { kind: 'Other' },
    ];
    for (const key of keys) subscribe(new RecordingSubscriber(), key);
    assert.equal(sources.size, keys.length);
    subscribe(new RecordingSubscriber(), { labelSelector: '' });
    assert.equal(sources.size, keys.length);
  });

  it('makes at most as many lists at a time as it may', async (t) => {
    const { server, subscribe, clock } = await benchSources(t, { maxLists: 2 });
    server.fault = ({ kind }) => (kind === 'stream' ? { kind: 'mute' } : undefined);
    for (let i = 0; i < 5; i++) subscribe(new RecordingSubscriber(), { namespace: `n${i}` });
    await until(clock, 'two lists', () => server.count('stream') === 2);
    for (let i = 0; i < 100; i++) await clock.advance(0);
    assert.equal(server.count('stream'), 2);
  });

  it('stops in the middle of anything', async (t) => {
    const { server, subscribe, clock } = await benchSources(t);
    server.fault = ({ kind }) => (kind === 'other' ? { kind: 'mute' } : undefined);
    const subscription = subscribe(new RecordingSubscriber());
    await until(clock, 'discovery', () => server.requests.length === 1);
    subscription.unsubscribe();
    // What is left is checked when the test ends.
  });
});
