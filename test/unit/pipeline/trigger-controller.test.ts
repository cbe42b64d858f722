/** What a controller of triggers holds of each, and lets go with it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TriggerController } from '../../../forwarder/pipeline/trigger-controller.ts';
import type { Target } from '../../../forwarder/model/target.ts';
import { PipelineWorld } from '../../support/pipeline-world.ts';

/** A controller, and the URLs of the targets that it has not disposed yet. */
async function setUp(): Promise<{
  readonly open: Set<string>;
  readonly controller: TriggerController;
  readonly put: (generation: number, spec: Record<string, unknown>) => Promise<void>;
  readonly world: PipelineWorld;
}> {
  const open = new Set<string>();
  const world = await PipelineWorld.start();
  const services: typeof world.services = {
    ...world.services,
    createTarget: (spec, ...rest): Target => {
      const target = world.services.createTarget(spec, ...rest);
      const url = spec.type === 'http' ? spec.url : spec.type;
      open.add(url);
      return Object.assign(Object.create(target) as Target, {
        [Symbol.asyncDispose]: () => Promise.resolve(void open.delete(url)),
      });
    },
  };
  const controller = new TriggerController({ services, from: 'api', namespaces: [] });
  const put = async (generation: number, spec: Record<string, unknown>): Promise<void> => {
    controller.put({
      apiVersion: 'statewire.dev/v1alpha1',
      kind: 'FunctionTrigger',
      metadata: { namespace: 'shop', name: 'one', uid: 'uid-of-one', generation, resourceVersion: '1' },
      spec: { watch: { apiVersion: 'example.com/v1', kind: 'Application' }, ...spec },
    });
    await world.pass();
  };
  return { open, controller, put, world };
}

const http = (url: string): Record<string, unknown> => ({ target: { http: { url } } });

describe('The target of a trigger', () => {
  it('is disposed when an edit has put another in its place, and when the trigger is gone', async () => {
    const { open, controller, put, world } = await setUp();
    await put(1, http('https://one.example'));
    assert.deepEqual([...open], ['https://one.example']);
    await put(2, http('https://two.example'));
    assert.deepEqual([...open], ['https://two.example']);
    controller.remove('uid-of-one');
    await world.pass();
    assert.deepEqual([...open], []);
  });

  it('stays while the trigger is invalid, whose running calls go on', async () => {
    const { open, put } = await setUp();
    await put(1, http('https://one.example'));
    await put(2, { ...http('https://two.example'), when: 'object.spec.' });
    assert.deepEqual([...open], ['https://one.example']);
    await put(3, http('https://three.example'));
    assert.deepEqual([...open], ['https://three.example']);
  });

  it('is disposed where the trigger goes while it is set up', async () => {
    const { open, controller, put, world } = await setUp();
    const put2 = put(1, http('https://one.example'));
    controller.remove('uid-of-one');
    await put2;
    await world.pass();
    assert.deepEqual([...open], []);
  });
});
