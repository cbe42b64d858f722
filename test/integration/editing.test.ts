/** What editing a trigger does, and what it does not: handled objects are not sent again. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually, quietFor } from '../support/eventually.ts';
import { startFunction } from '../support/function-host.ts';
import { type Scene, useStage } from '../support/stage.ts';

describe('Editing a trigger', () => {
  const stage = useStage();

  /** Nothing comes for a while after an edit was taken. */
  const sendsNothing = async (scene: Scene): Promise<void> => {
    const count = scene.host.calls.length;
    await scene.taken();
    await quietFor(400);
    assert.equal(scene.host.calls.length, count);
  };

  it('sends nothing where more counts than before; from then on it counts', async (t) => {
    const scene = await stage.scene(t, { spec: { changes: ['Spec'] } });
    await stage.create('one', { spec: { size: 1 }, metadata: { labels: { a: '1' } } });
    await scene.calls('one', 1);
    await stage.merge('one', { metadata: { labels: { a: '2' } } });
    await scene.apply({ spec: { changes: ['Spec', 'Labels'] } });
    await sendsNothing(scene);
    await stage.merge('one', { metadata: { labels: { a: '3' } } });
    const [, updated] = await scene.calls('one', 2);
    assert.deepEqual(updated?.data.changed, ['Labels']);
  });

  it('sends nothing where less counts than before; what counts no more fires no more', async (t) => {
    const scene = await stage.scene(t, { spec: { changes: ['Any'] } });
    await stage.create('one', { spec: { size: 1 } });
    await scene.calls('one', 1);
    await scene.apply({ spec: { changes: ['Spec'] } });
    await sendsNothing(scene);
    await stage.merge('one', { metadata: { labels: { a: '3' } } });
    await scene.filtered('unchanged');
    await stage.merge('one', { spec: { size: 2 } });
    await scene.calls('one', 2);
    assert.deepEqual(scene.of('one')[1]?.data.changed, ['Spec']);
  });

  it('sends nothing where single fields take the place of classes', async (t) => {
    const scene = await stage.scene(t);
    await stage.create('one', { spec: { size: 1, other: 1 } });
    await scene.calls('one', 1);
    await scene.apply({ spec: { fields: ['spec.size'] } });
    await sendsNothing(scene);
    await stage.merge('one', { spec: { other: 2 } });
    await scene.filtered('unchanged');
    await stage.merge('one', { spec: { size: 2 } });
    await scene.calls('one', 2);
  });

  it('uses another target for what comes, and sends nothing that the first one handled', async (t) => {
    const scene = await stage.scene(t);
    const other = await startFunction(t);
    await stage.create('one', { spec: { size: 1 } });
    await scene.calls('one', 1);
    await scene.apply({ url: other.url });
    await scene.taken();
    await stage.merge('one', { spec: { size: 2 } });
    await eventually('the other function is called', () => other.of('one').length === 1);
    await quietFor(300);
    assert.equal(other.of('one')[0]?.type, 'updated');
    assert.equal(other.calls.length, 1);
    assert.equal(scene.of('one').length, 1);
    const { status } = await stage.trigger(scene.name);
    assert.match(String(status?.target), new RegExp(new URL(other.url).port));
  });

  it('brings objects in by a wider selector, and lets them go by a narrower one', async (t) => {
    const labelled = (...tiers: string[]): Record<string, unknown> => ({
      labelSelector: { matchExpressions: [{ key: 'tier', operator: 'In', values: tiers }] },
    });
    const scene = await stage.scene(t, { watch: labelled('gold') });
    for (const tier of ['gold', 'silver', 'lead']) {
      await stage.create(tier, { metadata: { labels: { tier } } });
    }
    await scene.calls('gold', 1);
    await scene.apply({ watch: labelled('gold', 'silver') });
    await scene.calls('silver', 1);
    await sendsNothing(scene);
    assert.deepEqual(scene.types('gold'), ['created']);
    await scene.apply({ watch: labelled('silver') });
    const [, left] = await scene.calls('gold', 2);
    assert.equal(left?.type, 'deleted');
    assert.equal(left.data.reason, 'LeftScope');
    assert.deepEqual(left.data.object.metadata.labels, { tier: 'gold' });
    await sendsNothing(scene);
    assert.deepEqual(scene.types('silver'), ['created']);
    assert.deepEqual(scene.types('lead'), []);
    await scene.apply({});
    await scene.calls('lead', 1);
    await scene.calls('gold', 3);
    await sendsNothing(scene);
    assert.deepEqual(scene.types('gold'), ['created', 'deleted', 'created']);
    assert.deepEqual(scene.types('silver'), ['created']);
  });

  it('into something that cannot run halts it and keeps what it knows; mended, it goes on without repeats', async (t) => {
    const scene = await stage.scene(t);
    await stage.create('one', { spec: { size: 1 } });
    await stage.create('same', { spec: { size: 1 } });
    await scene.calls('one', 1);
    await scene.calls('same', 1);
    await scene.apply({ spec: { when: 'object.spec.size >' } });
    const { message } = await scene.becomes('Accepted', 'False');
    assert.match(message, /^spec\.when: /);
    await stage.merge('one', { spec: { size: 2 } });
    await stage.create('new');
    await quietFor(400);
    assert.equal(scene.host.calls.length, 2);
    await scene.apply({});
    await scene.calls('one', 2);
    await scene.calls('new', 1);
    await scene.becomes('Accepted', 'True');
    await sendsNothing(scene);
    assert.deepEqual(scene.types('one'), ['created', 'updated']);
    assert.deepEqual(scene.types('same'), ['created']);
  });

  it('of its condition sends what passes now, and only where it differs', async (t) => {
    const scene = await stage.scene(t, { spec: { when: 'object.spec.size > 5' } });
    await stage.create('small', { spec: { size: 1 } });
    await stage.create('large', { spec: { size: 9 } });
    await scene.calls('large', 1);
    await scene.apply({ spec: { when: 'object.spec.size > 0' } });
    await scene.calls('small', 1);
    await sendsNothing(scene);
    assert.deepEqual([...scene.types('small'), ...scene.types('large')], ['created', 'created']);
  });

  it('while a call runs leaves that call alone, and does not send its state again', async (t) => {
    const gate = Promise.withResolvers<void>();
    const scene = await stage.scene(t, { answer: () => ({ after: gate.promise }) });
    await stage.create('one', { spec: { size: 1 } });
    await scene.calls('one', 1);
    await scene.apply({ spec: { changes: ['Any'] } });
    await scene.taken();
    await scene.apply({ spec: { debounce: { quiet: '10ms', maxWait: '1s' } } });
    await scene.taken();
    gate.resolve();
    await quietFor(500);
    assert.deepEqual(scene.types('one'), ['created']);
    assert.equal(scene.host.overlap, 1);
  });

  it('that mends its target tries at once what waited for it', async (t) => {
    const scene = await stage.scene(t, {
      url: 'http://127.0.0.1:9/',
      spec: { delivery: { backoff: { initial: '60s', max: '60s' } } },
    });
    await stage.create('one');
    await scene.becomes('TargetReachable', 'False');
    await scene.apply({});
    await scene.calls('one', 1);
    assert.equal((await scene.becomes('TargetReachable', 'True')).status, 'True');
  });

  it('that takes the kind away watches the other, and says nothing of the objects of the first', async (t) => {
    const scene = await stage.scene(t);
    await stage.create('one');
    await scene.calls('one', 1);
    const path = `/api/v1/namespaces/${stage.bench.namespace}/configmaps`;
    await scene.apply({ watch: { apiVersion: 'v1', kind: 'ConfigMap' } });
    await stage.api.call('POST', path, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'settings' },
    });
    const [created] = await scene.calls('settings', 1);
    assert.equal(created?.headers['ce-kind'], 'ConfigMap');
    await stage.merge('one', { spec: { size: 2 } });
    await quietFor(400);
    assert.deepEqual(scene.types('one'), ['created']);
  });
});

describe('A trigger that is deleted', () => {
  const stage = useStage();

  it('invokes nothing more, and its series go; under its name a new one begins anew', async (t) => {
    const scene = await stage.scene(t, { name: 'phoenix' });
    const { metadata } = await stage.create('one', { spec: { size: 1 } });
    const [first] = await scene.calls('one', 1);
    assert.equal(await scene.metric('statewire_invocations_total'), 1);
    await stage.api.call('DELETE', stage.triggerPath('phoenix'));
    await eventually('the series go', async () => {
      const text = await (await stage.bench.forwarder.get('/metrics')).text();
      return !text.includes('phoenix');
    });
    await stage.merge('one', { spec: { size: 2 } });
    await quietFor(400);
    assert.equal(scene.of('one').length, 1);
    await scene.apply({});
    const [, again] = await scene.calls('one', 2);
    assert.equal(again?.type, 'created');
    assert.equal(again.id, `${metadata.uid}:g2`);
    assert.notEqual(again.headers['idempotency-key'], first?.headers['idempotency-key']);
  });

  it('and made anew at once keeps its figures, also while a call of the first one runs', async (t) => {
    const gate = Promise.withResolvers<void>();
    let call = 0;
    const scene = await stage.scene(t, {
      name: 'quick',
      answer: () => (++call === 1 ? { after: gate.promise } : {}),
    });
    await stage.create('one');
    await scene.calls('one', 1);
    await stage.api.call('DELETE', stage.triggerPath('quick'));
    await scene.apply({});
    await scene.calls('one', 2);
    await eventually('counted', async () => (await scene.metric('statewire_invocations_total')) === 1);
    gate.resolve();
    await quietFor(500);
    assert.ok((await scene.metric('statewire_invocations_total')) >= 1);
    await scene.becomes('Ready', 'True');
  });
});
