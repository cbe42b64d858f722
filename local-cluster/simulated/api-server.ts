import type { Clock } from '../../forwarder/lib/clock.ts';
import type { Random } from '../../forwarder/lib/random.ts';
import { ClusterState } from './cluster-state.ts';
import { listed, listText, type ListOptions } from './collection.ts';
import { discoveryHeaders, discoveryText } from './discovery-documents.ts';
import type { Fault } from './fault.ts';
import { isObject, type Json, readJson } from './json.ts';
import { CRD_RESOURCE } from './kinds.ts';
import type { ObjectStore, Stored } from './object-store.ts';
import type { WriteOptions } from './object-writer.ts';
import { PATCH_TYPES } from './patches.ts';
import { objectOf, textOf, viewOf } from './representation.ts';
import {
  JSON_HEADERS,
  type ResourcePath,
  resourcePath,
  type SimulatedAnswer,
  type SimulatedReply,
  type SimulatedRequest,
  storeKey,
} from './request.ts';
import { reviewText } from './reviews.ts';
import { selectorOf } from './selectors.ts';
import { noResource, notFound, StatusError } from './status-error.ts';
import { Watch } from './watch.ts';
import { WatchCache } from './watch-cache.ts';

const BOOKMARK_EVERY_MS = 60_000;

export interface SimulatedApiServerOptions {
  readonly clock: Clock;
  /** For uids and generated names. @defaultValue Math.random */
  readonly random?: Random;
  /** Another API server of the same cluster: one etcd, and a cache of its own. */
  readonly peer?: SimulatedApiServer;
  /** Namespaces there are from the start, beside those every cluster has. Not with `peer`. */
  readonly namespaces?: readonly string[];
  /** How much history is kept. Infinity: until `store.compact()`. Not with `peer`. @defaultValue 5 minutes */
  readonly compactionIntervalMs?: number;
  /** Infinity: none. @defaultValue 1 minute */
  readonly bookmarkEveryMs?: number;
}

/**
 * A model of one kube-apiserver over a model of etcd: what it answers depends on the requests, the clock and the random
 * numbers alone. It passes the contract suite of the real one.
 *
 * Not modelled: authentication and authorization (every request may do anything), admission, CEL rules of CRDs,
 * conversion webhooks, foreground deletion, protobuf and tables.
 */
export class SimulatedApiServer {
  readonly state: ClusterState;
  /** What this API server knows of etcd; `cache.lagMs` makes it stale. */
  readonly cache: WatchCache;
  /** No connection is accepted. Set by a test; `down()` ends those there are, too. */
  refusing: boolean = false;
  /** Asked before each request. */
  fault: (request: SimulatedRequest) => Fault | undefined = () => undefined;
  readonly #clock: Clock;
  readonly #bookmarkEveryMs: number;
  readonly #watches = new Map<Watch, string>();

  constructor(options: SimulatedApiServerOptions) {
    const { clock, random = Math.random, peer } = options;
    this.#clock = clock;
    this.#bookmarkEveryMs = options.bookmarkEveryMs ?? BOOKMARK_EVERY_MS;
    this.state = peer?.state ?? new ClusterState({ ...options, clock, random });
    this.cache = new WatchCache({ store: this.store, clock });
    // A watch ends when its kind is changed or gone.
    this.cache.subscribe(CRD_RESOURCE, ({ before, after, shown }) => {
      if (before === undefined || before.object['spec'] === after?.object['spec']) return;
      const { names, group } = shown.object['spec'] as Json;
      this.#each((watch) => watch.end(), `${names.plural}.${group}`);
    });
  }

  /** The model of etcd. */
  get store(): ObjectStore {
    return this.state.store;
  }

  /** Open watches. */
  get watching(): number {
    return this.#watches.size;
  }

  /** The answer to one request. Never throws; what is wrong is a Status. */
  handle(request: SimulatedRequest): SimulatedAnswer {
    try {
      return this.#route(request);
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      return refusal(error);
    }
  }

  /** Ends every watch: `end` as a server does that shuts down, `lost` as a network does, `stall` by silence. */
  breakWatches(how: 'end' | 'lost' | 'stall'): void {
    this.#each((watch) => (how === 'end' ? watch.end() : how === 'lost' ? watch.cut() : watch.stall()));
  }

  #each(act: (watch: Watch) => void, resource?: string): void {
    for (const [watch, of] of Array.from(this.#watches))
      if (resource === undefined || of === resource) act(watch);
  }

  #route(request: SimulatedRequest): SimulatedAnswer {
    const { method, path } = request;
    if (method === 'GET') {
      const text = discoveryText(path, request.headers['accept'], this.state.kinds);
      if (text !== undefined)
        return { status: 200, headers: discoveryHeaders(path, request.headers), body: text };
    }
    if (method === 'POST') {
      const text = reviewText(request, this.#clock);
      if (text !== undefined) return reply(201, text);
    }
    const at = resourcePath(path, this.state.kinds);
    if (at === undefined) throw noResource();
    if (at.subresource !== undefined && (at.subresource !== 'status' || !at.kind.statusSubresource)) {
      throw noResource();
    }
    switch (method) {
      case 'GET':
        return this.#read(at, request);
      case 'POST':
      case 'PUT':
      case 'PATCH':
      case 'DELETE': {
        const answer = this.#write(at, request);
        if (at.kind.resource === CRD_RESOURCE || method === 'DELETE' || method === 'PUT') this.state.settle();
        return answer;
      }
      default:
        throw new StatusError(405, 'the server does not allow this method on the requested resource');
    }
  }

  #read(at: ResourcePath, { query, headers }: SimulatedRequest): SimulatedAnswer {
    const view = viewOf(at.kind, headers['accept']);
    const { store, cache } = this;
    const isWatch = query['watch'] === 'true' || query['watch'] === '1';
    if (at.name !== '' && !isWatch) {
      const key = storeKey(at.namespace, at.name);
      const from = (query['resourceVersion'] ?? '') === '' ? store : cache;
      const stored = from.get(at.kind.resource, key);
      if (stored === undefined) throw notFound(at.kind, at.name);
      return reply(200, `${textOf(stored, view)}\n`);
    }
    const options = this.#listOptions(at, query, view);
    if (!isWatch) return reply(200, listText(options));
    const watch: Watch = new Watch(
      { ...options, clock: this.#clock, bookmarkEveryMs: this.#bookmarkEveryMs },
      () => void this.#watches.delete(watch),
    );
    this.#watches.set(watch, at.kind.resource);
    try {
      return watch.start();
    } catch (error) {
      watch.stream.destroy();
      throw error;
    }
  }

  #listOptions(
    at: ResourcePath,
    query: Readonly<Record<string, string>>,
    view: ListOptions['view'],
  ): ListOptions {
    const { store, cache } = this;
    const named = at.name === '' ? undefined : storeKey(at.namespace, at.name);
    const keyPrefix = at.namespace === '' ? '' : storeKey(at.namespace, '');
    const selected = selectorOf(query, at.kind);
    const isNamed = (object: Json): boolean => object['metadata'].name === at.name;
    const selector =
      named === undefined
        ? selected
        : (object: Json): boolean => isNamed(object) && (selected === undefined || selected(object));
    return { view, keyPrefix, selector, query, store, cache };
  }

  #write(at: ResourcePath, request: SimulatedRequest): SimulatedReply {
    const { method, query, headers } = request;
    const { kind, name } = at;
    const { writer } = this.state;
    const type = (headers['content-type'] ?? '').split(';')[0]?.trim() ?? '';
    const agent = (headers['user-agent'] ?? '').split('/')[0] as string;
    const options: WriteOptions = {
      fieldManager: query['fieldManager'] ?? (type === PATCH_TYPES.apply ? '' : agent),
      force: query['force'] === 'true',
      dryRun: query['dryRun'] === 'All',
    };
    const view = viewOf(kind, headers['accept']);
    const shown = (object: Json): string => {
      const { name: of, namespace = '' } = object['metadata'] as Json;
      const stored = this.store.get(kind.resource, storeKey(namespace, of));
      return `${stored?.object === object ? textOf(stored, view) : JSON.stringify(objectOf(object, view))}\n`;
    };
    if (method === 'DELETE') return this.#delete(at, request);
    // Clients in Go send some kinds like this.
    if (type === 'application/vnd.kubernetes.protobuf') {
      throw new StatusError(415, 'the simulated API server reads JSON only, and no protobuf');
    }
    const body = parseBody(request.body);
    if (method === 'PATCH') {
      if (name === '') throw notAllowed();
      const { object, created } = writer.patch(at, type, body, options);
      return reply(created ? 201 : 200, shown(object));
    }
    if (!isObject(body)) throw new StatusError(400, 'the body of the request is no object');
    if (method === 'POST') {
      if (name !== '') throw notAllowed();
      if (kind.namespaced && at.namespace === '') throw notAllowed();
      return reply(201, shown(writer.create(at, body, options)));
    }
    if (name === '') throw notAllowed();
    return reply(200, shown(writer.update(at, body, options)));
  }

  #delete(at: ResourcePath, { query, body: text, headers }: SimulatedRequest): SimulatedReply {
    const { kind, name } = at;
    const { writer } = this.state;
    if (at.subresource !== undefined) throw notAllowed();
    const parsed = text === undefined || text === '' ? {} : parseBody(text);
    const body = isObject(parsed) ? parsed : {};
    const dryRun = query['dryRun'] === 'All';
    const view = viewOf(kind, headers['accept']);
    if (name === '') {
      const options = this.#listOptions(at, query, view);
      const going: readonly Stored[] = listed(options, this.store.list(kind.resource));
      const answer = listText(options);
      for (const { object } of going) {
        const { name: one, namespace = '' } = object['metadata'] as Json;
        writer.delete({ ...at, name: one, namespace }, { ...body, preconditions: undefined }, { dryRun });
      }
      return reply(200, answer);
    }
    const uid = this.store.get(kind.resource, storeKey(at.namespace, name))?.object['metadata']
      .uid as unknown;
    const left = writer.delete(at, body['preconditions'] === null ? {} : body, { dryRun });
    if (left !== undefined) return reply(200, `${JSON.stringify(objectOf(left, view))}\n`);
    const details = { name, ...(kind.group !== '' && { group: kind.group }), kind: kind.plural, uid };
    return reply(
      200,
      `${JSON.stringify({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details })}\n`,
    );
  }
}

function reply(status: number, body: string): SimulatedReply {
  return { status, headers: JSON_HEADERS, body };
}

/** The answer that an error is. */
export function refusal(error: StatusError): SimulatedReply {
  const seconds = error.details?.retryAfterSeconds;
  const headers = seconds === undefined ? JSON_HEADERS : { ...JSON_HEADERS, 'retry-after': String(seconds) };
  return { status: error.code, headers, body: error.body() };
}

function notAllowed(): StatusError {
  return new StatusError(405, 'the server does not allow this method on the requested resource');
}

function parseBody(text: string | undefined): unknown {
  try {
    return readJson(text ?? '');
  } catch (error) {
    throw new StatusError(400, `the body of the request is no JSON: ${(error as Error).message}`);
  }
}
