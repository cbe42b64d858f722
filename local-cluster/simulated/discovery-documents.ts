/** What an API server says of itself: groups, versions and resources. */
import type { KindRegistry, ServedKind } from './kinds.ts';
import { openApiText } from './openapi-documents.ts';
import { JSON_HEADERS, type SimulatedRequest } from './request.ts';

const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
const STATUS_VERBS = ['get', 'patch', 'update'];
/** Kinds of requests that store nothing. */
const REVIEWS: Readonly<Record<string, readonly string[]>> = {
  'authorization.k8s.io/v1': ['SelfSubjectAccessReview', 'SubjectAccessReview'],
  'authentication.k8s.io/v1': ['TokenReview', 'SelfSubjectReview'],
};

/** The document at a path, as JSON; undefined where there is none. */
export function discoveryText(
  path: string,
  accept: string | undefined,
  kinds: KindRegistry,
): string | undefined {
  switch (path) {
    case '/healthz':
    case '/livez':
    case '/readyz':
      return 'ok';
    case '/version':
      return JSON.stringify({
        major: '1',
        minor: '36',
        gitVersion: 'v1.36.0-simulated',
        platform: 'simulated',
      });
    case '/api':
      return JSON.stringify(
        aggregated(accept) ? groupList(kinds, true) : { kind: 'APIVersions', versions: ['v1'] },
      );
    case '/apis':
      return JSON.stringify(aggregated(accept) ? groupList(kinds, false) : plainGroups(kinds));
    default:
      return openApiText(path, kinds) ?? versionText(path, kinds);
  }
}

/** Clients tell by the type of the content whether they got everything in one document. */
export function discoveryHeaders(
  path: string,
  { accept }: SimulatedRequest['headers'],
): Readonly<Record<string, string>> {
  if ((path !== '/api' && path !== '/apis') || !aggregated(accept)) return JSON_HEADERS;
  return { 'content-type': 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList' };
}

/** Of a group or a version: not of a resource, which most paths are. */
const GROUP_PATH = /^\/apis?(?:\/[^/]*){1,2}$/;

function versionText(path: string, kinds: KindRegistry): string | undefined {
  if (!GROUP_PATH.test(path)) return undefined;
  const [root, ...rest] = path.slice(1).split('/');
  if (root !== 'api' && root !== 'apis') return undefined;
  const apiVersion = rest.join('/');
  if (root === 'api' ? apiVersion !== 'v1' : rest.length !== 2) {
    const group = rest.length === 1 && root === 'apis' ? groupOf(kinds, rest[0] ?? '') : undefined;
    return group && JSON.stringify({ kind: 'APIGroup', apiVersion: 'v1', ...group });
  }
  const found = kinds.all().filter((kind) => kind.apiVersion === apiVersion);
  const reviews = (REVIEWS[apiVersion] ?? []).map((kind) => ({
    name: `${kind.toLowerCase()}s`,
    singularName: '',
    namespaced: false,
    kind,
    verbs: ['create'],
  }));
  if (found.length + reviews.length === 0) return undefined;
  const resources = [...found.flatMap((kind) => resourcesOf(kind)), ...reviews];
  return JSON.stringify({ kind: 'APIResourceList', apiVersion: 'v1', groupVersion: apiVersion, resources });
}

function resourcesOf(kind: ServedKind): object[] {
  const resource = {
    name: kind.plural,
    singularName: kind.singular,
    namespaced: kind.namespaced,
    kind: kind.kind,
    verbs: VERBS,
    ...(kind.shortNames.length > 0 && { shortNames: kind.shortNames }),
    ...(kind.categories.length > 0 && { categories: kind.categories }),
    storageVersionHash: '',
  };
  const { namespaced, kind: name } = kind;
  const status = {
    name: `${kind.plural}/status`,
    singularName: '',
    namespaced,
    kind: name,
    verbs: STATUS_VERBS,
  };
  return kind.statusSubresource ? [resource, status] : [resource];
}

interface Group {
  readonly name: string;
  readonly versions: readonly { readonly groupVersion: string; readonly version: string }[];
}

function groupOf(kinds: KindRegistry, name: string): (Group & { preferredVersion: object }) | undefined {
  const versions = new Map<string, string>();
  for (const { group, version, apiVersion } of kinds.all())
    if (group === name) versions.set(apiVersion, version);
  for (const apiVersion of Object.keys(REVIEWS)) {
    if (apiVersion.startsWith(`${name}/`)) versions.set(apiVersion, apiVersion.slice(name.length + 1));
  }
  const list = [...versions].map(([groupVersion, version]) => ({ groupVersion, version }));
  const [preferredVersion] = list;
  return preferredVersion && { name, versions: list, preferredVersion };
}

function groupNames(kinds: KindRegistry): readonly string[] {
  const reviews = Object.keys(REVIEWS).map((apiVersion) => apiVersion.split('/')[0] as string);
  return [...new Set([...kinds.all().map(({ group }) => group), ...reviews])].filter((name) => name !== '');
}

function plainGroups(kinds: KindRegistry): object {
  const groups = groupNames(kinds).flatMap((name) => groupOf(kinds, name) ?? []);
  return { kind: 'APIGroupList', apiVersion: 'v1', groups };
}

function aggregated(accept: string | undefined): boolean {
  return accept?.includes('as=APIGroupDiscoveryList') ?? false;
}

/** Everything in one document. https://kubernetes.io/docs/concepts/overview/kubernetes-api/#aggregated-discovery */
function groupList(kinds: KindRegistry, core: boolean): object {
  const names = core ? [''] : groupNames(kinds);
  const items = names.map((name) => {
    const versions = new Map<string, ServedKind[]>();
    for (const kind of kinds.all()) {
      if (kind.group === name) versions.set(kind.version, [...(versions.get(kind.version) ?? []), kind]);
    }
    return {
      metadata: { name, creationTimestamp: null },
      versions: [...versions].map(([version, found]) => ({
        version,
        freshness: 'Current',
        resources: found.map((kind) => discovered(kind)),
      })),
    };
  });
  return { kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2', metadata: {}, items };
}

function discovered(kind: ServedKind): object {
  const { group, version, kind: name, plural, singular, namespaced, shortNames, categories } = kind;
  const responseKind = { group, version, kind: name };
  const status = { subresource: 'status', responseKind, verbs: STATUS_VERBS };
  return {
    resource: plural,
    responseKind,
    scope: namespaced ? 'Namespaced' : 'Cluster',
    singularResource: singular,
    verbs: VERBS,
    shortNames,
    categories,
    ...(kind.statusSubresource && { subresources: [status] }),
  };
}
