/** The resources that an API server serves: built in, or by CustomResourceDefinitions. */
import { BUILT_IN_KINDS } from './built-in-kinds.ts';
import { isObject, type Json } from './json.ts';
import { objectSchema, type Schema } from './schema.ts';

export interface ServedKind {
  readonly group: string;
  readonly version: string;
  /** `group/version`, or `v1`. */
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  readonly statusSubresource: boolean;
  /** Has `metadata.generation`, which counts changes outside of metadata and status. */
  readonly generation: boolean;
  /** By a CustomResourceDefinition: undeclared fields are pruned, an update has to say which version it replaces. */
  readonly custom: boolean;
  /** Of a whole object, metadata included. */
  readonly schema: Schema;
  /** As in `spec.tier`. */
  readonly selectableFields: readonly string[];
  /** `<plural>.<group>`: what objects of every version are kept under. */
  readonly resource: string;
}

export const CRD_RESOURCE = 'customresourcedefinitions.apiextensions.k8s.io';

/** What is served now, by `group/version` and plural. */
export class KindRegistry {
  readonly #kinds = new Map<string, ServedKind>();
  /** By the name of the CRD. */
  readonly #custom = new Map<string, readonly ServedKind[]>();

  #generation = 0;

  constructor() {
    for (const kind of BUILT_IN_KINDS) this.#kinds.set(`${kind.apiVersion}/${kind.plural}`, kind);
  }

  /** Grows with every change. */
  get generation(): number {
    return this.#generation;
  }

  find(apiVersion: string, plural: string): ServedKind | undefined {
    return this.#kinds.get(`${apiVersion}/${plural}`);
  }

  all(): readonly ServedKind[] {
    return [...this.#kinds.values()];
  }

  /** Every served version of a resource. */
  versionsOf(resource: string): readonly ServedKind[] {
    return this.all().filter((kind) => kind.resource === resource);
  }

  /** Serves what a CRD says from now on; undefined: it is gone. */
  define(name: string, crd: Json | undefined): void {
    this.#generation += 1;
    for (const { apiVersion, plural } of this.#custom.get(name) ?? []) {
      this.#kinds.delete(`${apiVersion}/${plural}`);
    }
    const served = crd === undefined ? [] : customKinds(crd);
    this.#custom.set(name, served);
    for (const kind of served) this.#kinds.set(`${kind.apiVersion}/${kind.plural}`, kind);
  }
}

function customKinds({ spec }: Json): readonly ServedKind[] {
  const { group, names, scope, versions } = spec as Json;
  return (versions as Json[])
    .filter(({ served }) => served !== false)
    .map((version) => ({
      group,
      version: version['name'],
      apiVersion: `${group}/${version['name']}`,
      kind: names.kind,
      plural: names.plural,
      singular: names.singular ?? names.kind.toLowerCase(),
      shortNames: names.shortNames ?? [],
      categories: names.categories ?? [],
      namespaced: scope !== 'Cluster',
      statusSubresource: isObject(version['subresources']?.status),
      generation: true,
      custom: true,
      schema: objectSchema((version['schema']?.openAPIV3Schema as Schema | undefined) ?? {}),
      selectableFields: ((version['selectableFields'] ?? []) as { jsonPath: string }[]).map(({ jsonPath }) =>
        jsonPath.replace(/^\./, ''),
      ),
      resource: `${names.plural}.${group}`,
    }));
}
