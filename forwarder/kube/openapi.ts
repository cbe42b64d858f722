import type { Clock } from '../lib/clock.ts';
import { ApiError } from '../lib/errors.ts';
import type { KindSchema } from '../model/kind-schema.ts';
import type { KubeClient } from '../model/kube-client.ts';
import type { Resource } from '../model/resource.ts';
import { kindSchema, type OpenApiSchema, type OpenApiSchemas, referenceOf } from './schema-node.ts';

/** After this time the index is looked at again: a schema may have gained fields that were left out before. */
const INDEX_MAX_AGE_MS = 60_000;

interface KnownKind {
  /** URL of the group version's document; its hash changes with the content. */
  readonly url: string;
  readonly schema: KindSchema;
}

/** The schemas of kinds, from the API server's OpenAPI v3 documents. */
export class OpenApi {
  readonly #client: KubeClient;
  readonly #clock: Clock;
  readonly #kinds = new Map<string, KnownKind>();
  /** Documents being read, of up to a megabyte each: whoever asks meanwhile waits for the same. */
  readonly #reading = new Map<string, Promise<KindSchema | undefined>>();
  #index: { readonly urls: Promise<ReadonlyMap<string, string>>; readonly atMs: number } | undefined;

  constructor(options: { readonly client: KubeClient; readonly clock: Clock }) {
    this.#client = options.client;
    this.#clock = options.clock;
  }

  /**
   * The schema of a kind; undefined where the server publishes none (for a new kind that may take a second).
   * `fresh`: as the server has it now, not as it was up to a minute ago. Throws ApiError.
   */
  async schemaOf(
    resource: Pick<Resource, 'group' | 'version' | 'kind'>,
    options: { readonly fresh?: boolean } = {},
  ): Promise<KindSchema | undefined> {
    const { group, version, kind } = resource;
    const folder = group === '' ? `api/${version}` : `apis/${group}/${version}`;
    const url = (await this.#urls(options.fresh ?? false)).get(folder);
    const name = `${folder}/${kind}`;
    if (url === undefined) {
      this.#kinds.delete(name);
      this.#index = undefined;
      return undefined;
    }
    const known = this.#kinds.get(name);
    if (known?.url === url) return known.schema;
    const schema = await this.#readOnce(url, resource);
    if (schema === undefined) this.#kinds.delete(name);
    else this.#kinds.set(name, { url, schema });
    return schema;
  }

  #urls(fresh: boolean): Promise<ReadonlyMap<string, string>> {
    const nowMs = this.#clock.monotonic();
    if (this.#index === undefined || fresh || nowMs - this.#index.atMs > INDEX_MAX_AGE_MS) {
      const index = { urls: this.#readIndex(), atMs: nowMs };
      this.#index = index;
      index.urls.catch(() => void (this.#index = this.#index === index ? undefined : this.#index));
    }
    return this.#index.urls;
  }

  async #readIndex(): Promise<ReadonlyMap<string, string>> {
    const text = await this.#get('/openapi/v3');
    if (text === undefined) return new Map();
    const { paths } = JSON.parse(text) as {
      readonly paths: Readonly<Record<string, { readonly serverRelativeURL: string }>>;
    };
    return new Map(
      Object.entries(paths).map(([folder, { serverRelativeURL }]) => [folder, serverRelativeURL]),
    );
  }

  #readOnce(url: string, resource: Parameters<OpenApi['schemaOf']>[0]): Promise<KindSchema | undefined> {
    const key = `${url} ${resource.kind}`;
    const running = this.#reading.get(key);
    if (running !== undefined) return running;
    const reading = this.#read(url, resource).finally(() => this.#reading.delete(key));
    this.#reading.set(key, reading);
    return reading;
  }

  async #read(
    url: string,
    { group, version, kind }: Pick<Resource, 'group' | 'version' | 'kind'>,
  ): Promise<KindSchema | undefined> {
    const text = await this.#get(url);
    if (text === undefined) return undefined;
    const { components } = JSON.parse(text) as {
      readonly components?: { readonly schemas?: OpenApiSchemas };
    };
    const schemas = components?.schemas ?? {};
    const root = Object.values(schemas).find((schema) => isKind(schema, group, version, kind));
    return root === undefined ? undefined : kindSchema(root, reachable(root, schemas));
  }

  /** Undefined for 404. */
  async #get(url: string): Promise<string | undefined> {
    const { pathname, searchParams } = new URL(url, 'http://api');
    try {
      const query = Object.fromEntries(searchParams);
      return (await this.#client.request({ method: 'GET', path: pathname, query })).text;
    } catch (error) {
      if (error instanceof ApiError && error.code === 'API_NOT_FOUND') return undefined;
      throw error;
    }
  }
}

function isKind(schema: OpenApiSchema, group: string, version: string, kind: string): boolean {
  const kinds = schema['x-kubernetes-group-version-kind'];
  return (
    Array.isArray(kinds) &&
    kinds.some((entry: Readonly<Record<string, unknown>>) => {
      return entry['group'] === group && entry['version'] === version && entry['kind'] === kind;
    })
  );
}

/** The schemas that a kind can lead to: a document holds those of every kind of its group, up to a megabyte. */
function reachable(root: OpenApiSchema, schemas: OpenApiSchemas): OpenApiSchemas {
  const found: Record<string, OpenApiSchema> = {};
  const visit = (schema: OpenApiSchema): void => {
    const name = referenceOf(schema);
    const target = name === undefined ? undefined : schemas[name];
    if (name !== undefined && target !== undefined && found[name] === undefined) {
      found[name] = target;
      visit(target);
    }
    for (const property of Object.values(schema.properties ?? {})) visit(property);
    if (schema.items !== undefined) visit(schema.items);
    if (typeof schema.additionalProperties === 'object') visit(schema.additionalProperties);
  };
  visit(root);
  return found;
}
