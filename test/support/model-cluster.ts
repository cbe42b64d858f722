/**
 * A model of the API server for whole pipelines: the objects of a FakeApplyServer with names, lives and generations, a
 * log of what happened to them that watches are fed from, and requests that take time, fail, or lose their answer.
 */
import type { Clock } from '../../forwarder/lib/clock.ts';
import type { ApiError } from '../../forwarder/lib/errors.ts';
import type { KubeClient, KubeRequest, KubeResponse } from '../../forwarder/model/kube-client.ts';
import type { SchemaNode } from '../../forwarder/model/kind-schema.ts';
import type { KubeObject, OwnerReference } from '../../forwarder/model/kube-object.ts';
import { apiError, FakeApplyServer } from './fake-apply-server.ts';

export const OBJECTS_PATH = '/apis/example.com/v1/namespaces/shop/applications';
export const CHILDREN_PATH = '/api/v1/namespaces/shop/configmaps';

/** One write: absent `before`, the object came; absent `after`, it went. */
export interface Change {
  readonly collection: string;
  readonly before: KubeObject | undefined;
  readonly after: KubeObject | undefined;
  readonly resourceVersion: string;
  /** Made by a request of the pipeline. */
  readonly own: boolean;
}

export const STATUS: SchemaNode = {
  type: 'object',
  properties: { phase: { type: 'string' }, replicas: { type: 'integer' } },
};

export type Labels = Readonly<Record<string, string>>;

export class ModelCluster implements KubeClient {
  readonly server: FakeApplyServer;
  /** Called with every write, in order. */
  readonly listeners: Set<(change: Change) => void> = new Set();
  /** How long a request, and then its answer, is under way. */
  latencyMs: () => number = () => 0;
  /** Holds a request, and then its answer, back until the promise is done; where that fails, it does not arrive. */
  held: (request: KubeRequest, way: 'there' | 'back') => Promise<void> | undefined = () => undefined;
  /** Answers instead of the server; `lost`: the server acts, and its answer does not arrive. */
  fault: (request: KubeRequest) => ApiError | 'lost' | undefined = () => undefined;
  /** Every state of every object: uid and resourceVersion → the object. */
  readonly states: Map<string, KubeObject> = new Map();
  /** Answers that were lost: what the pipeline wrote with these, it cannot know. */
  lost = 0;
  /** Whether namespace `shop` is being deleted. */
  terminating = false;
  readonly #clock: Clock;
  /** What listeners know of. */
  readonly #noted = new Map<string, KubeObject>();
  #version = '100';
  #lives = 0;
  /** Requests of the pipeline. */
  readonly #own = new WeakSet<KubeRequest>();

  constructor(clock: Clock) {
    this.#clock = clock;
    const any = { type: 'object', preserveUnknownFields: true } as const;
    this.server = new FakeApplyServer([
      { collection: OBJECTS_PATH, schema: { type: 'object', properties: { spec: any, status: STATUS } } },
      { collection: CHILDREN_PATH, schema: any },
    ]);
    this.server.after = (request) => {
      if (request.method !== 'GET') this.#note(request.path.replace(/\/status$/, ''), this.#own.has(request));
    };
  }

  /** The newest resourceVersion. */
  get version(): string {
    return this.#version;
  }

  async request(request: KubeRequest): Promise<KubeResponse> {
    await this.#travel(request.signal);
    const there = this.held(request, 'there');
    if (there !== undefined) await there;
    const fault = this.fault(request);
    if (fault !== undefined && fault !== 'lost') throw fault;
    this.#own.add(request);
    const response = this.#answer(request) ?? (await this.server.request(request));
    await this.#travel(request.signal);
    const back = this.held(request, 'back');
    const arrives =
      back === undefined ||
      (await back.then(
        () => true,
        () => false,
      ));
    if (fault === 'lost' || !arrives) {
      this.lost += 1;
      throw apiError(0, 'the connection was lost');
    }
    return response;
  }

  /** What a FakeApplyServer does not know: the namespace, and writes of finalizers. */
  #answer({ method, path, body = '', contentType }: KubeRequest): KubeResponse | undefined {
    if (path === '/api/v1/namespaces/shop') {
      const metadata = this.terminating ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {};
      return { status: 200, text: JSON.stringify({ metadata }) };
    }
    if (method !== 'PATCH' || contentType !== 'application/merge-patch+json') return undefined;
    const object = this.find(path);
    if (object === undefined) throw apiError(404, 'not found');
    const { uid, resourceVersion, finalizers = [] } = (JSON.parse(body) as KubeObject).metadata;
    if (uid !== object.metadata.uid || resourceVersion !== object.metadata.resourceVersion)
      throw apiError(409, 'the object has been modified');
    const isOver = object.metadata.deletionTimestamp !== undefined && finalizers.length === 0;
    let after: KubeObject = { ...object, metadata: { ...object.metadata, finalizers } };
    if (isOver) this.server.objects.delete(path);
    else after = this.server.put(path, after);
    const text = JSON.stringify(after);
    this.#note(path, true);
    return { status: 200, text };
  }

  find(path: string): KubeObject | undefined {
    return this.server.objects.get(path) as KubeObject | undefined;
  }

  list(collection: string): KubeObject[] {
    return [...this.server.objects.keys()].flatMap((path) => {
      const object = path.startsWith(`${collection}/`) ? this.find(path) : undefined;
      return object === undefined ? [] : [object];
    });
  }

  object(name: string): KubeObject | undefined {
    return this.find(`${OBJECTS_PATH}/${name}`);
  }

  /** Does nothing where the name is taken. */
  create(name: string, spec: unknown = {}, labels: Labels = {}): void {
    if (this.object(name) !== undefined) return;
    this.#lives += 1;
    this.#put(`${OBJECTS_PATH}/${name}`, {
      apiVersion: 'example.com/v1',
      kind: 'Application',
      metadata: { name, namespace: 'shop', uid: `${name}-${this.#lives}`, generation: 1, labels },
      spec,
    });
  }

  /** Another spec is another generation. Does nothing where there is no such object, or where nothing changes. */
  edit(name: string, spec: unknown): void {
    const object = this.object(name);
    if (object === undefined || JSON.stringify(object['spec']) === JSON.stringify(spec)) return;
    this.#change(name, { generation: (object.metadata.generation ?? 0) + 1 }, { spec });
  }

  label(name: string, labels: Labels): void {
    this.#change(name, { labels });
  }

  annotate(name: string, annotations: Labels): void {
    this.#change(name, { annotations });
  }

  /** Deletes it while somebody else's finalizer holds it; `remove` takes that away. */
  terminate(name: string): void {
    const object = this.object(name);
    if (object === undefined || object.metadata.deletionTimestamp !== undefined) return;
    this.#change(name, { ...going(object), finalizers: [...(object.metadata.finalizers ?? []), HOLD] });
  }

  /** Somebody else's statement about the status, taken by force. */
  async status(name: string, status: unknown, manager = 'other'): Promise<void> {
    const path = `${OBJECTS_PATH}/${name}`;
    if (this.find(path) === undefined) return;
    const body = { apiVersion: 'example.com/v1', kind: 'Application', metadata: { name }, status };
    await this.server.applyAs(manager, `${path}/status`, body);
  }

  /** Puts a child there, or changes it, as somebody else does. */
  child(
    name: string,
    data: unknown,
    owners: readonly Pick<KubeObject, 'metadata'>[] = [],
    labels: Labels = {},
  ): void {
    const path = `${CHILDREN_PATH}/${name}`;
    const known = this.find(path);
    this.#lives += known === undefined ? 1 : 0;
    const ownerReferences = owners.map(({ metadata: { name: owner, uid } }): OwnerReference => ({
      apiVersion: 'example.com/v1',
      kind: 'Application',
      name: owner,
      uid,
    }));
    const fresh = { name, namespace: 'shop', uid: `${name}-${this.#lives}`, ownerReferences, labels };
    this.#put(path, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      ...known,
      metadata: known === undefined ? fresh : withoutData(known.metadata),
      data,
    });
  }

  /** Deletes it; with finalizers it stays until they are gone. */
  remove(path: string): void {
    const object = this.find(path);
    if (object === undefined) return;
    const finalizers = (object.metadata.finalizers ?? []).filter((one) => one !== HOLD);
    const metadata = { ...object.metadata, ...going(object), finalizers };
    if (finalizers.length === 0) {
      this.server.objects.delete(path);
      this.#note(path);
    } else if (JSON.stringify(metadata) !== JSON.stringify(object.metadata)) {
      this.#put(path, { ...object, metadata });
    }
  }

  #change(name: string, metadata: object, rest: object = {}): void {
    const object = this.object(name);
    if (object === undefined) return;
    this.#put(`${OBJECTS_PATH}/${name}`, {
      ...object,
      ...rest,
      metadata: { ...object.metadata, ...metadata },
    });
  }

  #put(path: string, object: object): void {
    this.server.put(path, object);
    this.#note(path);
  }

  /** Tells what has become of an object since; a write that changed nothing is none. */
  #note(path: string, own = false): void {
    const before = this.#noted.get(path);
    let after = this.find(path);
    if (after?.metadata.resourceVersion === before?.metadata.resourceVersion) return;
    // A version of its own for a deletion: any other write takes one.
    this.#version = (after ?? this.server.put('/deleted', { metadata: {} })).metadata.resourceVersion;
    this.server.objects.delete('/deleted');
    after = structuredClone(after);
    if (after === undefined) this.#noted.delete(path);
    else this.#noted.set(path, after);
    if (after !== undefined) this.states.set(`${after.metadata.uid} ${this.#version}`, after);
    const collection = path.slice(0, path.lastIndexOf('/'));
    const change = { collection, before, after, resourceVersion: this.#version, own };
    for (const tell of this.listeners) tell(change);
  }

  async #travel(signal: AbortSignal | undefined): Promise<void> {
    const ms = this.latencyMs();
    if (ms > 0) await this.#clock.sleep(ms, signal);
  }
}

/** Whoever has stated the data before owns it no longer. */
function withoutData(metadata: KubeObject['metadata']): KubeObject['metadata'] {
  const managedFields = (metadata.managedFields ?? []).map(({ fieldsV1 = {}, ...entry }) => {
    const { 'f:data': _data, ...fields } = fieldsV1;
    return { ...entry, fieldsV1: fields };
  });
  return { ...metadata, managedFields };
}

/** Somebody else's finalizer. */
const HOLD = 'example.com/hold';

/** What a deletion changes first. */
function going({ metadata }: KubeObject): Pick<KubeObject['metadata'], 'generation' | 'deletionTimestamp'> {
  if (metadata.deletionTimestamp !== undefined) return {};
  return { generation: (metadata.generation ?? 0) + 1, deletionTimestamp: '2026-01-01T00:00:00Z' };
}
