/** What a result may do beside stating a status: children, Events, errors; and results that are none. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { eventually, quietFor } from '../support/eventually.ts';
import { result, useStage, type Widget } from '../support/stage.ts';

interface Child {
  readonly metadata: {
    readonly uid: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly Readonly<Record<string, unknown>>[];
    readonly managedFields?: readonly { readonly manager: string; readonly operation: string }[];
  };
  readonly data?: Readonly<Record<string, string>>;
}

interface K8sEvent {
  readonly type: string;
  readonly reason: string;
  readonly note?: string;
  readonly regarding: { readonly uid: string };
}

const owns = [{ apiVersion: 'v1', kind: 'ConfigMap' }];
const configMap = (name: string, data: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data,
});

describe('A result', () => {
  const stage = useStage();
  const child = (name: string): Promise<Child | undefined> =>
    stage.api.find<Child>(`/api/v1/namespaces/${stage.bench.namespace}/configmaps/${name}`);
  const eventFor = (uid: string, reason: string): Promise<K8sEvent> =>
    eventually(`the Event ${reason}`, async () => {
      const path = `/apis/events.k8s.io/v1/namespaces/${stage.bench.namespace}/events`;
      const { items } = await stage.api.call<{ items: K8sEvent[] }>('GET', path);
      return items.find((event) => event.regarding.uid === uid && event.reason === reason);
    });

  describe('with children', () => {
    it('applies each with a controller owner reference and the label of the trigger', async (t) => {
      const scene = await stage.scene(t, {
        watch: { owns },
        answer: () => result({ apply: [configMap('labelled', { a: '1' })] }),
      });
      const { metadata, apiVersion } = await stage.create('one');
      const { metadata: meta, data } = await eventually('the child', () => child('labelled'));
      assert.deepEqual(data, { a: '1' });
      const name = `${stage.bench.namespace}/${scene.name}`;
      assert.equal(
        meta.labels?.['statewire.dev/trigger'],
        createHash('sha256').update(name).digest('hex').slice(0, 12),
      );
      assert.equal(meta.ownerReferences?.length, 1);
      const { kind, name: ownerName, uid, controller } = meta.ownerReferences[0] ?? {};
      assert.deepEqual(
        { apiVersion: meta.ownerReferences[0]?.['apiVersion'], kind, ownerName, uid, controller },
        { apiVersion, kind: 'Widget', ownerName: 'one', uid: metadata.uid, controller: true },
      );
      assert.ok(
        meta.managedFields?.some(
          ({ manager, operation }) => manager === `statewire/${scene.name}` && operation === 'Apply',
        ),
      );
    });

    it('prunes what its list leaves out, and leaves alone without a list, with an error, and what is not its own', async (t) => {
      const answers: Record<number, object> = {
        1: { apply: [configMap('kept'), configMap('pruned')] },
        2: { status: { phase: 'no list' } },
        3: { apply: [], error: { message: 'not now', retryable: false } },
        4: { apply: [configMap('kept')] },
      };
      const scene = await stage.scene(t, {
        watch: { owns },
        answer: ({ data }) => result(answers[Number((data.object as Widget).spec?.['size'])] ?? {}),
      });
      const { metadata, apiVersion, kind } = await stage.create('two', { spec: { size: 1 } });
      await eventually('both', async () => (await child('kept')) && (await child('pruned')));
      const configMaps = `/api/v1/namespaces/${stage.bench.namespace}/configmaps`;
      await stage.api.call('POST', configMaps, {
        ...configMap('foreign'),
        metadata: {
          name: 'foreign',
          ownerReferences: [{ apiVersion, kind, name: 'two', uid: metadata.uid }],
        },
      });
      for (const size of [2, 3]) {
        await stage.merge('two', { spec: { size } });
        await scene.calls('two', size);
        await quietFor(300);
        assert.ok(await child('pruned'), `after result ${size}`);
      }
      await stage.merge('two', { spec: { size: 4 } });
      await eventually('pruned', async () => (await child('pruned')) === undefined);
      assert.ok(await child('kept'));
      assert.ok(await child('foreign'));
      await quietFor(500);
      assert.equal(scene.of('two').length, 4, 'our own prune fires nothing');
    });

    it('that are refused counts as handled, and says so in an Event and a condition', async (t) => {
      const bad = { ...configMap('Not A Name'), metadata: { name: 'Not_A_Name' } };
      const scene = await stage.scene(t, { watch: { owns }, answer: () => result({ apply: [bad] }) });
      await stage.create('three');
      const { message } = await scene.becomes('StatusApplied', 'False');
      assert.match(message, /three: .*Not_A_Name/);
      await quietFor(500);
      assert.equal(scene.of('three').length, 1);
      assert.equal(await scene.metric('statewire_dead_letters'), 0);
      scene.host.answer = () => result({ apply: [configMap('fine')] });
      await stage.merge('three', { spec: { size: 2 } });
      await scene.becomes('StatusApplied', 'True');
    });
  });

  describe('with an error', () => {
    it('states its status, conditions and events all the same, and is tried again', async (t) => {
      const ready = { type: 'Ready', status: 'False', reason: 'Quota', message: 'quota exhausted' };
      const scene = await stage.scene(t, {
        spec: { delivery: { backoff: { initial: '30s', max: '60s' } } },
        answer: ({ headers }) =>
          headers['ce-statewireattempt'] === '1'
            ? result({
                status: { phase: 'Waiting' },
                conditions: [ready],
                events: [{ type: 'Warning', reason: 'QuotaExhausted', message: 'try later' }],
                error: { message: 'quota exhausted', retryAfter: '1s' },
              })
            : result({ status: { phase: 'Done' } }),
      });
      const { metadata } = await stage.create('four');
      await eventually(
        'the status of the failed attempt',
        async () => (await stage.read('four')).status?.['phase'] === 'Waiting',
      );
      const { note, type } = await eventFor(metadata.uid, 'QuotaExhausted');
      assert.deepEqual({ note, type }, { note: 'try later', type: 'Warning' });
      await eventually('done', async () => (await stage.read('four')).status?.['phase'] === 'Done');
      const [first, second] = await scene.calls('four', 2);
      const waitedMs = (second?.startedMs ?? 0) - (first?.endedMs ?? 0);
      assert.ok(waitedMs >= 990, `our own write does not cut the wait short: ${waitedMs} ms`);
      assert.equal(await scene.metric('statewire_invocations_total', { result: 'retry' }), 1);
    });
  });

  describe('with conditions', () => {
    it('leaves lastTransitionTime as it is while the status of the condition stays', async (t) => {
      const scene = await stage.scene(t, {
        answer: ({ data }) => {
          const size = Number((data.object as Widget).spec?.['size']);
          const status = size < 3 ? 'False' : 'True';
          return result({
            conditions: [{ type: 'Ready', status, reason: 'Sized', message: `size ${size}` }],
          });
        },
      });
      const stated = (message: string): Promise<Readonly<Record<string, string>>> =>
        eventually(message, async () => {
          const { status } = await stage.read('five');
          const [condition] = (status?.['conditions'] ?? []) as Readonly<Record<string, string>>[];
          return condition?.['message'] === message ? condition : undefined;
        });
      await stage.create('five', { spec: { size: 1 } });
      const first = await stated('size 1');
      await quietFor(1100);
      await stage.merge('five', { spec: { size: 2 } });
      const second = await stated('size 2');
      assert.equal(second['lastTransitionTime'], first['lastTransitionTime']);
      await stage.merge('five', { spec: { size: 3 } });
      const third = await stated('size 3');
      assert.notEqual(third['lastTransitionTime'], first['lastTransitionTime']);
      assert.equal(scene.of('five').length, 3);
    });
  });

  describe('that states nothing new', () => {
    it('writes nothing', async (t) => {
      const scene = await stage.scene(t, { answer: () => result({ status: { phase: 'Same' } }) });
      await stage.create('six');
      const before = await eventually('the status', async () => {
        const widget = await stage.read('six');
        return widget.status?.['phase'] === 'Same' ? widget : undefined;
      });
      const edited = await stage.merge('six', {
        metadata: { annotations: { 'statewire.dev/redeliver-at': 'x' } },
      });
      await scene.calls('six', 2);
      await quietFor(400);
      const { metadata } = await stage.read('six');
      assert.equal(metadata.resourceVersion, edited.metadata.resourceVersion);
      assert.notEqual(metadata.resourceVersion, before.metadata.resourceVersion);
    });
  });

  describe('with a field that nobody knows', () => {
    it('is carried out, and an Event names the field', async (t) => {
      const scene = await stage.scene(t, {
        answer: () => result({ status: { phase: 'Ready' }, requeAfter: '1s' }),
      });
      const { metadata } = await stage.create('seven');
      await eventually('the status', async () => (await stage.read('seven')).status?.['phase'] === 'Ready');
      const event = await eventually('a Warning that names it', async () => {
        const path = `/apis/events.k8s.io/v1/namespaces/${stage.bench.namespace}/events`;
        const { items } = await stage.api.call<{ items: K8sEvent[] }>('GET', path);
        return items.find(
          ({ regarding, note }) => regarding.uid === metadata.uid && note?.includes('requeAfter'),
        );
      });
      assert.equal(event.type, 'Warning');
      assert.equal(scene.of('seven').length, 1);
    });
  });

  describe('about a deletion', () => {
    it('has nowhere to go, and a wake-up it asks for never comes', async (t) => {
      const scene = await stage.scene(t, {
        answer: ({ type }) =>
          type === 'deleted' ? result({ status: { phase: 'Gone' }, requeueAfter: '200ms' }) : {},
      });
      await stage.create('eight');
      await scene.calls('eight', 1);
      await stage.remove('eight');
      await scene.calls('eight', 2);
      await quietFor(700);
      assert.deepEqual(scene.types('eight'), ['created', 'deleted']);
    });
  });
});
