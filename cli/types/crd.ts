/** CustomResourceDefinitions as far as they describe objects: what is read of one, and out of which text. */
import { loadAll } from 'js-yaml';
import { ConfigError, foreignText, messageOf } from '../../forwarder/lib/errors.ts';

/** A schema as CRDs have them: OpenAPI v3 as far as it is structural. */
export interface CrdSchema {
  readonly type?: string;
  readonly description?: string;
  readonly format?: string;
  readonly nullable?: boolean;
  readonly default?: unknown;
  readonly example?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: boolean;
  readonly exclusiveMaximum?: boolean;
  readonly multipleOf?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: CrdSchema;
  readonly properties?: Readonly<Record<string, CrdSchema>>;
  readonly required?: readonly string[];
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly additionalProperties?: CrdSchema | boolean;
  readonly allOf?: readonly CrdSchema[];
  readonly anyOf?: readonly CrdSchema[];
  readonly oneOf?: readonly CrdSchema[];
  readonly not?: CrdSchema;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-embedded-resource'?: boolean;
  readonly 'x-kubernetes-list-type'?: string;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-validations'?: readonly { readonly rule: string; readonly message?: string }[];
}

export interface CrdVersion {
  readonly name: string;
  readonly served: boolean;
  readonly storage: boolean;
  readonly schema?: { readonly openAPIV3Schema?: CrdSchema };
  readonly subresources?: { readonly status?: unknown };
}

export interface Crd {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly group: string;
    readonly scope: string;
    readonly names: {
      readonly kind: string;
      readonly plural: string;
      readonly singular?: string;
      readonly shortNames?: readonly string[];
    };
    readonly versions: readonly CrdVersion[];
  };
}

const API_VERSION = 'apiextensions.k8s.io/v1';

/**
 * Every CRD in a text of YAML or JSON: one or several documents, Lists among them; what else is there is passed over.
 *
 * @param file names the text in errors
 * @throws ConfigError for broken text, a CRD without what it needs, and a text without CRDs
 */
export function readCrds(text: string, file: string): readonly Crd[] {
  let documents: unknown[];
  try {
    documents = loadAll(text);
  } catch (error) {
    throw new ConfigError('CONFIG_INVALID', file, messageOf(error));
  }
  const found = documents.flatMap(itemsOf).filter((one) => one['kind'] === 'CustomResourceDefinition');
  if (found.length === 0) throw new ConfigError('CONFIG_INVALID', file, 'holds no CustomResourceDefinition');
  return found.map((one) => checkCrd(one, file));
}

/** The version to speak of: the named one, else the one that is stored, else the first that is served. */
export function versionOf(crd: Crd, name?: string): CrdVersion {
  const { versions } = crd.spec;
  const found =
    name === undefined
      ? (versions.find((one) => one.storage && one.served) ?? versions.find((one) => one.served))
      : versions.find((one) => one.name === name);
  if (found !== undefined) return found;
  const known = versions.map((one) => one.name).join(', ');
  const problem = name === undefined ? 'is served in no version' : `has no version "${name}", only ${known}`;
  throw new ConfigError('CONFIG_INVALID', name === undefined ? crd.metadata.name : '--version', problem);
}

function checkCrd(one: Readonly<Record<string, unknown>>, file: string): Crd {
  const { apiVersion } = one;
  if (apiVersion !== API_VERSION) {
    const problem = `CustomResourceDefinition of ${foreignText(String(apiVersion))}, not ${API_VERSION}`;
    throw new ConfigError('CONFIG_INVALID', file, problem);
  }
  const { spec } = one as Partial<Crd>;
  if (
    typeof spec?.group !== 'string' ||
    !/^[A-Z]\w*$/i.test(spec.names?.kind ?? '') ||
    typeof spec.names.plural !== 'string' ||
    !Array.isArray(spec.versions)
  ) {
    throw new ConfigError('CONFIG_INVALID', file, 'spec needs group, names.kind, names.plural and versions');
  }
  return { ...one, metadata: { name: `${spec.names.plural}.${spec.group}` }, spec };
}

function itemsOf(document: unknown): readonly Readonly<Record<string, unknown>>[] {
  if (typeof document !== 'object' || document === null) return [];
  const { kind, items } = document as { readonly kind?: unknown; readonly items?: unknown };
  if (typeof kind === 'string' && kind.endsWith('List') && Array.isArray(items))
    return items.flatMap(itemsOf);
  return [document as Readonly<Record<string, unknown>>];
}
