/** The kinds and namespaces in which the contract of API servers is tried. */
import { type Answer, ApiUnderTest, type Asked, type Loose } from './api-under-test.ts';

export interface RunningApiServer {
  readonly server: string;
  readonly token: string;
  readonly caPem: string;
  /** Nobody can resume from before now any more. */
  forget(): Promise<void>;
  stop(): Promise<void>;
}

const GROUP = 'contract.example.com';
const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const SERVED_WITHIN_MS = 20_000;

const text = { type: 'string' };
const integer = { type: 'integer' };
const condition = {
  type: 'object',
  required: ['type', 'status'],
  properties: { type: text, status: text, reason: text, message: text, lastTransitionTime: text },
};

/** Merges by key, or not. */
function status(conditions: object): object {
  return {
    type: 'object',
    properties: {
      phase: text,
      replicas: integer,
      conditions: { type: 'array', items: condition, ...conditions },
    },
  };
}

const BY_TYPE = { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] };

const SPEC = {
  type: 'object',
  properties: {
    size: { type: 'integer', minimum: 0 },
    tier: { type: 'string', enum: ['gold', 'silver', 'lead'] },
    color: { type: 'string', default: 'grey' },
    big: { type: 'integer', format: 'int64' },
    labels: { type: 'object', additionalProperties: text },
    free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
    list: { type: 'array', items: text },
    set: { type: 'array', items: text, 'x-kubernetes-list-type': 'set' },
    ports: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
      items: { type: 'object', required: ['name'], properties: { name: text, number: integer } },
    },
  },
};

interface KindOf {
  readonly plural: string;
  readonly kind: string;
  readonly statusSubresource?: boolean;
  readonly conditions?: object;
  readonly spec?: object;
}

export function crd({
  plural,
  kind,
  statusSubresource = true,
  conditions = BY_TYPE,
  spec = SPEC,
}: KindOf): Loose {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${GROUP}` },
    spec: {
      group: GROUP,
      scope: 'Namespaced',
      names: { plural, singular: kind.toLowerCase(), kind, listKind: `${kind}List` },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          ...(statusSubresource && { subresources: { status: {} } }),
          ...(spec === SPEC && { selectableFields: [{ jsonPath: '.spec.tier' }] }),
          schema: { openAPIV3Schema: { type: 'object', properties: { spec, status: status(conditions) } } },
        },
      ],
    },
  };
}

export class ApiWorld {
  readonly api: ApiUnderTest;
  readonly forget: () => Promise<void>;
  readonly #prefix: string;
  #count = 0;

  /** @param prefix of the namespaces, where two worlds share one server */
  constructor(running: RunningApiServer, prefix = 'ns') {
    this.#prefix = prefix;
    this.api = new ApiUnderTest(running);
    this.forget = () => running.forget();
  }

  /** Widgets with a status; gauges, whose conditions are one value; plains, whose status is part of the object. */
  async install(): Promise<void> {
    await this.define(crd({ plural: 'widgets', kind: 'Widget' }));
    await this.define(crd({ plural: 'gauges', kind: 'Gauge', conditions: {} }));
    await this.define(crd({ plural: 'plains', kind: 'Plain', statusSubresource: false }));
  }

  /** Creates a CRD, and resolves when it is served. */
  async define(definition: Loose): Promise<void> {
    const { status: code, body } = await this.api.ask('POST', CRDS, { body: definition });
    // It may be there already: two worlds may share a server.
    if (code !== 201 && code !== 409) throw new Error(`CRD: ${code} ${JSON.stringify(body)}`);
    await this.served(definition.spec.names.plural, (answer) => answer.status === 200);
  }

  /** Waits until a list of a kind is answered as wished. */
  async served(plural: string, ready: (answer: Answer) => boolean): Promise<void> {
    const endMs = performance.now() + SERVED_WITHIN_MS;
    for (;;) {
      const answer = await this.api.ask('GET', `/apis/${GROUP}/v1/namespaces/default/${plural}`);
      if (ready(answer)) return;
      if (performance.now() > endMs)
        throw new Error(`${plural}: ${answer.status} ${JSON.stringify(answer.body)}`);
    }
  }

  crdPath(plural: string): string {
    return `${CRDS}/${plural}.${GROUP}`;
  }

  /** A namespace that nobody else uses. */
  async namespace(): Promise<string> {
    const name = `${this.#prefix}-${++this.#count}`;
    const { status: code } = await this.api.ask('POST', '/api/v1/namespaces', {
      body: { metadata: { name } },
    });
    if (code !== 201) throw new Error(`namespace: ${code}`);
    return name;
  }

  /** A collection in a new namespace. */
  async collection(plural = 'widgets'): Promise<Collection> {
    return new Collection(this.api, await this.namespace(), plural);
  }
}

const KINDS: Readonly<Record<string, string>> = { widgets: 'Widget', gauges: 'Gauge', plains: 'Plain' };

/** One kind in one namespace. */
export class Collection {
  readonly api: ApiUnderTest;
  readonly namespace: string;
  readonly path: string;
  readonly #kind: string;

  constructor(api: ApiUnderTest, namespace: string, plural: string) {
    this.api = api;
    this.namespace = namespace;
    this.path =
      plural === 'configmaps'
        ? `/api/v1/namespaces/${namespace}/configmaps`
        : `/apis/${GROUP}/v1/namespaces/${namespace}/${plural}`;
    this.#kind = KINDS[plural] ?? '';
  }

  /** A whole object. */
  object(name: string, rest: Loose = {}): Loose {
    const { metadata, ...content } = rest;
    const type =
      this.#kind === ''
        ? { apiVersion: 'v1', kind: 'ConfigMap' }
        : { apiVersion: `${GROUP}/v1`, kind: this.#kind };
    return { ...type, metadata: { name, ...metadata }, ...content };
  }

  post(name: string, rest: Loose = {}, asked: Asked = {}): Promise<Answer> {
    return this.api.ask('POST', this.path, { body: this.object(name, rest), ...asked });
  }

  /** The object that was made. */
  async make(name: string, rest: Loose = {}): Promise<Loose> {
    const { status: code, body } = await this.post(name, rest);
    if (code !== 201) throw new Error(`${code} ${JSON.stringify(body)}`);
    return body;
  }

  get(name: string, query: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.api.ask('GET', `${this.path}/${name}`, { query });
  }

  list(query: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.api.ask('GET', this.path, { query });
  }

  async names(query: Readonly<Record<string, string>> = {}): Promise<string[]> {
    const { body } = await this.list(query);
    return body.items.map((item: Loose) => item.metadata.name);
  }

  put(name: string, body: Loose): Promise<Answer> {
    return this.api.ask('PUT', `${this.path}/${name}`, { body });
  }

  merge(name: string, body: Loose): Promise<Answer> {
    return this.api.ask('PATCH', `${this.path}/${name}`, { body, type: 'application/merge-patch+json' });
  }

  json(name: string, body: Loose): Promise<Answer> {
    return this.api.ask('PATCH', `${this.path}/${name}`, { body, type: 'application/json-patch+json' });
  }

  /** Server-side apply; `name` may end in `/status`. */
  apply(
    name: string,
    rest: Loose,
    { manager = 'one', force = false }: { readonly manager?: string; readonly force?: boolean } = {},
  ): Promise<Answer> {
    const [own = ''] = name.split('/');
    return this.api.ask('PATCH', `${this.path}/${name}`, {
      query: { fieldManager: manager, ...(force && { force: 'true' }) },
      body: this.object(own, rest),
      type: 'application/apply-patch+yaml',
    });
  }

  remove(name: string, body?: Loose): Promise<Answer> {
    return this.api.ask('DELETE', `${this.path}/${name}`, body === undefined ? {} : { body });
  }
}

/** The fields that a manager owns, as `fieldsV1`; undefined where it owns none. */
export function ownedBy(object: Loose, manager: string): Loose {
  return object.metadata.managedFields?.find((entry: Loose) => entry.manager === manager)?.fieldsV1;
}
