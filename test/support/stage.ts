/**
 * One forwarder and one kind for all tests of a file, which run one after the other: each test has a trigger and a
 * function of its own, and widgets that go with it.
 */
import { after, before, type TestContext } from 'node:test';
import type { KubeObject } from '../../forwarder/model/kube-object.ts';
import { eventually } from './eventually.ts';
import { type Call, FunctionHost } from './function-host.ts';
import { connectApi, type KubeApi } from './kube-api.ts';
import { type Bench, startBench, type TriggerYaml } from './widgets.ts';

export type Widget = KubeObject & {
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly status?: Readonly<Record<string, unknown>>;
};

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string;
}

export interface TriggerObject extends KubeObject {
  readonly status?: {
    readonly observedGeneration?: number;
    readonly target?: string;
    readonly objects?: Readonly<Record<'watched' | 'pending' | 'failing' | 'deadLettered', number>>;
    readonly conditions?: readonly Condition[];
  };
}

/** Waits that hardly show in a test's time. */
const SWIFT = { debounce: { quiet: '20ms', maxWait: '2s' } } as const;

export class Stage {
  #bench: Bench | undefined;
  #api: KubeApi | undefined;
  #tests = 0;

  /** Starts the forwarder; `close` ends everything. */
  async open(options: StageOptions): Promise<() => Promise<void>> {
    const actions: (() => Promise<void>)[] = [];
    const cleanup = { after: (action: () => Promise<void>): void => void actions.unshift(action) };
    this.#bench = await startBench(cleanup, options);
    this.#api = connectApi(cleanup, this.#bench.cluster);
    return async () => {
      for (const action of actions) await action();
    };
  }

  get bench(): Bench {
    if (this.#bench === undefined) throw new Error('only within tests');
    return this.#bench;
  }

  get api(): KubeApi {
    if (this.#api === undefined) throw new Error('only within tests');
    return this.#api;
  }

  /** Path of a widget, or of all. */
  path(name = ''): string {
    const { group, namespace } = this.bench;
    return `/apis/${group}/v1/namespaces/${namespace}/widgets${name === '' ? '' : `/${name}`}`;
  }

  triggerPath(name: string): string {
    return `/apis/statewire.dev/v1alpha1/namespaces/${this.bench.namespace}/functiontriggers/${name}`;
  }

  create(name: string, rest: { readonly spec?: unknown; readonly metadata?: object } = {}): Promise<Widget> {
    return this.api.call('POST', this.path(), this.#widget(name, rest));
  }

  #widget(
    name: string,
    { spec = {}, metadata = {} }: { readonly spec?: unknown; readonly metadata?: object },
  ): object {
    return {
      apiVersion: `${this.bench.group}/v1`,
      kind: 'Widget',
      metadata: { name, ...metadata },
      spec,
    };
  }

  merge(name: string, patch: unknown, subresource = ''): Promise<Widget> {
    const path = this.path(name) + (subresource === '' ? '' : `/${subresource}`);
    return this.api.call('PATCH', path, patch);
  }

  async read(name: string): Promise<Widget> {
    return await this.api.call<Widget>('GET', this.path(name));
  }

  async remove(name: string): Promise<void> {
    await this.api.call('DELETE', this.path(name));
  }

  trigger(name: string): Promise<TriggerObject> {
    return this.api.call('GET', this.triggerPath(name));
  }

  /** A trigger whose first list has been taken in. Everything of the test goes with it. */
  async scene(t: TestContext, options: SceneOptions = {}): Promise<Scene> {
    const host = new FunctionHost();
    await host.listen();
    const scene = new Scene(this, host, options.name ?? `t-${++this.#tests}`);
    if (options.answer !== undefined) host.answer = options.answer;
    t.after(async () => {
      await this.api.send('DELETE', this.triggerPath(scene.name));
      await this.api.send('DELETE', this.path());
      await host.close();
    });
    await scene.apply(options);
    if (options.wait !== false) await scene.becomes('SourceSynced', 'True');
    return scene;
  }
}

export interface SceneOptions extends TriggerYaml {
  readonly answer?: FunctionHost['answer'];
  readonly annotations?: Readonly<Record<string, string>>;
  /** False: does not wait until the watch is open. */
  readonly wait?: boolean;
}

export class Scene {
  readonly stage: Stage;
  readonly host: FunctionHost;
  readonly name: string;

  constructor(stage: Stage, host: FunctionHost, name: string) {
    this.stage = stage;
    this.host = host;
    this.name = name;
  }

  /** Server-side apply: what an earlier one said and this one does not goes. */
  async apply({ spec = {}, watch, url, annotations = {} }: SceneOptions): Promise<TriggerObject> {
    const object = this.stage.bench.triggerObject({
      name: this.name,
      url: url ?? this.host.url,
      ...(watch !== undefined && { watch }),
      spec: { ...SWIFT, ...spec },
    });
    const metadata = { ...(object['metadata'] as object), annotations };
    return await this.stage.api.call(
      'PATCH',
      `${this.stage.triggerPath(this.name)}?fieldManager=test&force=true`,
      { ...object, metadata },
      'application/apply-patch+yaml',
    );
  }

  /** Calls about the widget of that name. */
  of(widget: string): Call[] {
    return this.host.of(widget);
  }

  types(widget: string): string[] {
    return this.of(widget).map(({ type }) => type);
  }

  /** Resolves with the calls about a widget once there are that many. */
  async calls(widget: string, count: number): Promise<Call[]> {
    await eventually(`${count} calls for ${widget}`, () => this.of(widget).length >= count);
    return this.of(widget);
  }

  async condition(type: string): Promise<Condition | undefined> {
    const { status } = await this.stage.trigger(this.name);
    return status?.conditions?.find((condition) => condition.type === type);
  }

  becomes(type: string, status: string, reason?: string): Promise<Condition> {
    return eventually(`${type}=${status} ${reason ?? ''}`, async () => {
      const condition = await this.condition(type);
      return condition?.status === status && (reason === undefined || condition.reason === reason)
        ? condition
        : undefined;
    });
  }

  /** Waits until the forwarder runs the newest version of the trigger. */
  async taken(): Promise<void> {
    await eventually('the edit is taken', async () => {
      const { metadata, status } = await this.stage.trigger(this.name);
      return status?.observedGeneration === metadata.generation;
    });
  }

  metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    const trigger = `${this.stage.bench.namespace}/${this.name}`;
    return this.stage.bench.forwarder.metric(name, { trigger, ...labels });
  }

  /** Changes of objects that were dropped for that reason; waiting for one proves that it was seen. */
  filtered(reason: string, count = 1): Promise<number> {
    return eventually(`${count} × ${reason}`, async () => {
      const seen = await this.metric('statewire_filtered_total', { reason });
      return seen >= count ? seen : undefined;
    });
  }
}

export type StageOptions = NonNullable<Parameters<typeof startBench>[1]>;

/** The stage of a suite: to be called in `describe`, since hooks of a whole file wait until nothing runs any more. */
export function useStage(options: StageOptions = {}): Stage {
  const stage = new Stage();
  let close: (() => Promise<void>) | undefined;
  before(async () => {
    close = await stage.open(options);
  });
  after(() => close?.());
  return stage;
}

/** A reply that is a FunctionResult. */
export function result(rest: object): { readonly body: object } {
  return { body: { apiVersion: 'statewire.dev/v1alpha1', kind: 'FunctionResult', ...rest } };
}
