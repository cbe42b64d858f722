/**
 * Children against everything that can happen around them: in the end each owner's function knows them as they are, and
 * what it applied itself has fired nothing.
 *
 * `STATEWIRE_RUNS` is the number of runs; fast-check prints seed and path of a counterexample.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { TargetError } from '../../../forwarder/lib/errors.ts';
import type { KubeObject } from '../../../forwarder/model/kube-object.ts';
import { apiError } from '../../support/fake-apply-server.ts';
import { CHILDREN_PATH } from '../../support/model-cluster.ts';
import type { Answer, ModelCall } from '../../support/model-target.ts';
import { mulberry } from '../../support/mulberry.ts';
import { PipelineWorld } from '../../support/pipeline-world.ts';

const RUNS = Number(process.env['STATEWIRE_RUNS'] ?? 200);
const OWNERS = ['a', 'b'];
const KIND = { apiVersion: 'v1', kind: 'ConfigMap' } as const;

interface Config {
  readonly seed: number;
  readonly quietMs: number;
  readonly lagMs: number;
  readonly latencyMs: number;
  readonly callMs: number;
  /** Shares of calls and requests that fail. */
  readonly failing: number;
  readonly refusing: number;
  /** Whether the function applies a child of its own. */
  readonly applying: boolean;
  readonly finalizer: boolean;
}

class Family {
  readonly world: PipelineWorld;
  readonly #config: Config;
  readonly #random: () => number;
  #quiet = false;

  private constructor(world: PipelineWorld, config: Config, random: () => number) {
    this.world = world;
    this.#config = config;
    this.#random = random;
    const upTo = (ms: number): number => (this.#quiet ? 0 : Math.floor(random() * ms));
    world.cluster.latencyMs = () => upTo(config.latencyMs);
    world.sources.lagMs = () => upTo(config.lagMs);
    world.host.script = (call) => [this.#answer(call), upTo(config.callMs)];
    world.cluster.fault = ({ method }) => {
      if (this.#quiet || random() >= config.refusing) return undefined;
      return method !== 'GET' && random() < 0.5 ? apiError(409, 'conflict') : apiError(503, 'away');
    };
  }

  static async start(config: Config): Promise<Family> {
    const random = mulberry(config.seed);
    const { quietMs, finalizer } = config;
    const world = await PipelineWorld.start({
      random,
      spec: {
        watch: { owns: [{ ...KIND, labelSelector: '' }] },
        debounce: { quietMs, maxWaitMs: 5 * quietMs },
        // What is given up is told nothing more.
        delivery: { maxAttempts: 1000 },
        finalizer,
      },
    });
    return new Family(world, config, random);
  }

  /** Somebody else's child of whoever has that name now. */
  child(owner: string, value: number): void {
    const parent = this.world.cluster.object(owner);
    if (parent !== undefined) this.world.cluster.child(`${owner}-${value % 2}`, { value }, [parent]);
  }

  async finish(): Promise<void> {
    const { world } = this;
    this.#quiet = true;
    world.sources.cut();
    await world.pass(600_000);
    for (const name of OWNERS) this.#check(name);
    const { length } = world.calls;
    world.sources.cut();
    await world.pass(3_600_000);
    assert.deepEqual(world.told.slice(length), [], 'an hour of quiet is quiet');
  }

  #check(name: string): void {
    const owner = this.world.cluster.object(name);
    if (owner === undefined || owner.metadata.deletionTimestamp !== undefined) return;
    const last = this.world.calls.findLast(
      ({ event, ok }) => event.partitionkey === owner.metadata.uid && ok,
    );
    const sent = last?.data.children?.['ConfigMap.v1'] as Readonly<Record<string, KubeObject>> | undefined;
    assert.ok(sent, `${owner.metadata.uid} was sent`);
    const others = (objects: readonly KubeObject[]): Record<string, unknown> =>
      Object.fromEntries(
        objects
          .filter(({ metadata }) => !metadata.name.startsWith('own-'))
          .map(({ metadata, data }) => [`${metadata.name} ${metadata.uid}`, data]),
      );
    const there = this.world.cluster
      .list(CHILDREN_PATH)
      .filter(({ metadata }) => metadata.ownerReferences?.some(({ uid }) => uid === owner.metadata.uid));
    assert.deepEqual(others(Object.values(sent)), others(there), `the children of ${owner.metadata.uid}`);
  }

  #answer({ data, type }: ModelCall): Answer {
    if (!this.#quiet && this.#random() < this.#config.failing) {
      return this.#random() < 0.5
        ? new TargetError('TARGET_UNAVAILABLE', 'away', { blame: 'target', minWaitMs: 1000 })
        : { error: { message: 'not yet' } };
    }
    if (type === 'deleted' || !this.#config.applying) return {};
    const { name } = data.object.metadata;
    const size = JSON.stringify(data.object['spec']);
    return { apply: [{ ...KIND, metadata: { name: `own-${name}` }, data: { size } }] };
  }
}

type Step = (family: Family) => void | Promise<void>;

function step(
  weight: number,
  name: string,
  run: (family: Family, owner: string, value: number) => void | Promise<void>,
): { readonly weight: number; readonly arbitrary: fc.Arbitrary<Step> } {
  const arbitrary = fc
    .tuple(fc.constantFrom(...OWNERS), fc.integer({ min: 0, max: 3 }))
    .map(([owner, value]) =>
      Object.assign((family: Family) => run(family, owner, value), {
        toString: () => `${name} ${owner} ${value}`,
      }),
    );
  return { weight, arbitrary };
}

const STEPS = fc.oneof(
  step(4, 'create', ({ world }, owner) => world.cluster.create(owner, { size: 0 })),
  step(4, 'edit', ({ world }, owner, size) => world.cluster.edit(owner, { size })),
  step(8, 'child', (family, owner, value) => family.child(owner, value)),
  step(2, 'orphan', ({ world }, owner, value) =>
    world.cluster.remove(`${CHILDREN_PATH}/${owner}-${value % 2}`),
  ),
  step(1, 'delete', ({ world }, owner) => world.remove(owner)),
  step(1, 'cut', ({ world }) => world.sources.cut()),
  step(1, 'restart', async (family, owner, value) => {
    // What changes and changes back within the last second is not written down, and may stay untold.
    family.world.sources.flush();
    await family.world.pass(2000);
    family.world.kill();
    if (value > 0) family.child(owner, value);
    if (value > 1) family.world.cluster.remove(`${CHILDREN_PATH}/${owner}-${value % 2}`);
    await family.world.again();
  }),
  step(8, 'pass', ({ world }, _owner, value) => world.pass(10 ** value)),
  step(1, 'wait', ({ world }) => world.pass(10_000)),
);

const CONFIGS: fc.Arbitrary<Config> = fc.record({
  seed: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  quietMs: fc.constantFrom(0, 100),
  lagMs: fc.constantFrom(0, 20, 2000),
  latencyMs: fc.constantFrom(0, 20, 500),
  callMs: fc.constantFrom(0, 20, 2000),
  failing: fc.constantFrom(0, 0, 0.3),
  refusing: fc.constantFrom(0, 0, 0.3),
  applying: fc.boolean(),
  finalizer: fc.boolean(),
});

describe('Whatever happens to children', () => {
  it('the function of their owner knows them in the end as they are', () =>
    fc.assert(
      fc.asyncProperty(CONFIGS, fc.array(STEPS, { maxLength: 40, size: 'max' }), async (config, steps) => {
        const family = await Family.start(config);
        for (const one of steps) await one(family);
        await family.finish();
        family.world.pipeline.stop();
      }),
      { numRuns: RUNS },
    ));
});
