/**
 * An API server in memory, as far as apply/ needs it: server-side apply with field ownership, `/status`, lists by
 * label, deletes with preconditions. It behaves as the real one was seen to; the integration tests hold the same
 * statements against that one.
 */
import assert from 'node:assert/strict';
import { ApiError, type ApiErrorCode } from '../../forwarder/lib/errors.ts';
import { equalJson } from '../../forwarder/lib/equal-json.ts';
import { parseExact } from '../../forwarder/lib/exact-json.ts';
import { FieldSet, keyElement } from '../../forwarder/lib/fields-v1.ts';
import type { KubeClient, KubeRequest, KubeResponse } from '../../forwarder/model/kube-client.ts';
import type { KindSchema, SchemaNode } from '../../forwarder/model/kind-schema.ts';
import type { KubeObject } from '../../forwarder/model/kube-object.ts';

// oxlint-disable-next-line typescript/no-explicit-any -- plain JSON, taken apart by tests
type Loose = any;
type Json = Record<string, Loose>;

export interface FakeKind {
  /** `/apis/example.com/v1/namespaces/shop/apps`: a collection, without a name. */
  readonly collection: string;
  readonly schema: SchemaNode;
  /** @defaultValue true */
  readonly statusSubresource?: boolean;
}

const CODES: Readonly<Record<number, ApiErrorCode>> = {
  401: 'API_UNAUTHORIZED',
  403: 'API_FORBIDDEN',
  404: 'API_NOT_FOUND',
  409: 'API_CONFLICT',
  422: 'API_INVALID',
  429: 'API_THROTTLED',
  503: 'API_UNAVAILABLE',
};

export function apiError(status: number, message: string, causes: ApiError['causes'] = []): ApiError {
  const code = CODES[status] ?? (/typed patch object/.test(message) ? 'API_INVALID' : 'API_UNAVAILABLE');
  return new ApiError(code, message, { status, causes });
}

export class FakeApplyServer implements KubeClient {
  readonly objects: Map<string, Json> = new Map();
  readonly requests: KubeRequest[] = [];
  /** Runs before each request; what it throws is the answer. */
  before: (request: KubeRequest) => void | Promise<void> = () => undefined;
  /** Called in the moment in which a request has had its effect. */
  after: (request: KubeRequest) => void = () => undefined;
  readonly #kinds: readonly FakeKind[];
  #version = 100;

  constructor(kinds: readonly FakeKind[]) {
    this.#kinds = kinds;
  }

  /** Requests that were writes, as `PATCH <path>`. */
  get writes(): string[] {
    return this.requests
      .filter(({ method }) => method !== 'GET')
      .map(({ method, path }) => `${method} ${path}`);
  }

  /** Puts an object there, as some manager's update would. */
  put(path: string, object: Json): KubeObject {
    const stored = structuredClone(object);
    stored['metadata'] = {
      uid: `uid-${path}`,
      generation: 1,
      ...stored['metadata'],
      resourceVersion: this.#next(),
    };
    this.objects.set(path, stored);
    return stored as KubeObject;
  }

  get(path: string): Json {
    const object = this.objects.get(path);
    assert.ok(object, `no object at ${path}`);
    return object;
  }

  /** Another manager's server-side apply with force. */
  async applyAs(manager: string, path: string, body: Json): Promise<void> {
    const count = this.requests.length;
    await this.request({
      method: 'PATCH',
      path,
      query: { fieldManager: manager, force: 'true' },
      contentType: 'application/apply-patch+yaml',
      body: JSON.stringify(body),
    });
    this.requests.length = count;
  }

  async request(request: KubeRequest): Promise<KubeResponse> {
    this.requests.push(request);
    await this.before(request);
    request.signal?.throwIfAborted();
    const response = this.#handle(request);
    this.after(request);
    return response;
  }

  #handle(request: KubeRequest): KubeResponse {
    const kind = this.#kinds.find(({ collection }) => request.path.startsWith(collection));
    if (kind === undefined) throw apiError(404, 'the server could not find the requested resource');
    if (request.path === kind.collection) return this.#list(kind, request);
    const status = request.path.endsWith('/status');
    if (status && kind.statusSubresource === false) throw apiError(404, 'not found');
    const path = status ? request.path.slice(0, -'/status'.length) : request.path;
    if (request.method === 'PATCH') return this.#apply(kind, path, status, request);
    const object = this.objects.get(path);
    if (object === undefined) throw apiError(404, `"${path}" not found`);
    if (request.method === 'DELETE') {
      const { preconditions = {} } = JSON.parse(request.body ?? '{}') as Json;
      const { uid, resourceVersion } = object['metadata'];
      if (
        (preconditions.uid ?? uid) !== uid ||
        (preconditions.resourceVersion ?? resourceVersion) !== resourceVersion
      ) {
        throw apiError(409, 'the precondition failed');
      }
      this.objects.delete(path);
    }
    return answer(object);
  }

  #list(kind: FakeKind, { query = {} }: KubeRequest): KubeResponse {
    const [label = '', value] = (query['labelSelector'] ?? '').split('=');
    const items = [...this.objects]
      .filter(([path]) => path.startsWith(kind.collection))
      .map(([, object]) => object)
      .filter(({ metadata }) => label === '' || metadata.labels?.[label] === value);
    // Lists of built-in kinds leave apiVersion and kind out of the items.
    return answer({ items: items.map(({ apiVersion: _a, kind: _k, ...rest }) => rest), metadata: {} });
  }

  #apply(kind: FakeKind, path: string, status: boolean, request: KubeRequest): KubeResponse {
    const body = parseExact(request.body ?? '') as Json;
    const { fieldManager: manager = '', force } = request.query ?? {};
    assert.equal(request.contentType, 'application/apply-patch+yaml');
    assert.ok(manager.length > 0 && manager.length <= 128);
    const live = this.objects.get(path);
    if (live === undefined && status) throw apiError(404, 'not found');
    if (live === undefined && body['metadata'].uid !== undefined) throw apiError(409, 'uid mismatch');
    if (
      live !== undefined &&
      !status &&
      (body['metadata'].uid ?? live['metadata'].uid) !== live['metadata'].uid
    ) {
      throw apiError(422, 'metadata.uid: field is immutable', [{ field: 'metadata.uid' }]);
    }
    const version = body['metadata'].resourceVersion;
    if (version !== undefined && version !== live?.['metadata'].resourceVersion) {
      throw apiError(409, 'the object has been modified');
    }
    const config = status ? onlyStatus(body) : withoutIdentity(body, kind.statusSubresource !== false);
    const tree = fieldsOf(config, kind.schema, '');
    const object: Json = structuredClone(live ?? this.#blank(path, body));
    const entries: Json[] = object['metadata'].managedFields ?? [];
    const subresource = status ? 'status' : undefined;
    const own = entries.find((entry) => entry['manager'] === manager && entry['subresource'] === subresource);
    for (const other of entries.filter((entry) => entry !== own)) {
      other['fieldsV1'] = without(other['fieldsV1'], tree, config, object, force === 'true') ?? {};
    }
    removeFields(
      object,
      own?.['fieldsV1'] ?? {},
      tree,
      entries.filter((entry) => entry !== own),
    );
    mergeFields(object, config, tree);
    const controllers = (object['metadata'].ownerReferences ?? []).filter(
      (owner: Json) => owner['controller'],
    );
    if (controllers.length > 1) {
      throw apiError(422, 'is invalid: metadata.ownerReferences', [{ field: 'metadata.ownerReferences' }]);
    }
    const rest = entries.filter((entry) => entry !== own && Object.keys(entry['fieldsV1']).length > 0);
    const entry = { manager, operation: 'Apply', ...(status && { subresource }), fieldsV1: tree };
    object['metadata'].managedFields = Object.keys(tree).length > 0 ? [...rest, entry] : rest;
    if (!equalJson(object, live)) object['metadata'].resourceVersion = this.#next();
    this.objects.set(path, object);
    return answer(object);
  }

  #blank(path: string, { apiVersion, kind, metadata }: Json): Json {
    const { name, namespace } = metadata;
    return {
      apiVersion,
      kind,
      metadata: { name, namespace, uid: `uid-${path}-${this.#version}`, generation: 1 },
    };
  }

  #next(): string {
    this.#version += 1;
    return String(this.#version);
  }
}

function answer(object: Json): KubeResponse {
  return { status: 200, text: JSON.stringify(object) };
}

function onlyStatus(body: Json): Json {
  return body['status'] === undefined ? {} : { status: body['status'] };
}

function withoutIdentity(body: Json, dropStatus: boolean): Json {
  const { apiVersion: _a, kind: _k, metadata, ...rest } = body;
  const { name: _n, namespace: _s, uid: _u, resourceVersion: _r, ...meta } = metadata;
  if (dropStatus) delete rest['status'];
  return { ...rest, ...(Object.keys(meta).length > 0 && { metadata: meta }) };
}

/** metadata as every kind has it. */
const METADATA: SchemaNode = {
  type: 'object',
  properties: {
    labels: { type: 'object', additionalProperties: { type: 'string' } },
    annotations: { type: 'object', additionalProperties: { type: 'string' } },
    ownerReferences: { listType: 'map', listMapKeys: ['uid'], items: { type: 'object', mapType: 'atomic' } },
  },
};

function child(node: SchemaNode | undefined, key: string, path: string): SchemaNode | undefined {
  if (path === '' && key === 'metadata') return METADATA;
  const field = node?.properties?.[key] ?? node?.additionalProperties;
  if (typeof field === 'object') return field;
  if (
    field === true ||
    node?.preserveUnknownFields === true ||
    (node !== undefined && node.properties === undefined)
  ) {
    return {};
  }
  throw apiError(500, `failed to create typed patch object: ${path}.${key}: field not declared in schema`);
}

/** The fieldsV1 of an applied value. */
function fieldsOf(value: unknown, node: SchemaNode | undefined, path: string): Json {
  if (Array.isArray(value)) {
    if (node?.listType !== 'map') return {};
    return Object.fromEntries(
      value.map((item: Json) => [
        keyElement(Object.fromEntries((node.listMapKeys ?? []).map((key) => [key, item[key]]))),
        node.items?.mapType === 'atomic' ? {} : { '.': {}, ...fieldsOf(item, node.items, `${path}[]`) },
      ]),
    );
  }
  if (typeof value !== 'object' || value === null || 'rawJSON' in value || node?.mapType === 'atomic')
    return {};
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      `f:${key}`,
      fieldsOf(item, child(node, key, path), `${path}.${key}`),
    ]),
  );
}

/** The list item or field that an element names. */
function pick(value: Loose, element: string): unknown {
  if (element.startsWith('f:')) {
    // A status may hold a field `valueOf`; what every object inherits is none.
    const field = element.slice(2);
    return value !== undefined && Object.hasOwn(value, field) ? value[field] : undefined;
  }
  const keys = JSON.parse(element.slice(2)) as Json;
  return (value ?? []).find((item: Json) =>
    Object.entries(keys).every(([key, wanted]) => item[key] === wanted),
  );
}

/** Another manager's fields, less those that this apply takes: leaves with another value, by force only. */
function without(theirs: Json, tree: Json, config: unknown, live: unknown, force: boolean): Json | undefined {
  const left = Object.entries(theirs).flatMap(([element, beneath]) => {
    const mine = tree[element];
    if (mine === undefined || element === '.') return [[element, beneath]];
    const stated = pick(config, element);
    const present = pick(live, element);
    const isLeaf = Object.keys(beneath).length === 0 || Object.keys(mine).length === 0;
    if (isLeaf) {
      if (equalJson(stated, present)) return [[element, beneath]];
      if (!force) throw apiError(409, `conflict with another manager: ${element}`);
      return [];
    }
    const rest = without(beneath, mine, stated, present, force);
    return rest === undefined ? [] : [[element, rest]];
  });
  return left.length === 0 ? undefined : Object.fromEntries(left);
}

/** Takes away what was owned, is no longer stated, and belongs to nobody else. */
function removeFields(live: Loose, before: Json, tree: Json, others: readonly Json[]): void {
  const union = FieldSet.union(others.map((entry) => entry['fieldsV1']));
  const walk = (value: Loose, old: Json, now: Json | undefined, path: string[]): void => {
    for (const [element, beneath] of Object.entries(old)) {
      if (element === '.') continue;
      const here = [...path, element];
      const kept = now?.[element];
      const item = pick(value, element);
      if (item !== undefined && Object.keys(beneath).length > 0) walk(item, beneath, kept, here);
      if (kept !== undefined || union.at(here) !== undefined) continue;
      const isEmptied =
        typeof item === 'object' && item !== null && Object.keys(item).length > 0 && !('.' in beneath);
      if (Object.keys(beneath).length > 0 && isEmptied) continue;
      if (element.startsWith('f:')) delete value[element.slice(2)];
      else value.splice(value.indexOf(item), 1);
    }
  };
  walk(live, before, tree, []);
}

/** Puts what is stated into the live object. */
function mergeFields(live: Loose, config: Loose, tree: Json): void {
  for (const [element, beneath] of Object.entries(tree)) {
    if (element === '.') continue;
    const stated = pick(config, element) as Loose;
    const present = pick(live, element) as Loose;
    // What was a text or a list and is a map now is replaced.
    const alike =
      typeof present === 'object' && present !== null && Array.isArray(present) === Array.isArray(stated);
    if (alike && Object.keys(beneath).length > 0) {
      mergeFields(present, stated, beneath);
    } else if (element.startsWith('f:')) {
      // Assigned, `__proto__` would be no field.
      const field = { value: stated, enumerable: true, writable: true, configurable: true };
      Object.defineProperty(live, element.slice(2), field);
    } else if (present === undefined) {
      live.push(stated);
    } else {
      live.splice(live.indexOf(present), 1, stated);
    }
  }
}

/** A KindSchema over one node. */
export function kindSchema(root: SchemaNode): KindSchema {
  return {
    field: (path) => path.reduce<SchemaNode | undefined>((node, key) => node?.properties?.[key], root),
  };
}
