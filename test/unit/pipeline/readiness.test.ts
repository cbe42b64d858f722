/** What readiness waits for: the first lists of what can be listed, and never again after that. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StartupHealth } from '../../../forwarder/observe/health.ts';
import { TriggerController } from '../../../forwarder/pipeline/trigger-controller.ts';
import { PipelineWorld } from '../../support/pipeline-world.ts';

/** A controller in a world whose lists come when the test says so. */
class Startup {
  readonly world: PipelineWorld;
  readonly controller: TriggerController;
  readonly health: StartupHealth;

  constructor(world: PipelineWorld) {
    this.world = world;
    world.sources.lagMs = () => Infinity;
    this.controller = new TriggerController({ services: world.services, from: 'api', namespaces: [] });
    const waitingFor = (): readonly string[] => (this.controller.settled ? [] : ['objects']);
    this.health = new StartupHealth(waitingFor, new AbortController().signal);
  }

  static async begin(): Promise<Startup> {
    return new Startup(await PipelineWorld.start());
  }

  get ready(): boolean {
    return this.health.ready().ok;
  }

  put(
    name: string,
    { generation = 1, ...spec }: { generation?: number } & Record<string, unknown> = {},
  ): void {
    this.controller.put({
      apiVersion: 'statewire.dev/v1alpha1',
      kind: 'FunctionTrigger',
      metadata: { namespace: 'shop', name, uid: `uid-of-${name}`, generation, resourceVersion: '1' },
      spec: {
        watch: { apiVersion: 'example.com/v1', kind: 'Application' },
        target: { http: { url: 'https://one.example' } },
        ...spec,
      },
    });
  }

  async listed(): Promise<void> {
    await this.world.pass();
    this.world.sources.flush();
    await this.world.pass();
  }
}

describe('Readiness', () => {
  it('is there at once where there is no trigger', async () => {
    const startup = await Startup.begin();
    assert.equal(startup.ready, true);
  });

  it('waits for a trigger from the moment it is known until its objects are listed', async () => {
    const startup = await Startup.begin();
    startup.put('one');
    assert.equal(startup.ready, false);
    await startup.world.pass();
    assert.deepEqual(startup.health.ready(), { ok: false, reasons: ['waiting for objects'] });
    await startup.listed();
    assert.equal(startup.ready, true);
  });

  it('does not wait for a trigger that is wrong', async () => {
    const startup = await Startup.begin();
    startup.put('one', { when: 'object.spec.' });
    await startup.world.pass();
    assert.equal(startup.ready, true);
  });

  it('does not wait for a trigger that went before its objects were listed', async () => {
    const startup = await Startup.begin();
    startup.put('one');
    await startup.world.pass();
    assert.equal(startup.ready, false);
    startup.controller.remove('uid-of-one');
    assert.equal(startup.ready, true);
  });

  it('stays while the objects of a later trigger, or of an edited one, are listed', async () => {
    const startup = await Startup.begin();
    startup.put('one');
    await startup.listed();
    assert.equal(startup.ready, true);
    startup.put('two');
    const labelSelector = { matchLabels: { tier: 'gold' } };
    const watch = { apiVersion: 'example.com/v1', kind: 'Application', labelSelector };
    startup.put('one', { generation: 2, watch });
    await startup.world.pass();
    assert.equal(startup.controller.settled, false);
    assert.equal(startup.ready, true);
  });
});
