/**
 * A whole pipeline against everything that can happen around it, in any order: first with a lagging watch, a failing
 * API server and a failing function, then in peace until all is quiet.
 *
 * `STATEWIRE_RUNS` is the number of runs of each property; fast-check prints seed and path of a counterexample.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { recipeOf } from '../../../forwarder/filter/recipe.ts';
import { TargetError } from '../../../forwarder/lib/errors.ts';
import type { KubeObject } from '../../../forwarder/model/kube-object.ts';
import { REDELIVER_ANNOTATION } from '../../../forwarder/model/trigger.ts';
import type { ChangeClass } from '../../../protocol/event.ts';
import { apiError } from '../../support/fake-apply-server.ts';
import type { Answer, ModelCall } from '../../support/model-target.ts';
import { PipelineChecker } from '../../support/pipeline-checker.ts';
import { mulberry } from '../../support/mulberry.ts';
import { OWN_MANAGER, PipelineWorld, type SpecPatch } from '../../support/pipeline-world.ts';

const RUNS = Number(process.env['STATEWIRE_RUNS'] ?? 300);

interface Config {
  readonly seed: number;
  readonly classes: readonly ChangeClass[];
  readonly selects: boolean;
  readonly states: boolean;
  readonly quietMs: number;
  readonly lagMs: number;
  readonly latencyMs: number;
  readonly callMs: number;
  readonly concurrency: number;
  /** Shares of calls and requests that fail. */
  readonly failing: number;
  readonly refusing: number;
  /** Whether answers get lost too. */
  readonly losing: boolean;
  readonly finalizer: boolean;
}

class Run {
  readonly world: PipelineWorld;
  readonly checker: PipelineChecker;
  readonly config: Config;
  readonly #random: () => number;
  #quiet = false;
  #suspended = false;
  #halted = false;
  #selector: string | undefined;

  private constructor(world: PipelineWorld, checker: PipelineChecker, config: Config, random: () => number) {
    this.world = world;
    this.checker = checker;
    this.config = config;
    this.#random = random;
    this.#selector = config.selects ? 'team=a' : undefined;
    const { cluster, sources, host } = world;
    cluster.latencyMs = () => this.#upTo(config.latencyMs);
    sources.lagMs = () => this.#upTo(config.lagMs);
    host.script = (call) => [this.#answer(call), this.#upTo(config.callMs)];
    cluster.fault = ({ method }) => {
      if (this.#quiet || random() >= config.refusing) return undefined;
      const kind = random();
      if (method === 'GET') return apiError(503, 'away');
      return kind < 0.5
        ? apiError(409, 'conflict')
        : kind < 0.9 || !config.losing
          ? apiError(503, 'away')
          : 'lost';
    };
  }

  static async start(config: Config): Promise<Run> {
    const random = mulberry(config.seed);
    const spec: SpecPatch = {
      watch: config.selects ? { labelSelector: 'team=a' } : {},
      counting: { kind: 'changes', classes: config.classes },
      debounce: { quietMs: config.quietMs, maxWaitMs: 5 * config.quietMs },
      delivery: { concurrency: config.concurrency },
      finalizer: config.finalizer,
    };
    const made: Run[] = [];
    await PipelineWorld.start({
      spec,
      random,
      before: (world) => {
        const checker = new PipelineChecker(world);
        checker.recipe = recipeOf({ kind: 'changes', classes: config.classes }, OWN_MANAGER);
        checker.holds = config.finalizer;
        made.push(new Run(world, checker, config, random));
      },
    });
    const [run] = made;
    assert.ok(run);
    return run;
  }

  create(name: string): void {
    this.world.cluster.create(name, { size: 0 }, { team: 'a' });
  }

  flip(name: string, value: number): void {
    this.world.cluster.label(name, { team: value === 0 ? 'b' : 'a', tier: String(value) });
  }

  async edit(patch: SpecPatch): Promise<void> {
    this.checker.edits += 1;
    await this.world.edit(patch);
  }

  /** The trigger is invalid until it is edited again. */
  halt(): void {
    this.#halted = true;
    this.world.pipeline.halt('Invalid', 'it has a mistake');
  }

  async suspend(): Promise<void> {
    this.#suspended = !this.#suspended;
    await this.edit({ suspend: this.#suspended });
  }

  async select(): Promise<void> {
    this.#selector = this.#selector === undefined ? 'team=a' : undefined;
    await this.edit({ watch: { labelSelector: this.#selector ?? '' } });
  }

  /** Faults end, time passes until all is quiet, and what was promised holds. */
  async finish(): Promise<void> {
    const { world, checker } = this;
    this.#quiet = true;
    if (this.#suspended) await this.suspend();
    if (this.#halted) await this.edit({});
    world.sources.cut();
    await world.pass(600_000);
    await this.#redeliverHeld();
    checker.checkEnd((object) => this.#selects(object));
    const { length } = world.calls;
    world.sources.cut();
    await world.pass(3_600_000);
    assert.deepEqual(world.told.slice(length), [], 'an hour of quiet is quiet');
    // While a deletion waits for a person, its namespace is looked at now and then.
    assert.ok(world.clock.pending <= (this.#hasKept() ? 1 : 0), 'nothing waits when all is done');
    for (const name of NAMES) world.remove(name);
    await world.pass(600_000);
    await this.#redeliverHeld();
    checker.checkEnd(() => false);
    const { watched, pending, failing } = world.counts ?? { watched: 0, pending: 0, failing: 0 };
    const abandoned = new Set(world.givenUp.map(({ uid }) => uid)).size;
    assert.ok(failing <= abandoned, 'only what was given up is left');
    assert.deepEqual({ watched, pending }, { watched: 0, pending: 0 }, 'nothing is kept of what is gone');
    world.pipeline.stop();
    assert.equal(world.clock.pending, 0, 'a pipeline that stopped has no timers');
  }

  /** What was given up under a finalizer waits for a person. */
  async #redeliverHeld(): Promise<void> {
    const { cluster } = this.world;
    for (const name of NAMES) {
      const isKept = cluster.object(name)?.metadata.deletionTimestamp !== undefined;
      if (isKept) cluster.annotate(name, { [REDELIVER_ANNOTATION]: 'at last' });
    }
    await this.world.pass(600_000);
  }

  #hasKept(): boolean {
    const { cluster } = this.world;
    return NAMES.flatMap((name) => cluster.object(name) ?? []).some((object) => {
      const { deletionTimestamp, finalizers = [] } = object.metadata;
      return finalizers.length > 0 && (deletionTimestamp !== undefined || !this.#selects(object));
    });
  }

  #selects({ metadata }: KubeObject): boolean {
    return this.#selector === undefined || metadata.labels?.['team'] === 'a';
  }

  #answer({ event, data }: ModelCall): Answer {
    const random = this.#random;
    const phase = `${event.partitionkey}@${event.generation ?? ''}`;
    const result = this.config.states && data.reason !== 'Deleted' ? { status: { phase } } : {};
    const isEnd = data.reason === 'Deleted' || data.reason === 'LeftScope';
    if (this.config.finalizer && isEnd && !this.#quiet && random() < 0.2) return { finalized: false };
    if (this.#quiet || random() >= this.config.failing) {
      return !this.#quiet && random() < 0.1 ? { ...result, requeueAfter: '3s' } : result;
    }
    const failures: readonly Answer[] = [
      new TargetError('TARGET_FAILED', 'no', { blame: 'delivery' }),
      new TargetError('TARGET_REFUSED', 'never', { blame: 'delivery', permanent: true }),
      new TargetError('TARGET_UNAVAILABLE', 'away', { blame: 'target', minWaitMs: 1000 }),
      new TargetError('TARGET_UNREACHABLE', 'gone', { blame: 'target', conclusive: true }),
      { ...result, error: { message: 'broken' } },
      { ...result, error: { message: 'broken', retryable: false } },
    ];
    return failures[Math.floor(random() * failures.length)] ?? {};
  }

  #upTo(ms: number): number {
    return this.#quiet ? 0 : Math.floor(this.#random() * ms);
  }
}

const NAMES = ['a', 'b', 'c'];

type Step = (run: Run) => void | Promise<void>;

function step(
  weight: number,
  name: string,
  run: (run: Run, name: string, value: number) => void | Promise<void>,
): { readonly weight: number; readonly arbitrary: fc.Arbitrary<Step> } {
  const arbitrary = fc
    .tuple(fc.constantFrom(...NAMES), fc.integer({ min: 0, max: 3 }))
    .map(([object, value]) =>
      Object.assign((one: Run) => run(one, object, value), {
        toString: () => `${name} ${object} ${value}`,
      }),
    );
  return { weight, arbitrary };
}

const PLAIN = [
  step(6, 'create', (run, name) => run.create(name)),
  step(6, 'edit', ({ world }, name, size) => world.cluster.edit(name, { size })),
  step(2, 'label', (run, name, value) => run.flip(name, value)),
  step(2, 'status', ({ world }, name, replicas) => world.cluster.status(name, { replicas })),
  step(1, 'take', ({ world }, name, value) => world.cluster.status(name, { phase: `x${value}` }, 'taker')),
  step(3, 'delete', ({ world }, name) => world.remove(name)),
  step(1, 'terminate', ({ world }, name) => world.cluster.terminate(name)),
  step(1, 'recreate', (run, name) => {
    run.world.remove(name);
    run.create(name);
  }),
  step(1, 'redeliver', ({ world }, name, value) =>
    world.cluster.annotate(name, { [REDELIVER_ANNOTATION]: String(value) }),
  ),
  step(1, 'cut', ({ world }) => world.sources.cut()),
  step(8, 'pass', ({ world }, _name, value) => world.pass(10 ** value)),
  step(1, 'wait', ({ world }) => world.pass(10_000)),
];

const EDITED = [
  ...PLAIN,
  step(1, 'classes', (run, _name, value) =>
    run.edit({
      counting: { kind: 'changes', classes: value < 2 ? ['Spec'] : ['Spec', 'Status', 'Labels'] },
    }),
  ),
  step(1, 'debounce', (run, _name, value) =>
    run.edit({ debounce: { quietMs: value * 100, maxWaitMs: value * 500 } }),
  ),
  step(1, 'suspend', (run) => run.suspend()),
  step(1, 'halt', (run) => run.halt()),
  step(1, 'target', (run, _name, value) =>
    run.edit({ target: { type: 'http', url: `https://${value}.example`, headers: {} } }),
  ),
  step(1, 'select', (run) => run.select()),
];

const configs: fc.Arbitrary<Config> = fc.record({
  seed: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  classes: fc.constantFrom<readonly ChangeClass[]>(['Spec'], ['Spec', 'Status'], ['Spec', 'Labels']),
  selects: fc.boolean(),
  states: fc.boolean(),
  quietMs: fc.constantFrom(0, 0, 100, 500),
  lagMs: fc.constantFrom(0, 20, 2000),
  latencyMs: fc.constantFrom(0, 20, 500),
  callMs: fc.constantFrom(0, 20, 2000),
  concurrency: fc.constantFrom(1, 10),
  failing: fc.constantFrom(0, 0, 0.3, 0.8),
  refusing: fc.constantFrom(0, 0, 0.2, 0.7),
  losing: fc.boolean(),
  finalizer: fc.boolean(),
});

async function holds(steps: fc.Arbitrary<Step>): Promise<void> {
  await fc.assert(
    fc.asyncProperty(configs, fc.array(steps, { maxLength: 40, size: 'max' }), async (config, all) => {
      const run = await Run.start(config);
      for (const one of all) {
        await one(run);
        run.checker.check();
      }
      await run.finish();
    }),
    { numRuns: RUNS },
  );
}

describe('Whatever happens around it, a pipeline', () => {
  it('tells the last state and the end of every object, one call at a time, and then is quiet', () =>
    holds(fc.oneof(...PLAIN)));

  it('does so also where its trigger is edited', () => holds(fc.oneof(...EDITED)));
});
