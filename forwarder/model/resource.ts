/** A kind of object as the API server serves it. */

export interface GroupVersionKind {
  readonly apiVersion: string;
  readonly kind: string;
}

/** One served resource, as discovery tells it. */
export interface Resource {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  /** Whether `/status` exists. */
  readonly statusSubresource: boolean;
}

/** `group/version`, or `v1` for the core group. */
export function apiVersionOf({ group, version }: Pick<Resource, 'group' | 'version'>): string {
  return group === '' ? version : `${group}/${version}`;
}

/** Group and version of an apiVersion. */
export function parseApiVersion(apiVersion: string): { readonly group: string; readonly version: string } {
  const slash = apiVersion.indexOf('/');
  return slash < 0
    ? { group: '', version: apiVersion }
    : { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) };
}

/** `/apis/<group>/<version>[/namespaces/<ns>]/<plural>[/<name>]`; the core group under `/api/v1`. */
export function resourcePath(
  resource: Pick<Resource, 'group' | 'version' | 'plural' | 'namespaced'>,
  at: { readonly namespace?: string | undefined; readonly name?: string | undefined } = {},
): string {
  const root =
    resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  const scope = resource.namespaced && at.namespace !== undefined ? `/namespaces/${at.namespace}` : '';
  const name = at.name === undefined ? '' : `/${encodeURIComponent(at.name)}`;
  return `${root}${scope}/${resource.plural}${name}`;
}

/** How `children` and metrics name a kind: `Deployment.apps/v1`, `ConfigMap.v1`. */
export function kindName({ apiVersion, kind }: GroupVersionKind): string {
  return `${kind}.${apiVersion}`;
}
