/** A forwarder that is killed and started at will, objects that somebody keeps changing, and what came of it all. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { Churn, type ChurnedObject, type ChurnOptions } from './churn.ts';
import { type SharedCluster, sharedLocalCluster } from './cluster.ts';
import { eventually, quietFor } from './eventually.ts';
import { type ForwarderProcess, startForwarder } from './forwarder-process.ts';
import { checkHistory, describeViolation } from './history/history.ts';
import { connectApi, type KubeApi } from './kube-api.ts';
import { kubeconfigFile } from './kubeconfig-file.ts';
import { RecordedRun } from './recorded-run.ts';
import { type Bench, startBench, type TriggerYaml } from './widgets.ts';

export interface FaultWorldOptions {
  /** @defaultValue that of the test run */
  readonly cluster?: SharedCluster;
  /** How the forwarder reaches the API server. @defaultValue as everybody does */
  readonly kubeconfigPath?: string;
  readonly trigger?: TriggerYaml;
  readonly churn?: Partial<Pick<ChurnOptions, 'objects' | 'changesPerSecond' | 'seed'>>;
  /** What of an object the trigger counts. @defaultValue its spec */
  readonly counts?: (object: ChurnedObject) => unknown;
  readonly args?: readonly string[];
  readonly crd?: (group: string) => unknown;
}

/** Waits that hardly show in a test's time. */
const SWIFT = { debounce: { quiet: '20ms', maxWait: '500ms' } } as const;
/** For one that must not come. */
const QUIET_MS = 1500;

export class FaultWorld {
  readonly bench: Bench;
  readonly api: KubeApi;
  readonly churn: Churn;
  readonly run: RecordedRun;
  readonly #t: TestContext;
  readonly #options: FaultWorldOptions;
  #forwarder: ForwarderProcess;

  private constructor(t: TestContext, bench: Bench, options: FaultWorldOptions) {
    this.#t = t;
    this.bench = bench;
    this.#options = options;
    this.#forwarder = bench.forwarder;
    this.api = connectApi(t, bench.cluster);
    this.churn = new Churn({
      api: this.api,
      path: this.path(),
      apiVersion: `${bench.group}/v1`,
      objects: 100,
      changesPerSecond: 100,
      seed: Math.floor(Math.random() * 2 ** 31),
      ...options.churn,
    });
    this.run = new RecordedRun({
      churn: this.churn,
      host: bench.host,
      namespace: bench.namespace,
      trigger: { trigger: `${bench.namespace}/widget`, flushMs: 1500 },
      ...(options.counts !== undefined && { counts: options.counts }),
    });
    this.run.started();
  }

  /** A forwarder that follows one trigger; its objects are what `churn` makes of them. */
  static async start(t: TestContext, options: FaultWorldOptions = {}): Promise<FaultWorld> {
    const { cluster, kubeconfigPath, trigger = {}, args, crd } = options;
    const bench = await startBench(t, {
      ...(cluster !== undefined && { cluster }),
      ...(kubeconfigPath !== undefined && { kubeconfigPath }),
      ...(args !== undefined && { args }),
      ...(crd !== undefined && { crd }),
    });
    const world = new FaultWorld(t, bench, options);
    await bench.trigger({ ...trigger, spec: { ...SWIFT, ...trigger.spec } });
    return world;
  }

  /** As `start`, but the forwarder reaches the API server at another URL; those who change objects go straight. */
  static async behind(t: TestContext, server: string, options: FaultWorldOptions = {}): Promise<FaultWorld> {
    const cluster = options.cluster ?? (await sharedLocalCluster());
    const kubeconfigPath = await kubeconfigFile(t, { ...cluster, server });
    return await FaultWorld.start(t, { ...options, kubeconfigPath });
  }

  /** The one that runs, or ran last. */
  get forwarder(): ForwarderProcess {
    return this.#forwarder;
  }

  /** Path of an object, or of all. */
  path(name?: string): string {
    const { group, namespace } = this.bench;
    return `/apis/${group}/v1/namespaces/${namespace}/widgets${name === undefined ? '' : `/${name}`}`;
  }

  /** kill -9. */
  async kill(): Promise<void> {
    this.run.ended('crash');
    await this.#forwarder.stop('SIGKILL');
  }

  /** SIGTERM; resolves with the exit code. */
  async stop(): Promise<number | null> {
    const code = await this.#forwarder.stop();
    this.run.ended('stop');
    return code;
  }

  /** Another forwarder, started as the first one was. */
  async restart(): Promise<void> {
    this.run.started();
    const { kubeconfigPath = this.bench.cluster.kubeconfigPath, args = [] } = this.#options;
    this.#forwarder = await startForwarder(this.#t, {
      kubeconfigPath,
      namespaces: [this.bench.namespace],
      args,
    });
  }

  /** Changes objects while `during` runs, and a little longer. */
  async churnWhile(during: () => Promise<void>): Promise<void> {
    const stop = new AbortController();
    const churning = this.churn.run(stop.signal);
    try {
      await during();
    } finally {
      stop.abort();
      await churning;
    }
  }

  /** Resolves when a function has handled every object's last state and every end, and nothing more comes. */
  async settled(withinMs = 60_000): Promise<void> {
    await eventually(
      'everything is handled',
      () => {
        const left = this.run.unhandled();
        if (left.length > 0)
          throw new Error(`${left.length} are not, such as ${left.slice(0, 3).join(', ')}`);
        return true;
      },
      { withinMs },
    );
    await quietFor(QUIET_MS);
  }

  /** Whether every promise was kept: nothing lost, nothing older than before, one at a time, no needless repeat. */
  check(): void {
    const { host } = this.bench;
    this.#t.diagnostic(
      `${this.churn.changes} changes, ${host.calls.length} calls, ${this.run.incarnations.length - 1} restarts`,
    );
    const violations = checkHistory(this.run.facts());
    const told = violations.slice(0, 5).map(describeViolation).join('\n');
    assert.equal(violations.length, 0, `${violations.length} violations, seed ${this.churn.seed}:\n${told}`);
    assert.deepEqual(this.run.unhandled(), []);
    assert.deepEqual(this.#forwarder.other, [], 'the forwarder prints nothing but log lines');
  }

  metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    return this.#forwarder.metric(name, labels);
  }
}
