/** How often and how fast a function is called, and what becomes of a delivery that fails. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually, quietFor } from '../support/eventually.ts';
import { result, type Scene, useStage } from '../support/stage.ts';

const swift = { initial: '30ms', max: '60ms' };

interface EventList {
  readonly items: readonly {
    readonly type: string;
    readonly reason: string;
    readonly note?: string;
    readonly regarding: { readonly uid: string; readonly kind: string };
  }[];
}

describe('How a function is called', () => {
  const stage = useStage();

  const eventsOf = async (uid: string): Promise<EventList['items']> => {
    const path = `/apis/events.k8s.io/v1/namespaces/${stage.bench.namespace}/events`;
    const { items } = await stage.api.call<EventList>('GET', path);
    return items.filter(({ regarding }) => regarding.uid === uid);
  };
  const attempts = (scene: Scene, name: string): string[] =>
    scene.of(name).map(({ headers }) => String(headers['ce-statewireattempt']));

  describe('a state that cannot be delivered', () => {
    it('is given up after maxAttempts, which an Event, the status and a metric show; the next state is tried afresh', async (t) => {
      const scene = await stage.scene(t, {
        spec: { delivery: { maxAttempts: 2, backoff: swift } },
        answer: ({ data }) => ({
          status: (data.object as { spec?: { size?: number } }).spec?.size === 3 ? 204 : 500,
        }),
      });
      const { metadata } = await stage.create('one', { spec: { size: 1 } });
      await scene.calls('one', 2);
      const event = await eventually('the Event', async () =>
        (await eventsOf(metadata.uid)).find(({ reason }) => reason === 'DeliveryFailed'),
      );
      assert.equal(event.type, 'Warning');
      assert.equal(event.regarding.kind, 'Widget');
      assert.match(String(event.note), /2 attempts.*500/);
      await eventually('the metric', async () => (await scene.metric('statewire_dead_letters')) === 1);
      const { status } = await eventually('the status', async () => {
        const trigger = await stage.trigger(scene.name);
        return trigger.status?.objects?.deadLettered === 1 ? trigger : undefined;
      });
      assert.equal(status?.objects?.failing, 1);
      await quietFor(300);
      assert.equal(scene.of('one').length, 2);

      await stage.merge('one', { spec: { size: 2 } });
      await scene.calls('one', 4);
      await quietFor(300);
      assert.deepEqual(attempts(scene, 'one'), ['1', '2', '1', '2']);
      await stage.merge('one', { spec: { size: 3 } });
      await scene.calls('one', 5);
      assert.deepEqual(new Set(scene.types('one')), new Set(['created']), 'until the first success');
      await eventually('it is over', async () => (await scene.metric('statewire_dead_letters')) === 0);
    });

    it('is given up at once after a reply that will never change', async (t) => {
      const scene = await stage.scene(t, {
        answer: ({ key }) =>
          key.endsWith('stated')
            ? result({ error: { message: 'bad spec', retryable: false } })
            : { status: 422 },
      });
      await stage.create('stated');
      await stage.create('refused');
      await scene.calls('stated', 1);
      await scene.calls('refused', 1);
      await eventually('both', async () => (await scene.metric('statewire_dead_letters')) === 2);
      await quietFor(1200);
      assert.equal(scene.host.calls.length, 2);
      assert.equal(await scene.metric('statewire_invocations_total', { result: 'permanent' }), 2);
    });

    it('is superseded by a new state, which has attempts of its own and need not wait for the backoff', async (t) => {
      const scene = await stage.scene(t, {
        spec: { delivery: { backoff: { initial: '60s', max: '60s' } } },
        answer: ({ data }) => ({
          status: (data.object as { spec?: { size?: number } }).spec?.size === 1 ? 500 : 204,
        }),
      });
      await stage.create('one', { spec: { size: 1 } });
      await scene.calls('one', 1);
      await stage.merge('one', { spec: { size: 2 } });
      const [first, second] = await scene.calls('one', 2);
      assert.deepEqual(attempts(scene, 'one'), ['1', '1']);
      assert.notEqual(second?.id, first?.id);
      assert.equal(second?.type, 'created');
    });

    it('waits as long as the function asks for, and longer with each attempt otherwise', async (t) => {
      const scene = await stage.scene(t, {
        spec: { delivery: { backoff: { initial: '100ms', max: '10s' } } },
        answer: ({ key, headers }) => {
          if (headers['ce-statewireattempt'] === '4') return { status: 204 };
          if (!key.endsWith('asked')) return { status: 500 };
          return result({ error: { message: 'not yet', retryAfter: '2s' } });
        },
      });
      await stage.create('asked');
      const asked = await scene.calls('asked', 2);
      assert.ok((asked[1]?.startedMs ?? 0) - (asked[0]?.endedMs ?? 0) >= 1990);
      await stage.create('plain');
      const calls = await scene.calls('plain', 4);
      const waits = calls.slice(1).map(({ startedMs }, index) => startedMs - (calls[index]?.endedMs ?? 0));
      for (const [index, leastMs] of [50, 100, 200].entries()) {
        assert.ok((waits[index] ?? 0) >= leastMs - 5, `wait ${index + 1} was ${waits[index]} ms`);
      }
    });
  });

  describe('a call', () => {
    it('ends at its timeout, and is tried again', async (t) => {
      const never = Promise.withResolvers<void>();
      const scene = await stage.scene(t, {
        spec: { delivery: { timeout: '300ms', backoff: swift } },
        answer: ({ headers }) => (headers['ce-statewireattempt'] === '1' ? { after: never.promise } : {}),
      });
      await stage.create('one');
      const [first] = await scene.calls('one', 2);
      // By the forwarder's own clock: when a busy host looks at it is another matter.
      const said = stage.bench.forwarder.logs.find(({ msg, id }) => msg === 'invoked' && id === first?.id);
      assert.equal(said?.['code'], 'TARGET_TIMEOUT');
      assert.ok(Number(said['durationMs']) >= 295, `${String(said['durationMs'])} ms`);
      assert.deepEqual(attempts(scene, 'one'), ['1', '2']);
      never.resolve();
    });

    it('whose body is not ours is a failure, unless any reply will do', async (t) => {
      const scene = await stage.scene(t, {
        spec: { delivery: { maxAttempts: 2, backoff: swift } },
        answer: () => ({ body: { hello: 'world' } }),
      });
      await stage.create('one');
      await scene.calls('one', 2);
      await eventually('given up', async () => (await scene.metric('statewire_dead_letters')) === 1);

      const easy = await stage.scene(t, {
        spec: { delivery: { maxAttempts: 2, backoff: swift, reply: 'Ignore' } },
        answer: () => ({ body: { kind: 'FunctionResult', status: { phase: 'Not for you' } } }),
      });
      await easy.calls('one', 1);
      await eventually(
        'success',
        async () => (await easy.metric('statewire_invocations_total', { result: 'success' })) === 1,
      );
      await quietFor(300);
      assert.equal(easy.of('one').length, 1);
      assert.equal((await stage.read('one')).status, undefined);
    });
  });

  describe('concurrency', () => {
    it('bounds the calls in flight, which fill it', async (t) => {
      let running = 0;
      let most = 0;
      const scene = await stage.scene(t, {
        spec: { delivery: { concurrency: 3 } },
        answer: async () => {
          most = Math.max(most, ++running);
          await quietFor(50);
          running--;
          return { status: 204 };
        },
      });
      await stage.bench.createMany(Array.from({ length: 20 }, (_, index) => `many-${index}`));
      await eventually('all', () => scene.host.calls.length === 20);
      assert.equal(most, 3);
    });
  });

  describe('ratePerSecond', () => {
    it('bounds the calls of any second', async (t) => {
      const scene = await stage.scene(t, { spec: { delivery: { ratePerSecond: 5, concurrency: 20 } } });
      await stage.bench.createMany(Array.from({ length: 15 }, (_, index) => `rated-${index}`));
      await eventually('all', () => scene.host.calls.length === 15);
      const starts = scene.host.calls.map(({ startedMs }) => startedMs);
      // A bucket of one second: the fifteenth call is ten beyond it.
      assert.ok((starts[14] ?? 0) - (starts[0] ?? 0) > 1500, `${(starts[14] ?? 0) - (starts[0] ?? 0)} ms`);
    });
  });

  describe('a target that cannot be reached', () => {
    it('uses no attempts and makes no dead letters; what waited is sent once it is back', async (t) => {
      const scene = await stage.scene(t, {
        spec: { delivery: { maxAttempts: 1, backoff: swift } },
      });
      const port = Number(new URL(scene.host.url).port);
      await scene.host.close();
      await stage.create('one');
      const { message, reason } = await scene.becomes('TargetReachable', 'False');
      assert.equal(reason, 'TargetUnreachable');
      assert.match(message, /ECONNREFUSED|refused/);
      await stage.create('two');
      await quietFor(1500);
      assert.equal(await scene.metric('statewire_dead_letters'), 0);
      await scene.host.listen(port);
      await scene.calls('one', 1);
      await scene.calls('two', 1);
      assert.deepEqual([...attempts(scene, 'one'), ...attempts(scene, 'two')], ['1', '1']);
      await scene.becomes('TargetReachable', 'True');
    });
  });
});
