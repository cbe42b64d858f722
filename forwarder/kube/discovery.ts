import { ApiError } from '../lib/errors.ts';
import type { KubeClient } from '../model/kube-client.ts';
import { parseApiVersion, type Resource } from '../model/resource.ts';

interface ApiResource {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly verbs?: readonly string[];
}

/**
 * What the API server calls a kind: asked once per group version, kept until `invalidate`. A kind that was not found is
 * asked for again every time, because it may be installed later.
 */
export class Discovery {
  readonly #client: KubeClient;
  readonly #versions = new Map<string, Promise<ReadonlyMap<string, Resource>>>();

  constructor(client: KubeClient) {
    this.#client = client;
  }

  /** Undefined where the group version, or the kind in it, is not served. Throws ApiError where that cannot be told. */
  async resolve(apiVersion: string, kind: string): Promise<Resource | undefined> {
    let asked = this.#versions.get(apiVersion);
    if (asked === undefined) {
      const asking = this.#ask(apiVersion);
      this.#versions.set(apiVersion, asking);
      asked = asking;
      const forget = (): void => {
        if (this.#versions.get(apiVersion) === asking) this.#versions.delete(apiVersion);
      };
      asking.then((kinds) => kinds.has(kind) || forget(), forget);
    }
    const resource = (await asked).get(kind);
    if (resource === undefined) this.invalidate(apiVersion);
    return resource;
  }

  /** Forgets what was learned of a group version: something in it is gone, or has come. */
  invalidate(apiVersion: string): void {
    this.#versions.delete(apiVersion);
  }

  async #ask(apiVersion: string): Promise<ReadonlyMap<string, Resource>> {
    const { group, version } = parseApiVersion(apiVersion);
    const path = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
    let text: string;
    try {
      ({ text } = await this.#client.request({ method: 'GET', path }));
    } catch (error) {
      if (error instanceof ApiError && error.code === 'API_NOT_FOUND') return new Map();
      throw error;
    }
    return readResources(text, group, version);
  }
}

function readResources(text: string, group: string, version: string): ReadonlyMap<string, Resource> {
  const list = JSON.parse(text) as { readonly resources?: readonly ApiResource[] | null };
  const entries = list.resources ?? [];
  const names = new Set(entries.map(({ name }) => name));
  const kinds = new Map<string, Resource>();
  for (const { name: plural, kind, namespaced, verbs = [] } of entries) {
    // Subresources have a slash; kinds that cannot be listed and watched (reviews, bindings) are no sources.
    if (plural.includes('/') || !verbs.includes('list') || !verbs.includes('watch') || kinds.has(kind))
      continue;
    const statusSubresource = names.has(`${plural}/status`);
    kinds.set(kind, { group, version, kind, plural, namespaced, statusSubresource });
  }
  return kinds;
}
