/** One trigger's whole pipeline in a process of its own: no time but the test's, no I/O, and every port in reach. */
import assert from 'node:assert/strict';
import type { EventInput } from '../../forwarder/apply/event-body.ts';
import { MemorySegmentStores } from '../../forwarder/checkpoint/memory-segment-store.ts';
import { DeadLetters } from '../../forwarder/dead-letter/dead-letters.ts';
import { silentLogger } from '../../forwarder/lib/logger.ts';
import { Slots } from '../../forwarder/lib/slots.ts';
import type { Resource } from '../../forwarder/model/resource.ts';
import type { Trigger, TriggerSpec } from '../../forwarder/model/trigger.ts';
import { TriggerPipeline } from '../../forwarder/pipeline/pipeline.ts';
import type { Services } from '../../forwarder/pipeline/services.ts';
import { setUp, type Setup } from '../../forwarder/pipeline/setup.ts';
import { Turns } from '../../forwarder/queue/turns.ts';
import type { StatusChange } from '../../forwarder/status/trigger-status.ts';
import { kindSchema } from './fake-apply-server.ts';
import { LetterServer } from './letter-server.ts';
import { ManualClock } from './manual-clock.ts';
import { ModelCluster, OBJECTS_PATH, STATUS } from './model-cluster.ts';
import { ModelSources } from './model-sources.ts';
import { type ModelCall, ModelHost } from './model-target.ts';
import { APPLICATIONS } from './objects.ts';
import { RecordingMeter } from './recording-meter.ts';

const CONFIG_MAPS: Resource = {
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  namespaced: true,
  statusSubresource: false,
};
const RESOURCES: readonly Resource[] = [APPLICATIONS, CONFIG_MAPS];

export const OWN_MANAGER = 'statewire/app';

export type SpecPatch = {
  readonly [K in keyof TriggerSpec]?: TriggerSpec[K] extends object
    ? Partial<TriggerSpec[K]>
    : TriggerSpec[K];
};

export interface WorldOptions {
  readonly spec?: SpecPatch;
  readonly random?: () => number;
  /** Makes targets instead of the world's host. */
  readonly createTarget?: (clock: ManualClock) => Services['createTarget'];
  /** Prepares the world before the pipeline starts. */
  readonly before?: (world: PipelineWorld) => void;
}

/** What the tests begin with: no debounce, no storm guard to speak of, and a second of backoff. */
const SPEC: TriggerSpec = {
  watch: { apiVersion: 'example.com/v1', kind: 'Application', owns: [] },
  eventTypes: ['Created', 'Updated', 'Deleted'],
  counting: { kind: 'changes', classes: ['Spec'] },
  initial: 'Deliver',
  debounce: { quietMs: 0, maxWaitMs: 0 },
  target: { type: 'http', url: 'https://one.example', headers: {} },
  delivery: {
    timeoutMs: 10_000,
    maxAttempts: 3,
    backoff: { initialMs: 1000, maxMs: 8000 },
    concurrency: 10,
    perObject: { burst: 1000, everyMs: 1 },
    reply: 'Result',
  },
  payload: { previous: false, redact: [], dataref: false, token: false },
  finalizer: false,
  finalizerDeadlineMs: 600_000,
  serviceAccountName: 'default',
  suspend: false,
};

export class PipelineWorld {
  readonly clock: ManualClock = new ManualClock();
  readonly cluster: ModelCluster = new ModelCluster(this.clock);
  readonly sources: ModelSources = new ModelSources(this.cluster, this.clock, RESOURCES);
  readonly host: ModelHost = new ModelHost(this.clock);
  readonly meter: RecordingMeter = new RecordingMeter();
  readonly events: EventInput[] = [];
  /** Objects on which a Warning says that no further attempt is made. */
  readonly givenUp: { readonly uid: string; readonly atMs: number }[] = [];
  readonly statuses: StatusChange[] = [];
  readonly letters: LetterServer = new LetterServer();
  readonly services: Services;
  #trigger: Trigger;
  #pipeline: TriggerPipeline | undefined;

  private constructor({ spec = {}, random = () => 0.5, createTarget }: WorldOptions) {
    this.#trigger = {
      identity: { namespace: 'shop', name: 'app', uid: 'trigger-uid', generation: 1 },
      spec: merged(SPEC, spec),
    };
    const { clock, meter, letters } = this;
    const writeSlots = new Slots(32);
    this.services = {
      client: this.cluster,
      // These are classes with private parts; the pipeline uses what is given here.
      sources: this.sources as unknown as Services['sources'],
      discovery: {
        resolve: (_apiVersion: string, wanted: string) =>
          Promise.resolve(RESOURCES.find(({ kind }) => kind === wanted)),
      } as unknown as Services['discovery'],
      schemas: {
        schemaOf: () => Promise.resolve(kindSchema({ properties: { status: STATUS } })),
      } as unknown as Services['schemas'],
      recorder: { record: (event) => this.#record(event) },
      writeSlots,
      turns: new Turns({ clock }),
      createTarget: createTarget?.(clock) ?? ((target) => this.host.target(target)),
      status: {
        adopt: () => undefined,
        update: (_trigger, change) => void this.statuses.push(change),
        checkpointOf: () => this.statuses.findLast(({ checkpoint }) => checkpoint !== undefined)?.checkpoint,
        reasonOf: (_trigger, type) =>
          this.statuses.flatMap(({ conditions = [] }) => conditions).findLast((said) => said.type === type)
            ?.reason,
        forget: () => undefined,
        flush: () => Promise.resolve(),
      },
      checkpoints: new MemorySegmentStores(),
      deadLetters: new DeadLetters({
        client: letters,
        sources: letters,
        clock,
        random,
        logger: silentLogger,
        writeSlots,
        identity: 'forwarder',
        ownable: true,
        allNamespaces: false,
      }),
      meter: Object.assign(meter, { initTrigger: () => undefined }),
      logger: silentLogger,
      clock,
      random,
      clusterId: 'cluster-1',
      identityOf: () => 'forwarder',
    };
  }

  static async start(options: WorldOptions = {}): Promise<PipelineWorld> {
    const world = new PipelineWorld(options);
    options.before?.(world);
    world.#pipeline = new TriggerPipeline(world.services, await world.#setUp());
    world.#pipeline.start();
    await world.pass();
    return world;
  }

  /** The process ends at once; what it holds in memory is lost. */
  kill(): void {
    this.pipeline.stop();
  }

  /** The process ends in order. */
  async end(): Promise<void> {
    const ended = this.pipeline.drain();
    await this.pass();
    await ended;
    this.pipeline.stop();
  }

  /** Another process goes on, with the trigger as it is now. */
  async again(spec: SpecPatch = {}, more: { readonly redeliverAt?: string } = {}): Promise<void> {
    this.#trigger = { ...this.#trigger, spec: merged(this.#trigger.spec, spec), ...more };
    this.#pipeline = new TriggerPipeline(this.services, await this.#setUp());
    this.#pipeline.start();
    await this.pass();
  }

  get pipeline(): TriggerPipeline {
    assert.ok(this.#pipeline);
    return this.#pipeline;
  }

  /** As it is now. */
  get trigger(): Trigger {
    return this.#trigger;
  }

  get calls(): readonly ModelCall[] {
    return this.host.calls;
  }

  /** The calls so far: `created web-1:g1`. */
  get told(): string[] {
    return this.calls.map(({ text }) => text);
  }

  /** The last call. */
  get call(): ModelCall {
    const call = this.calls.at(-1);
    assert.ok(call, 'there is a call');
    return call;
  }

  /** Condition of the trigger as last said: `True`, or `False WhenFailed`. */
  condition(type: string): string | undefined {
    const said = this.statuses.flatMap(({ conditions = [] }) => conditions).findLast((c) => c.type === type);
    if (said === undefined) return undefined;
    return said.status === 'True' ? 'True' : `${said.status} ${said.reason}`;
  }

  /** The objects' counts as last said. */
  get counts(): StatusChange['objects'] {
    return this.statuses.findLast(({ objects }) => objects !== undefined)?.objects;
  }

  /** Lets time pass, and everything settle that is due by then. */
  pass(ms = 0): Promise<void> {
    return this.clock.advance(ms);
  }

  remove(name: string): void {
    this.cluster.remove(`${OBJECTS_PATH}/${name}`);
  }

  /** Edits the trigger. */
  async edit(spec: SpecPatch, more: { readonly redeliverAt?: string } = {}): Promise<void> {
    const { identity } = this.#trigger;
    this.#trigger = {
      ...this.#trigger,
      identity: { ...identity, generation: identity.generation + 1 },
      spec: merged(this.#trigger.spec, spec),
      ...more,
    };
    this.pipeline.edit(await this.#setUp());
  }

  #record(event: EventInput): void {
    this.events.push(event);
    const { uid } = event.regarding;
    if (event.reason === 'DeliveryFailed' && uid !== undefined)
      this.givenUp.push({ uid, atMs: this.clock.monotonic() });
  }

  async #setUp(): Promise<Setup> {
    const setup = await setUp(this.services, this.#trigger);
    assert.ok('trigger' in setup, 'the trigger is valid');
    return setup;
  }
}

/** Parts that are maps are merged; everything else is replaced. */
function merged(spec: TriggerSpec, patch: SpecPatch): TriggerSpec {
  const parts = Object.entries(patch).map(([name, value]) => {
    const before = spec[name as keyof TriggerSpec];
    return [name, isMap(before) && isMap(value) ? { ...before, ...value } : value] as const;
  });
  return { ...spec, ...Object.fromEntries(parts) };
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
