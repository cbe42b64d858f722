/** A function that edits the object it is called for, each time, on a real API server. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KubeObject } from '../../forwarder/model/kube-object.ts';
import { eventually } from '../support/eventually.ts';
import { useStage } from '../support/stage.ts';

const BURST = 5;

interface Sized extends KubeObject {
  readonly spec: { readonly size: number };
}

interface Reported {
  readonly reason: string;
  readonly type: string;
  readonly note: string;
  readonly regarding: { readonly uid: string; readonly name: string };
}

describe('A function that edits its object each time', () => {
  const stage = useStage();

  it('has that object slowed, which says so in one Event, while others are called at once', async (t) => {
    let size = 0;
    const scene = await stage.scene(t, {
      spec: {
        debounce: { quiet: '0s', maxWait: '0s' },
        delivery: { perObject: { burst: BURST, every: '3s' } },
      },
      answer: async ({ key }) => {
        if (key.endsWith('/storm')) await stage.merge('storm', { spec: { size: ++size } });
        return {};
      },
    });
    const { metadata } = await stage.create('storm', { spec: { size: 0 } });
    await scene.calls('storm', BURST);
    const slowed = await eventually('the Event', async () => {
      const path = `/apis/events.k8s.io/v1/namespaces/${stage.bench.namespace}/events`;
      const { items } = await stage.api.call<{ items: Reported[] }>('GET', path);
      const found = items.filter(({ reason }) => reason === 'DeliverySlowed');
      return found.length > 0 ? found : undefined;
    });
    assert.deepEqual(
      slowed.map(({ type, regarding }) => `${type} ${regarding.name} ${regarding.uid}`),
      [`Warning storm ${metadata.uid}`],
    );
    const limit = `delivery.perObject allows ${BURST} calls at once, then one every 3s`;
    assert.equal(slowed[0]?.note, `called too often; ${limit}, with the newest state`);

    await Promise.all(['a', 'b', 'c'].map((name) => stage.create(name)));
    await Promise.all(['a', 'b', 'c'].map((name) => scene.calls(name, 1)));

    // Each call but the first is for the edit that the one before it made.
    const sizes = (await scene.calls('storm', BURST + 2)).map(({ data }) => (data.object as Sized).spec.size);
    assert.deepEqual(
      sizes,
      sizes.map((_, index) => index),
    );
    assert.ok((await scene.metric('statewire_storm_delays_total')) >= 1);
  });
});
