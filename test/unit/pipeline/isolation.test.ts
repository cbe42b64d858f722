/** Fifty triggers in one process, one of whose functions hangs with all its concurrency. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TriggerPipeline } from '../../../forwarder/pipeline/pipeline.ts';
import { setUp } from '../../../forwarder/pipeline/setup.ts';
import { PipelineWorld } from '../../support/pipeline-world.ts';

const TRIGGERS = 50;
const OBJECTS = 20;
const CONCURRENCY = 10;

/** Every trigger watches all objects and calls a function of its own; `url-0` answers nobody. */
async function crowd(): Promise<PipelineWorld> {
  const url = (trigger: number): string => `https://url-${trigger}.example`;
  const target = (trigger: number) => ({ type: 'http', url: url(trigger), headers: {} }) as const;
  const delivery = { concurrency: CONCURRENCY, timeoutMs: 30_000 };
  const world = await PipelineWorld.start({ spec: { target: target(0), delivery } });
  world.host.script = (call) => (call.url === url(0) ? undefined : [{}]);
  for (let trigger = 1; trigger < TRIGGERS; trigger++) {
    const identity = { namespace: 'shop', name: `app-${trigger}`, uid: `uid-${trigger}`, generation: 1 };
    const spec = { ...world.trigger.spec, target: target(trigger) };
    const setup = await setUp(world.services, { ...world.trigger, identity, spec });
    assert.ok('trigger' in setup);
    new TriggerPipeline(world.services, setup).start();
  }
  await world.pass();
  for (let n = 0; n < OBJECTS; n++) world.cluster.create(`web-${n}`, { size: 0 });
  await world.pass();
  return world;
}

describe('A function that hangs with all its concurrency', () => {
  it('takes no time from the calls of 49 others, for as long as it hangs', async () => {
    const world = await crowd();
    const { host, cluster } = world;
    const hanging = (): number => host.calls.filter(({ open }) => open).length;
    assert.equal(hanging(), CONCURRENCY);
    assert.equal(host.calls.length, CONCURRENCY + (TRIGGERS - 1) * OBJECTS);
    for (let round = 1; round <= 29; round++) {
      await world.pass(1000);
      const before = host.calls.length;
      const nowMs = world.clock.monotonic();
      cluster.edit(`web-${round % OBJECTS}`, { size: round });
      await world.pass();
      const started = host.calls.slice(before);
      assert.equal(started.length, TRIGGERS - 1);
      assert.ok(started.every(({ startedMs, ok }) => startedMs === nowMs && ok));
      assert.equal(hanging(), CONCURRENCY);
    }
  });
});
